"""All settings, read from the environment, typed, failing loudly, safe by default.

SECRET_KEY, DATABASE_URL, REDIS_URL, BASE_URL and ALLOWED_HOSTS have no default: an installation that forgot one does
not start. Cookies are secure and HSTS is on whenever BASE_URL is https; plain http is accepted for localhost alone.
"""

import re
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env, validate

env = Env(eager=False)

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY")
BASE_URL = env.str("BASE_URL")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS")
DATABASE_URL = env.dj_db_url("DATABASE_URL")
REDIS_URL = env.str("REDIS_URL")
EMAIL = env.dj_email_url("EMAIL_URL", "console://")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Drawdown <credits@localhost>")
# Who is mailed about broken books and frequent recharges: "Ops <ops@example.com>, finance@example.com".
ADMINS = getaddresses([env.str("ADMINS", "")])
# How many trusted proxies append to X-Forwarded-For in front of the web server (0: none, the header is not read).
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
# Whether browsers are to refuse plain http for all subdomains of BASE_URL's host too, and may be shipped knowing that.
# Neither can be taken back for two years, and both concern hosts that are not ours: off unless asked for.
HSTS_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", False)
HSTS_PRELOAD = env.bool("HSTS_PRELOAD", False)
# Where static files come from: what collectstatic gathered ("collected": compressed, cached for ever), or straight
# from the source folders ("sources": for the demo and development).
STATIC_FILES = env.str("STATIC_FILES", "collected", validate=validate.OneOf(["collected", "sources"]))
# Tests that run side by side on one server name their databases apart.
TEST_DATABASE_NAME = env.str("TEST_DATABASE_NAME", "test_drawdown")
# How many API calls a key may send to one web process; generous, against a client that went wild.
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", 1_000_000, validate=validate.Range(min=1))
# Per client address. A wrongly configured client notices at once, and guessing keys is hopeless.
API_REFUSED_KEYS_PER_MINUTE = 60
# Payments. Without a key nothing is sold by card. The webhook secret is that of the endpoint at Stripe which calls
# BASE_URL/billing/webhooks/stripe/. With the address of a payments sandbox (loopback only) no money moves.
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "", validate=validate.Regexp("^((sk|rk)_(test|live)_.+)?$"))
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "", validate=validate.Regexp("^(whsec_.+)?$"))
PAYMENTS_SANDBOX_URL = env.str("PAYMENTS_SANDBOX_URL", "").rstrip("/")
env.seal()

_address = urlsplit(BASE_URL)
if _address.scheme not in {"http", "https"} or not _address.hostname:
    raise ImproperlyConfigured("BASE_URL must be an address such as https://credits.example.com")
BASE_HOST = _address.hostname
IS_HTTPS = _address.scheme == "https"
if not IS_HTTPS and _address.hostname not in {"localhost", "127.0.0.1"}:
    raise ImproperlyConfigured("BASE_URL must be https, except on localhost")
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts; '*' would let anyone poison the links in our mail")

if PAYMENTS_SANDBOX_URL and not re.fullmatch(r"http://(127\.0\.0\.1|localhost):\d{1,5}", PAYMENTS_SANDBOX_URL):
    raise ImproperlyConfigured("PAYMENTS_SANDBOX_URL must be on this machine, such as http://127.0.0.1:12111")

INSTALLED_APPS = [
    "config",
    "organizations",
    "jobs",
    "notices",
    "webhooks",
    "credits",
    "usage",
    "billing",
    # Django's admin, opened only to staff who have two factors.
    "organizations.staff.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "config.middleware.PrivateByDefault",
    "django.middleware.security.SecurityMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # The API's calls turn off here: they need nothing of what follows, which takes longer than their own work.
    "config.api.StraightToTheCall",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "organizations.accounts.middleware.UserLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database. Autocommit, READ COMMITTED: the ledger's locks are written for it.
DATABASES = {
    "default": {
        **DATABASE_URL,
        "CONN_MAX_AGE": 60,
        # After a restart of PostgreSQL a stale connection is replaced instead of failing one request each.
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"NAME": TEST_DATABASE_NAME},
        "OPTIONS": {
            **DATABASE_URL.get("OPTIONS", {}),
            "connect_timeout": 5,
            # Incremental sorts are off because one of them read a wallet's whole ledger for every replay check once the
            # wallet had become busy since the table was last analyzed: a tenth of the spends were left of its rate.
            "options": "-c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
            " -c enable_incremental_sort=off",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "organizations.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

# Language, numbers, time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese")), ("ko", _("Korean"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Static files
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "config.static_files.StaticFilesFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = STATIC_FILES == "sources"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if STATIC_FILES == "sources"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["map", "png", "jpg", "gif", "woff2", "br", "gz"]

# Transport and browser
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 63_072_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS and HSTS_SUBDOMAINS
SECURE_HSTS_PRELOAD = IS_HTTPS and HSTS_PRELOAD
# Off by choice, above; `check --deploy` needs no reminder.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [f"{_address.scheme}://{_address.netloc}"]
X_FRAME_OPTIONS = "DENY"
# Where a form of ours may lead: browsers apply the policy to the redirect that follows, too.
PAYMENT_PAGES = (
    [PAYMENTS_SANDBOX_URL] if PAYMENTS_SANDBOX_URL else ["https://checkout.stripe.com", "https://billing.stripe.com"]
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *PAYMENT_PAGES],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    "camera": [],
    "geolocation": [],
    "microphone": [],
    "payment": [],
    "usb": [],
    "publickey-credentials-get": ["self"],
}

# Mail
if not all("@" in address for _name, address in ADMINS):
    raise ImproperlyConfigured("ADMINS must be mail addresses, separated by commas")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL["EMAIL_HOST"]
EMAIL_PORT = EMAIL["EMAIL_PORT"]
EMAIL_HOST_USER = EMAIL["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = EMAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10

# Uploads and bodies: a batch of 1,000 uses is about 500 KB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# Accounts (django-allauth). Sign-in by password, by a code sent by mail, or by passkey; then the second factor.
ACCOUNT_ADAPTER = "organizations.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "organizations.accounts.forms.SignupForm"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _address.scheme
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 5 * 60
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
# Counted in the shared cache: per client address, and per mail address for what could be guessed or would send mail.
# A person who is locked out by a stranger's guesses can still sign in by a mailed code or a passkey.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,10/5m/key",
    "signup": "10/m/ip",
    "reset_password": "10/m/ip,3/m/key",
    "reset_password_from_key": "20/m/ip",
    "request_login_code": "10/m/ip,3/m/key",
    "confirm_email": "1/3m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Drawdown"
# One step of 30 seconds either way, for telephones whose clocks are off.
MFA_TOTP_TOLERANCE = 1
# Browsers treat http://localhost as secure; nothing else is served without https.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS

# What all web processes share: rate limits and used codes. Never a balance. It is in the database, so that people sign
# in while Redis is gone; its table is made by a migration. Entries that ran out are deleted by a job; the limit is far
# above what they come to, since counts that are dropped early would be guesses given away.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "drawdown_cache",
        "KEY_PREFIX": "drawdown",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# One line per fact. Nothing here may log a query string, a header or a body: they carry tokens and keys. Django logs
# the bare path of a failed request; the development server's request lines, which carry the query, are switched off.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Django's own handler would mail every failed request to ADMINS, with its fields, cookies and settings.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"level": "ERROR"},
        "django.db.backends": {"level": "INFO"},
        "celery": {"level": "WARNING"},
        # It would log every address with its query.
        "stripe": {"level": "WARNING"},
    },
}
