"""How static files are kept in production."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStorage(CompressedManifestStaticFilesStorage):
    """Files named by their content, and modules that import each other by these names."""

    support_js_module_import_aggregation = True
