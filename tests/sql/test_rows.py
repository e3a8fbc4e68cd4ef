"""Rows by name: what a class declares is what is read and written, whatever the order in the table."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db import DataError

from sql.rows import Columns, columns_of, insert, update
from sql.statements import execute, fetch, pipelined, run

pytestmark = pytest.mark.django_db

# The columns stand in another order than the class's fields, and one is none of the class's.
TABLE = """
    CREATE TEMP TABLE sample (
        total bigint, hash bytea, document jsonb, name text, at timestamptz, day date, words varchar(100)[],
        small smallint, id uuid PRIMARY KEY, is_large boolean
    ) ON COMMIT DROP
"""
FIRST, SECOND = UUID(int=1), UUID(int=2)


@dataclass
class Sample:
    """A row with a column of every type that is written."""

    id: UUID
    name: str | None
    small: int
    total: int | None
    at: datetime | None
    day: date | None
    hash: bytes
    words: Collection[str] | None
    document: dict[str, Any] | None
    is_changed: bool = field(default=False, init=False)


class Named(NamedTuple):
    """A read of two columns."""

    name: str
    doubled: int


insert_samples = insert("sample", Sample, is_large="n.total > 10")
update_samples = update("sample", Sample, "name", is_large="n.total > 10")
# JSON comes as text on these connections.
SAMPLE = Columns(Sample, "s", document="s.document::text")


def sample(key: UUID, **fields: Any) -> Sample:
    """A row that is empty where nothing is said."""
    empty = {"name": None, "small": 0, "total": None, "at": None, "day": None, "hash": b"", "words": None}
    return Sample(id=key, document=None, **{**empty, **fields})


def read() -> list[Sample]:
    return SAMPLE.fetch(f"SELECT {SAMPLE} FROM sample s ORDER BY s.id", [])


@pytest.fixture(autouse=True)
def _table(db: None) -> None:
    run(TABLE, [])


def test_what_a_constructor_takes_are_the_columns() -> None:
    assert columns_of(Sample) == ("id", "name", "small", "total", "at", "day", "hash", "words", "document")
    assert columns_of(Named) == ("name", "doubled")


def test_rows_come_back_as_they_were_written() -> None:
    at = datetime(2026, 3, 29, 1, 30, 15, 123456, tzinfo=UTC)
    full = sample(
        FIRST,
        name='a "q" \\ {b}, NULL',
        small=7,
        total=10**15,
        at=at,
        day=date(2024, 2, 29),
        hash=b"\0\\x",
        words=["a b"],
    )
    empty = sample(SECOND)

    insert_samples([full, empty])

    assert read() == [full, empty]


def test_documents_and_lists_are_kept_as_such() -> None:
    insert_samples([sample(FIRST, words={"b", 'a "c"'})])
    written = sample(SECOND)
    written.document = {"project": 'x "y"', "n": 1}
    insert_samples([written])

    assert fetch("SELECT words FROM sample WHERE id = %s", [FIRST]) == [(['a "c"', "b"],)]
    assert fetch("SELECT document->>'project', document->>'n' FROM sample WHERE id = %s", [SECOND]) == [('x "y"', "1")]


def test_expressions_fill_columns_that_are_not_the_class_s() -> None:
    insert_samples([sample(FIRST, total=11), sample(SECOND, total=10)])

    assert fetch("SELECT is_large FROM sample ORDER BY id", []) == [(True,), (False,)]


def test_an_update_touches_what_it_names_and_no_other_row() -> None:
    first, second = sample(FIRST, name="a", small=1, total=1), sample(SECOND, name="b", small=2, total=2)
    insert_samples([first, second])
    first.name, first.small, first.total = "changed", 9, 99

    update_samples([first])

    assert [(row.name, row.small, row.total) for row in read()] == [("changed", 1, 1), ("b", 2, 2)]
    assert fetch("SELECT is_large FROM sample ORDER BY id", []) == [(True,), (False,)]


def test_a_read_takes_expressions_and_serves_in_a_pipeline() -> None:
    insert_samples([sample(FIRST, name="a", total=4), sample(SECOND, name="b", total=5)])
    named = Columns(Named, doubled="total * 2")

    with pipelined():
        sent = execute(f"SELECT {named} FROM sample ORDER BY id", [])

    assert named.rows(sent) == [Named("a", 8), Named("b", 10)]


def test_a_column_that_the_class_does_not_have_is_refused_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="Named has no column total"):
        Columns(Named, total="1")
    with pytest.raises(TypeError, match="Sample has no column nothing"):
        update("sample", Sample, "nothing")
    with pytest.raises(TypeError, match="Sample has no column nothing"):
        update("sample", Sample, "name", is_large="n.nothing > 0")


def test_what_a_column_can_t_hold_is_refused_by_the_database() -> None:
    with pytest.raises(DataError):
        insert_samples([sample(FIRST, small=2**15)])
