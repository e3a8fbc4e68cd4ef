"""The stage: what must stand before pytest-django reads the settings, so it is loaded with `-p tests.stage`.

It starts (or joins) the embedded servers where none are named, and makes property tests the same on every run.
Nothing of Django may be imported at the top of this file.
"""

import os
from typing import Any

import hypothesis
import pytest

from config import embedded

embedded.fill_environment()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
# Nothing is collected for tests: style sheets are served from where they are.
os.environ["STATIC_FILES"] = "sources"

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

hypothesis.settings.register_profile(
    "drawdown",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("drawdown")


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_triggers() -> None:
    """Let transactional tests empty the tables whose triggers refuse it, and quickly.

    DELETE without triggers and foreign key checks takes milliseconds where TRUNCATE of fifty tables takes a second.
    Content types and permissions are made once with the database; tests don't change them, so they stay.
    """
    from django.core.management.commands import flush
    from django.db import connection

    kept = {"django_content_type", "auth_permission"}
    # What it would make are those two again; asking for all of them took ten times as long as the deletes.
    setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)  # noqa: B010 - a function is replaced on purpose

    def sql_flush(
        _style: object, tables: list[str], *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        del reset_sequences, allow_cascade  # nothing here asks for them
        deletes = "".join(f"DELETE FROM {connection.ops.quote_name(table)};" for table in tables if table not in kept)
        return ["SET LOCAL session_replication_role = replica", deletes] if deletes else []

    # On the class: the live server's and the threads' connections have operations of their own.
    setattr(type(connection.ops), "sql_flush", staticmethod(sql_flush))  # noqa: B010 - a method is replaced on purpose


@pytest.fixture(scope="session", autouse=True)
def _drop_the_database_under_anyone() -> None:
    """A thread of a web server that was stopped a moment ago may still be connected when the run ends."""
    from django.db import connection

    def destroy(creation: Any, name: str, _verbosity: int) -> None:
        with creation._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {creation.connection.ops.quote_name(name)} WITH (FORCE)")

    setattr(type(connection.creation), "_destroy_test_db", destroy)  # noqa: B010 - a method is replaced on purpose
