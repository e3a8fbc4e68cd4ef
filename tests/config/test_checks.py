"""The system checks: each dangerous combination is named, and a sound one passes."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from config import checks


@pytest.fixture
def deployed(settings: Any, tmp_path: Path) -> Any:
    """The settings of a sound installation."""
    settings.DEBUG = False
    settings.IS_HTTPS = True
    settings.BASE_URL = "https://credits.example.com"
    settings.BASE_HOST = "credits.example.com"
    settings.ALLOWED_HOSTS = ["credits.example.com"]
    settings.SECRET_KEY = "a" * 50
    settings.STATIC_FILES = "collected"
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "staticfiles.json").touch()
    settings.TRUSTED_PROXIES = 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_x"
    settings.PAYMENTS_SANDBOX_URL = ""
    return settings


def ids() -> list[str | None]:
    """What the checks that need no database say."""
    found = [
        *checks.debug_is_for_localhost(None),
        *checks.base_url_is_an_allowed_host(None),
        *checks.secret_is_long_on_https(None),
        *checks.sources_are_for_the_demo(None),
        *checks.sandbox_has_no_live_key(None),
        *checks.key_has_its_webhook_secret(None),
        *checks.sandbox_is_for_the_demo(None),
        *checks.proxy_is_counted(None),
        *checks.mail_leaves_the_machine(None),
        *checks.static_files_are_collected(None),
    ]
    return [message.id for message in found]


def test_a_sound_installation_passes(deployed: Any) -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("setting", "value", "id_"),
    [
        ("DEBUG", True, "config.E001"),
        ("ALLOWED_HOSTS", ["other.example.com"], "config.E002"),
        ("SECRET_KEY", "short", "config.E003"),
        ("STATIC_FILES", "sources", "config.W001"),
        ("STRIPE_WEBHOOK_SECRET", "", "config.E007"),
        ("TRUSTED_PROXIES", 0, "config.E008"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "config.W003"),
        ("STATIC_ROOT", Path("nowhere"), "config.E009"),
    ],
)
def test_a_dangerous_setting_is_named(deployed: Any, setting: str, value: object, id_: str) -> None:
    setattr(deployed, setting, value)

    assert ids() == [id_]


def test_a_live_key_and_the_sandbox_exclude_each_other(deployed: Any) -> None:
    deployed.PAYMENTS_SANDBOX_URL = "http://127.0.0.1:12111"

    assert ids() == ["config.E006", "config.W002"]


def test_an_installation_may_sell_nothing_by_card(deployed: Any) -> None:
    deployed.STRIPE_SECRET_KEY = deployed.STRIPE_WEBHOOK_SECRET = ""

    assert ids() == []


def test_a_wildcard_of_the_own_domain_contains_the_host(deployed: Any) -> None:
    deployed.ALLOWED_HOSTS = [".example.com"]

    assert ids() == []


@pytest.mark.django_db
def test_the_database_of_the_tests_is_new_enough() -> None:
    assert checks.postgresql_is_new_enough(None, databases=["default"]) == []


@pytest.mark.parametrize(
    ("vendor", "number", "id_"),
    [("sqlite", 0, "config.E004"), ("postgresql", 140_011, "config.E005"), ("postgresql", 150_000, None)],
)
def test_an_old_or_another_database_is_refused(
    monkeypatch: pytest.MonkeyPatch, vendor: str, number: int, id_: str | None
) -> None:
    monkeypatch.setattr(checks, "connections", {"default": _Connection(vendor, number)})

    messages = checks.postgresql_is_new_enough(None, databases=["default"])

    assert [message.id for message in messages] == ([id_] if id_ else [])


class _Connection:
    """Just enough of a connection to be asked for its version."""

    def __init__(self, vendor: str, number: int) -> None:
        self.vendor = vendor
        self.number = number

    def cursor(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return SimpleNamespace(execute=lambda _sql: None, fetchone=lambda: (self.number, str(self.number)))

    def __exit__(self, *_error: object) -> None:
        pass


class TestTheRoleOfTheDatabase:
    """The tests' own role is a superuser; others are made for the moment and gone with the transaction."""

    @pytest.fixture
    def as_role(self, db: None) -> Callable[[str], list[str]]:
        def run(grants: str) -> list[str]:
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE ROLE checked_role; {grants}; SET LOCAL ROLE checked_role")
            return [str(message.msg) for message in checks.role_owns_no_table(None, databases=["default"])]

        return run

    def test_a_superuser_is_named(self, db: None) -> None:
        assert "is a superuser" in str(checks.role_owns_no_table(None, databases=["default"])[0].msg)

    def test_whoever_owns_the_ledgers_tables_is_named(self, as_role: Callable[[str], list[str]]) -> None:
        [message] = as_role("ALTER TABLE credits_entry OWNER TO checked_role")

        assert "owns the ledger's tables" in message

    def test_a_role_that_owns_nothing_passes(self, as_role: Callable[[str], list[str]]) -> None:
        assert as_role("GRANT SELECT ON credits_entry TO checked_role") == []
