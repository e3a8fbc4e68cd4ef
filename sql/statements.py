"""Running statements on the hot path: server-side parameters, prepared, several in one round trip.

They run on psycopg's own cursor rather than Django's, on Django's connection and in its transaction; errors come out
as Django's all the same. For pages and everything else that is not hot there is the ORM.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from django.db import connection

Row = tuple[Any, ...]
# In order for %s, or by name for %(name)s.
Parameters = Sequence[Any] | Mapping[str, Any]


@lru_cache(maxsize=512)
def _encoded(sql: str) -> bytes:
    """Return the statement as bytes, always the same object: the driver looks it up by its hash, which is then kept."""
    return sql.encode()


def execute(sql: str, parameters: Parameters) -> psycopg.Cursor[Row]:
    """Send a statement. Inside `pipelined` its rows can be fetched after the sync that follows."""
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection).execute(_encoded(sql), parameters, prepare=True)


def fetch(sql: str, parameters: Parameters) -> list[Row]:
    """Run a statement that returns rows. Raises Django's database errors."""
    with connection.wrap_database_errors:
        return execute(sql, parameters).fetchall()


def run(sql: str, parameters: Parameters) -> None:
    """Run a statement that returns nothing. Raises Django's database errors; inside `pipelined`, at the sync."""
    with connection.wrap_database_errors:
        execute(sql, parameters)


@contextmanager
def pipelined() -> Iterator[Callable[[], None]]:
    """Send the statements of the block together: one round trip instead of one each.

    Yields the sync, to be called before rows are fetched inside the block; leaving the block syncs too. An error of
    any statement is raised at the sync.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline() as pipeline:
        yield pipeline.sync
