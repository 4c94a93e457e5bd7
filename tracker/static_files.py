"""How static files are kept in production."""

import re

from django.contrib.staticfiles import finders
from whitenoise.storage import CompressedManifestStaticFilesStorage

# A comment that has its lines to itself.
COMMENT = r"(?m)^ *(?://.*|/\*(?s:.*?)\*/)\n+"
NOTHING = ""
IMPORT = r'@import "\./(?P<name>[\w-]+\.css)" layer\((?P<layer>[\w.]+)\);\s*'
LAYER = "@layer %(layer)s{%(rules)s}"
# Of a text, around what parts rules and values, after what names a property, and elsewhere.
BLANK = r'("[^"]*")|\s*([{};,>])\s*|(:)\s+|\s+'


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """Files named by their content; modules import by these names, stylesheets hold what they import."""

    patterns = (
        # Before Django's own, which would have a page wait for one stylesheet after the other.
        ("css/*.css", ((COMMENT, NOTHING), (IMPORT, LAYER))),
        ("js/*.js", ((COMMENT, NOTHING),)),
        *CompressedManifestStaticFilesStorage.patterns,
        # Of our own alone, since others name in comments what is not there.
        ("js/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )

    def url_converter(self, name, hashed_files, template=None):
        own = {NOTHING: lambda found: "", LAYER: held}
        return own.get(template) or super().url_converter(name, hashed_files, template)


def held(found):
    """The rules that an import of a stylesheet stands for."""
    path = finders.find(f"css/{found['name']}")
    if not path:
        raise ValueError(f"There is no stylesheet of the name {found['name']}.")
    with open(path, encoding="utf-8") as file:
        return LAYER % {"layer": found["layer"], "rules": compact(file.read())}


def compact(css):
    """The same rules without comments, and with blanks only where they mean something."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(BLANK, lambda found: "".join(filter(None, found.groups())) or " ", css)
    return css.replace(";}", "}").strip()
