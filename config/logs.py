"""What is logged, and how. Imported by the settings."""

from typing import Any

# One line per fact. Nothing here may log a query string, a header or a body: they carry tokens and keys. Django logs
# the bare path of a failed request; the development server's request lines, which carry the query, are switched off.
LOGGING: dict[str, Any] = {
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
