"""`make messages`: what pages say, read out of the sources into the catalogue of every language.

Templates are read as Django compiles them, so that what stands in a catalogue is what is looked up there.
A catalogue is a `.po` file, which people edit, and beside it the `.mo` file, which the server reads.
"""

import os
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
APPS = ("issues", "comments", "tracker")
# What is said at other places than on pages, and so in English.
NO_PAGES = ("migrations", "management", "dialects", "demo", "generator")
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}


def catalogues():
    """The paths of the catalogues."""
    return sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))


def extracted():
    """A Catalog of what the sources say, with the files that say it."""
    found = Catalog()
    for name, message, context in [*of_modules(), *of_templates()]:
        found.add(message, locations=[(name, 0)], context=context)
    return found


def of_modules():
    """(file, message, context) of what modules say; a message is a text, or two of one and of many."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not set(path.parts) & set(NO_PAGES):
                with path.open("rb") as file:
                    for _, message, _, context in extract("python", file, KEYWORDS):
                        yield str(path.relative_to(ROOT)), message, context


def of_templates():
    """The same of templates."""
    from django.template import engines
    from django.templatetags.i18n import BlockTranslateNode, TranslateNode

    for path in sorted((ROOT / "templates").rglob("*.*")):
        nodes = engines["django"].get_template(str(path.relative_to(ROOT / "templates"))).template.nodelist
        for node in nodes.get_nodes_by_type((TranslateNode, BlockTranslateNode)):
            context = node.message_context.resolve({}) if node.message_context else None
            if isinstance(node, BlockTranslateNode):
                message, _ = node.render_token_list(node.singular)
                if node.plural:
                    message = message, node.render_token_list(node.plural)[0]
            else:
                # What a variable says is marked where the variable is from.
                message = (node.filter_expression.var.literal or "").replace("%", "%%")
            if message:
                yield str(path.relative_to(ROOT)), message, context


def updated(path):
    """(the Catalog at `path` with what the sources say now, as the .po file, as the .mo file)."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parent.parent.name)
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    texts, compiled = BytesIO(), BytesIO()
    write_po(texts, catalogue, width=110, sort_output=True, ignore_obsolete=True, include_lineno=False)
    write_mo(compiled, catalogue)
    return catalogue, texts.getvalue(), compiled.getvalue()


def untranslated(catalogue):
    """The messages of a Catalog that have no translation, or one that nobody has checked."""
    return [message.id for message in catalogue if message.id and (message.fuzzy or not said(message))]


def said(message):
    """Whether a message has a translation, for one and for many if there are both."""
    return all(message.string) if message.pluralizable else bool(message.string)


def main():
    for path in catalogues():
        catalogue, texts, compiled = updated(path)
        path.write_bytes(texts)
        path.with_suffix(".mo").write_bytes(compiled)
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} messages")  # noqa: T201
        for message in untranslated(catalogue):
            print(f"  not translated: {message}")  # noqa: T201


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    django.setup()
    main()
