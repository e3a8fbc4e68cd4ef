"""The test database: cloned from a template that is kept between runs, emptied quickly between tests, filled quickly.

The template is migrated once; its name holds a digest of the migrations, so that a change of them makes a new one.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase

from config.embedded import ROOT

# Made once with the database; tests don't change them.
KEPT_TABLES = {"django_content_type", "auth_permission"}

P = ParamSpec("P")
T = TypeVar("T")


def clone_from_template() -> None:
    """Have the test database copied from the template, which is made first where there is none for these migrations.

    Copying takes half a second, migrating ten. What the template lacks is migrated afterwards, as ever.
    """
    connection.settings_dict["TEST"]["TEMPLATE"] = _template()
    creation: Any = connection.creation
    with creation._nodb_cursor() as cursor:
        # A run that was killed may have left one, and a process that is still connected to it.
        cursor.execute(f'DROP DATABASE IF EXISTS "{creation._get_test_db_name()}" WITH (FORCE)')


def _template() -> str:
    """The template's name. One process makes it, others wait; templates of other migrations are dropped."""
    prefix = f"{settings.TEST_DATABASE_NAME}_template_"
    name = prefix + _digest()
    with _alone() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        existing = {datname for (datname,) in cursor.fetchall()}
        for other in existing - {name}:
            cursor.execute(f'DROP DATABASE "{other}" WITH (FORCE)')
        if name not in existing:
            # Whoever dies in between leaves no template by that name.
            unfinished = f"{name}_unfinished"
            _migrate(unfinished)
            cursor.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    return name


@contextmanager
def _alone() -> Iterator[Any]:
    """A cursor on the server's own database, under a lock that one test process at a time holds."""
    with connection.creation._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(hashtext('tests: template'))")
        yield cursor


def _migrate(name: str) -> None:
    """Make a database of this name with everything migrated."""
    own, of_tests = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    try:
        connection.settings_dict["TEST"] = {**of_tests, "NAME": name}
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        connection.settings_dict["TEST"] = of_tests
        settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = own


def _digest() -> str:
    """What the tables depend on: our migrations with their helper, and the packages that bring their own."""
    migrations = sorted(path for path in ROOT.glob("*/migrations/*.py"))
    digest = hashlib.sha256()
    for path in [*migrations, ROOT / "sql/triggers.py", ROOT / "requirements.txt"]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def empty_quickly() -> None:
    """Have transactional tests leave empty tables behind, past the triggers that refuse it, and keep the connection.

    DELETE without triggers and foreign key checks takes milliseconds where TRUNCATE of eighty tables takes a second.
    A new connection for the next test would take as long again: PostgreSQL reads anew what each table is.
    """
    setattr(TransactionTestCase, "_fixture_teardown", lambda _case: _empty_tables())  # noqa: B010 - on purpose
    setattr(TransactionTestCase, "_should_reload_connections", lambda _case: False)  # noqa: B010


def _empty_tables() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_deletes())
    with connection.cursor() as cursor:
        # What a test set for its session, or locked in it, must not reach the next.
        cursor.execute("RESET ALL; SELECT pg_advisory_unlock_all()")


@cache
def _deletes() -> str:
    return "".join(f'DELETE FROM "{table}";' for table in _tables())


@cache
def _tables() -> list[str]:
    return sorted(set(connection.introspection.django_table_names(include_views=False)) - KEPT_TABLES)


def built_once(build: Callable[P, T]) -> Callable[P, T]:
    """Decorate what builds a world from plain arguments: its rows are made once per run and then only written again.

    The next time the same is asked for, the rows come back as they were, keys included: sequences don't go back with
    a transaction, so no other row has those. What was answered comes back as a copy. In a database that is not empty
    it is built anew, and not kept; nothing but rows may come of building.
    """
    worlds: dict[str, tuple[dict[str, bytes], bytes]] = {}

    @wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> T:
        key = repr((args, sorted(kwargs.items())))
        if _filled_tables():
            # Rows of its own may be there already, such as the program of another organization.
            return build(*args, **kwargs)
        if key in worlds:
            rows, answer = worlds[key]
            _write_rows(rows)
            found: T = pickle.loads(answer)
            return found
        made = build(*args, **kwargs)
        worlds[key] = _read_rows(), pickle.dumps(made)
        return made

    return built


def _filled_tables() -> list[str]:
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in _tables())
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [table for (table,) in cursor.fetchall()]


def _read_rows() -> dict[str, bytes]:
    rows = {}
    with connection.cursor() as cursor:
        for table in _filled_tables():
            with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                rows[table] = b"".join(copy)
    return rows


def _write_rows(rows: dict[str, bytes]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # They were checked when they were first written, and triggers have done their work.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, lines in rows.items():
            with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                copy.write(lines)
        cursor.execute("SET LOCAL session_replication_role = origin")


def drop_under_anyone() -> None:
    """Drop the test database at the end even if a thread of a web server that was stopped is still connected."""

    def destroy(creation: Any, name: str, _verbosity: int) -> None:
        with creation._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {creation.connection.ops.quote_name(name)} WITH (FORCE)")

    setattr(type(connection.creation), "_destroy_test_db", destroy)  # noqa: B010 - a method is replaced on purpose
