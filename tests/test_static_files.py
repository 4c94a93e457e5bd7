"""Static files as production keeps them."""

import re

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.management import call_command

from tracker.static_files import ModuleStorage

HASHED = re.compile(r'"\./[a-z-]+\.[0-9a-f]{12}\.js"')


def test_modules_import_each_other_by_the_names_of_their_content(settings, tmp_path):
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "tracker.static_files.ModuleStorage"}}
    settings.DEBUG = False

    call_command("collectstatic", interactive=False, verbosity=0)

    with open(finders.find("js/main.js")) as file:
        imported = re.findall(r'import "\./', file.read())
    main = ModuleStorage(location=str(tmp_path)).stored_name("js/main.js")
    found = StaticFilesStorage(location=str(tmp_path)).open(main).read().decode()
    assert len(HASHED.findall(found)) == len(imported) > 10
