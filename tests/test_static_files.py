"""Static files as production keeps them."""

import re

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import FileSystemStorage

from tracker.static_files import ManifestStorage, compact

HASHED = re.compile(r'"\./[a-z-]+\.[0-9a-f]{12}\.js"')


def written(path):
    with open(finders.find(path)) as file:
        return file.read()


def kept(folder, path):
    return (folder / staticfiles_storage.stored_name(path)).read_text()


def test_modules_import_each_other_by_the_names_of_their_content(production_files):
    imported = re.findall(r'import "\./', written("js/main.js"))

    found = kept(production_files, "js/main.js")

    assert len(HASHED.findall(found)) == len(imported) > 10
    assert "/*" in written("js/main.js") and "/*" not in found


def test_a_stylesheet_holds_those_that_it_imports_each_in_its_layer(production_files):
    imported = re.findall(r'@import "\./(.+)" layer\((.+)\);', written("css/site.css"))

    found = kept(production_files, "css/site.css")

    held = [f"@layer {layer}{{{compact(written(f'css/{name}'))}}}" for name, layer in imported]
    assert [part in found for part in held] == [True] * len(imported)
    assert "@import" not in found and len(imported) > 10


@pytest.mark.parametrize(
    ("css", "expected"),
    [
        ("/* Why */\na {\n  color : red;\n}\n", "a{color :red}"),
        ("a > b, a :hover { margin: 0 auto }", "a>b,a :hover{margin:0 auto}"),
        ('a::before { content: "; {  }" / ""; }', 'a::before{content:"; {  }" / ""}'),
        (
            "@media (width > 9px) { a { top: calc(1px + 2px) } }",
            "@media (width>9px){a{top:calc(1px + 2px)}}",
        ),
    ],
)
def test_compact_css_says_the_same(css, expected):
    assert compact(css) == expected


def test_an_import_of_what_is_not_there_is_refused(tmp_path):
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "lost.css").write_text('@import "./nowhere.css" layer(base);')
    found = {"css/lost.css": (FileSystemStorage(tmp_path), "css/lost.css")}

    processed = [outcome for *_, outcome in ManifestStorage(location=tmp_path).post_process(found)]

    assert "nowhere.css" in str(next(outcome for outcome in processed if isinstance(outcome, Exception)))
