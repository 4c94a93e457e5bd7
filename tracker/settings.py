"""Settings of the tracker: everything that differs between installations comes from the environment."""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / ".data"

env = environ.Env()

DEBUG = env.bool("DEBUG", True)
SECRET_KEY = env.str("SECRET_KEY", "development-only" if DEBUG else "")
if not SECRET_KEY:
    raise SystemExit("SECRET_KEY is not set: give it a long random value, or set DEBUG=1 to develop.")

PORT = env.int("PORT", 8000)
BASE_URL = env.str("BASE_URL", f"http://127.0.0.1:{PORT}")
IS_HTTPS = BASE_URL.startswith("https://")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[urlsplit(BASE_URL).hostname])
if DEBUG:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Addresses of the reverse proxies whose X-Forwarded-* headers are believed; nobody's by default.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])

INSTALLED_APPS = [
    "tracker",
    "tracker.accounts",
    "comments",
    "issues",
    "tracker.apps.TrackerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_htmx",
    "lucide",
]

MIDDLEWARE = [
    "issues.middleware.ActorMiddleware",
    "tracker.middleware.LanguageMiddleware",
    "tracker.middleware.TrustedProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tracker.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tracker.middleware.LimitsMiddleware",
    "tracker.middleware.SessionMiddleware",
    "tracker.middleware.LengthMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tracker.middleware.AuthenticationMiddleware",
    "tracker.middleware.LazyMessagesMiddleware",
    "tracker.middleware.HtmxMiddleware",
    "tracker.middleware.IdempotencyMiddleware",
    "tracker.middleware.ErrorPagesMiddleware",
]

ROOT_URLCONF = "tracker.urls"
WSGI_APPLICATION = "tracker.wsgi.application"
# A page's address ends in a slash and an API's says so itself: nothing is redirected for a slash.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tracker.accounts.context.browser",
            ],
            # Nearly every template says something.
            "builtins": ["django.templatetags.i18n", "issues.templatetags.language"],
        },
    },
]

DATABASES = {"default": env.db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'tracker.sqlite3'}")}
DATABASES["default"].update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True, ATOMIC_REQUESTS=False)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"].update(
        ENGINE="tracker.db.sqlite",
        OPTIONS={
            "timeout": 20,
            "cached_statements": 512,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
            ),
        },
        # A file, since SQLite in memory knows neither WAL nor a second writer.
        TEST={"NAME": env.str("TEST_DATABASE_NAME", str(DATA_DIR / "test.sqlite3"))},
    )
else:
    # Planning a list takes longer than running it; what is asked again and again is planned once. What an
    # index leads to is read as fast as the next page of a table, from memory and nearly so from an SSD;
    # PostgreSQL, which expects a turning disk, would sooner walk through all of a table. A list of half a
    # million keys, to look into, has to fit into its memory: it would walk through it for each issue instead.
    DATABASES["default"].update(
        ENGINE="tracker.db.postgresql",
        OPTIONS={
            "server_side_binding": True,
            "prepare_threshold": 5,
            "options": "-c random_page_cost=1 -c work_mem=32MB",
        },
    )
# Seconds, of the web process alone: no statement of a request holds the database for longer.
STATEMENT_TIMEOUT = env.int("STATEMENT_TIMEOUT", 10)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache_url("CACHE_URL", "locmemcache://?MAX_ENTRIES=100000")}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# Links for a new password.
PASSWORD_RESET_TIMEOUT = 86_400

CSRF_FAILURE_VIEW = "tracker.errors.csrf_failure"

# Pages are in a language of these; programs and the administration are told in the first.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_COOKIE_NAME = "language"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# In development files are served from where they lie, in production from where collectstatic put them.
STATIC_ROOT = None if DEBUG else DATA_DIR / "static"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "issues.uploads.ContentStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if not DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "tracker.static_files.ManifestStorage"}
MEDIA_ROOT = env.path("MEDIA_ROOT", default=DATA_DIR / "media")()

# Mails carry links that let somebody in: only a developer may have them on a console.
EMAIL_CONFIG = env.email_url("EMAIL_URL", "consolemail://" if DEBUG else "dummymail://")
vars().update(EMAIL_CONFIG)
HAS_MAIL = not EMAIL_CONFIG["EMAIL_BACKEND"].endswith(".dummy.EmailBackend")
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = f"tracker@{urlsplit(BASE_URL).hostname}"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tracker.accounts.authentication.BearerAuthentication",
        "tracker.accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["issues.policy.MayDo"],
    "DEFAULT_THROTTLE_CLASSES": ["tracker.accounts.throttling.TokenThrottle"],
    "DEFAULT_PARSER_CLASSES": ["issues.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["issues.renderers.OrjsonRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "issues.renderers.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "tracker.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tracker.errors.problem_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tracker",
    "DESCRIPTION": "Issues, comments and their history. Errors are RFC 9457 problem documents.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["tracker.openapi.without_doors"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tracker.openapi.add_problems",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Datadog's pages show errors as texts, its service sends objects; its clients take both.
DATADOG_ERROR_OBJECTS = env.bool("DATADOG_ERROR_OBJECTS", False)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
# More than an issue may have, so that its form can say so.
DATA_UPLOAD_MAX_NUMBER_FILES = 100
FILE_UPLOAD_HANDLERS = ["issues.uploads.MemoryUploadHandler", "issues.uploads.DiskUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"links": {"()": "tracker.logs.HideLinks"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {name: {"filters": ["links"]} for name in ("django.request", "django.security.csrf")},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
