"""All settings, read from the environment and checked.

SECRET_KEY, DATABASE_URL, REDIS_URL, BASE_URL and ALLOWED_HOSTS have no default: without one of them nothing starts.
Cookies are secure and HSTS is on if BASE_URL is https; http is accepted for localhost only.
"""

import re
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env, validate

from config import browser_policies, logs

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
# HSTS for all subdomains of BASE_URL's host, and its preloading in browsers. Off by default: both concern hosts that
# are not ours, and neither can be undone for two years.
HSTS_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", False)
HSTS_PRELOAD = env.bool("HSTS_PRELOAD", False)
# Static files: from collectstatic ("collected": compressed, cached forever) or from the source folders ("sources": for
# the demo and development).
STATIC_FILES = env.str("STATIC_FILES", "collected", validate=validate.OneOf(["collected", "sources"]))
# Test runs that share one server use different names.
TEST_DATABASE_NAME = env.str("TEST_DATABASE_NAME", "test_drawdown")
# How many API calls a key may send to one web process. It stops a client that runs wild.
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", 1_000_000, validate=validate.Range(min=1))
# Per client address. A wrongly configured client notices at once, and guessing keys is hopeless.
API_REFUSED_KEYS_PER_MINUTE = 60
# Payments. Without a key nothing is sold by card. The webhook secret belongs to the endpoint at Stripe that calls
# BASE_URL/billing/webhooks/stripe/. With a payments sandbox (loopback only) no money moves.
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
    "domain_events",
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
    # Calls of the API leave here: what follows takes longer than their own work, and they need none of it.
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
        # After a restart of PostgreSQL, stale connections are replaced instead of failing a request each.
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"NAME": TEST_DATABASE_NAME},
        "OPTIONS": {
            **DATABASE_URL.get("OPTIONS", {}),
            "connect_timeout": 5,
            # Incremental sorts are off: if a wallet had become busy since the table was analyzed, one of them read its
            # whole ledger for every replay check, which cut its rate of spends to a tenth.
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
# Both are off by choice, above.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [f"{_address.scheme}://{_address.netloc}"]
X_FRAME_OPTIONS = "DENY"
# Where our forms may lead. Browsers apply the policy to the redirect after a form, too.
PAYMENT_PAGES = (
    [PAYMENTS_SANDBOX_URL] if PAYMENTS_SANDBOX_URL else ["https://checkout.stripe.com", "https://billing.stripe.com"]
)
CONTENT_SECURITY_POLICY = browser_policies.content_security_policy(PAYMENT_PAGES)
PERMISSIONS_POLICY = browser_policies.PERMISSIONS_POLICY

# Mail
if not all("@" in address for _name, address in ADMINS):
    raise ImproperlyConfigured("ADMINS must be email addresses, separated by commas")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL["EMAIL_HOST"]
EMAIL_PORT = EMAIL["EMAIL_PORT"]
EMAIL_HOST_USER = EMAIL["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = EMAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10

# A batch of 1,000 uses is about 500 KB.
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
# Counted in the shared cache: per client address, and per email address for what could be guessed or sends mail.
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
# One step of 30 seconds either way, for phones whose clocks are wrong.
MFA_TOTP_TOLERANCE = 1
# Only localhost is served without https, and browsers treat it as secure.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS

# Shared by all processes: rate limits and used codes, never a balance. It is a table, made by a migration, so that
# people can sign in without Redis. A job deletes expired entries. MAX_ENTRIES is far above their number, because
# dropping counts early would allow more guesses.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "drawdown_cache",
        "KEY_PREFIX": "drawdown",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

LOGGING = logs.LOGGING
