"""How static files are kept in production."""

from whitenoise.storage import CompressedManifestStaticFilesStorage as ManifestStorage


class ModuleStorage(ManifestStorage):
    """Files named by their content, and modules of our own that import each other by these names."""

    patterns = (
        *ManifestStorage.patterns,
        # Others name in comments what is not there.
        ("js/*.js", ManifestStorage._js_module_import_aggregation_patterns[1]),
    )
