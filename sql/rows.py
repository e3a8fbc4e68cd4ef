"""Rows by name: the columns of a table or of a read are the fields of a class, listed there and nowhere else.

What the class's constructor takes are its columns, in that order; a dataclass's field with `init=False` lives in memory
alone. SELECT lists, INSERT and UPDATE statements are made from the class as modules are imported; PostgreSQL's types
follow from the annotations. Classes are dataclasses or named tuples.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from itertools import starmap
from operator import attrgetter
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import psycopg

from sql import arrays
from sql.statements import Parameters, Row, fetch, run

T = TypeVar("T")

Writer = Callable[[Iterable[Any]], str]
# A column's type as an array of parameters carries it, and what writes such an array.
WRITERS: dict[Any, tuple[str, Writer]] = {
    int: ("bigint", arrays.numbers),
    str: ("text", arrays.texts),
    bytes: ("bytea", arrays.hashes),
    UUID: ("uuid", arrays.ids),
    date: ("date", arrays.days),
    datetime: ("timestamptz", arrays.instants),
    dict: ("jsonb", arrays.documents),
    # A list for each row travels as its text: unnest would flatten an array of arrays.
    Collection: ("text", arrays.lists),
}
CASTS: dict[Any, str] = {Collection: "::varchar[]"}


def columns_of(row: type[Any]) -> tuple[str, ...]:
    """Return the names of a row's columns, in the order in which the constructor takes them."""
    if is_dataclass(row):
        return tuple(field.name for field in fields(row) if field.init)
    names: tuple[str, ...] = getattr(row, "_fields")  # noqa: B009 - a named tuple's, which mypy can't know
    return names


class Columns(Generic[T]):
    """The columns of a read, and the class that its rows become.

    row: the class. table: the alias that columns belong to. expressions: SQL for columns that are not the table's own
    under their name. In a statement it stands for the SELECT list: `f"SELECT {GRANTS} FROM credits_grant g"`.
    Raises TypeError, as the module is imported, for an expression that is none of the columns.
    """

    def __init__(self, row: type[T], table: str = "", /, **expressions: str) -> None:
        names = columns_of(row)
        _refuse_unknown(row, expressions, names)
        owner = f"{table}." if table else ""
        self._row = row
        self._list = ", ".join(f"{expressions.get(name, owner + name)} AS {name}" for name in names)

    def __str__(self) -> str:
        return self._list

    def fetch(self, sql: str, parameters: Parameters) -> list[T]:
        """Run a statement with this SELECT list and return its rows. Raises Django's database errors."""
        return list(starmap(self._row, fetch(sql, parameters)))

    def rows(self, cursor: psycopg.Cursor[Row]) -> list[T]:
        """Return the rows of a statement with this SELECT list that was sent by `execute`."""
        return list(starmap(self._row, cursor.fetchall()))


def insert(
    table: str, row: type[T], *, leaving_out: Collection[str] = (), then: str = "", **expressions: str
) -> Callable[[Sequence[T]], None]:
    """Return what inserts any number of rows by one statement.

    leaving_out: columns of the class that the table doesn't have or that keep their default. expressions: SQL for
    further columns, over the rows `n`. then: what follows, such as ON CONFLICT.
    """
    names = [name for name in columns_of(row) if name not in leaving_out]
    selected = [f"n.{name}{CASTS.get(_kind(row, name), '')}" for name in names]
    source, values = _source(row, names)
    sql = (
        f"INSERT INTO {table} ({', '.join([*names, *expressions])})"
        f" SELECT {', '.join([*selected, *expressions.values()])} FROM {source} {then}"
    )
    return lambda rows: run(sql, values(rows))


def update(table: str, row: type[T], *names: str, key: str = "id", **expressions: str) -> Callable[[Sequence[T]], None]:
    """Return what updates any number of rows, found by their key, by one statement.

    names: the columns to be set. expressions: SQL for further columns, over the rows `n`.
    """
    used = {word for expression in expressions.values() for word in re.findall(r"\bn\.(\w+)", expression)}
    source, values = _source(row, list(dict.fromkeys([key, *names, *sorted(used)])))
    sets = [*(f"{name} = n.{name}" for name in names), *(f"{name} = {sql}" for name, sql in expressions.items())]
    sql = f"UPDATE {table} t SET {', '.join(sets)} FROM {source} WHERE t.{key} = n.{key}"
    return lambda rows: run(sql, values(rows))


def _source(row: type[T], names: Sequence[str]) -> tuple[str, Callable[[Sequence[T]], list[str]]]:
    """Return the relation `n` of rows that come as parameters, and what makes the parameters of rows."""
    _refuse_unknown(row, names, columns_of(row))
    kinds = [WRITERS[_kind(row, name)] for name in names]
    places = ", ".join(f"%s::{kind}[]" for kind, _ in kinds)
    written = [(attrgetter(name), writer) for name, (_, writer) in zip(names, kinds, strict=True)]
    return (
        f"unnest({places}) AS n({', '.join(names)})",
        lambda rows: [writer(map(get, rows)) for get, writer in written],
    )


def _kind(row: type[Any], name: str) -> Any:
    """Return the Python type of a column, without its None and what it holds."""
    hint = get_type_hints(row)[name]
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] if NoneType in get_args(hint) else [hint]
    return get_origin(kinds[0]) or kinds[0]


def _refuse_unknown(row: type[Any], named: Iterable[str], known: Collection[str]) -> None:
    unknown = [name for name in named if name not in known]
    if unknown:
        message = f"{row.__name__} has no column {', '.join(unknown)}; it has {', '.join(known)}."
        raise TypeError(message)
