"""PostgreSQL's text form of arrays, for statements that write many rows at once.

The driver's own list adaptation asks every element for its type and quotes it by regular expressions; for a thousand
spends that took longer than the database needed to write them.
"""

import json
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID


def numbers(values: Iterable[int | None]) -> str:
    """Return `{1,NULL,3}`."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def ids(values: Iterable[UUID | None]) -> str:
    """Return an array of UUIDs."""
    return "{" + ",".join(["NULL" if value is None else value.hex for value in values]) + "}"


def instants(values: Iterable[datetime | None]) -> str:
    """Return an array of aware instants."""
    return "{" + ",".join(["NULL" if value is None else f'"{value.isoformat()}"' for value in values]) + "}"


def days(values: Iterable[date | None]) -> str:
    """Return an array of dates."""
    return "{" + ",".join(["NULL" if value is None else value.isoformat() for value in values]) + "}"


def hashes(values: Iterable[bytes]) -> str:
    """Return an array of byte strings."""
    return "{" + ",".join(['"\\\\x' + value.hex() + '"' for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Return an array of texts, each quoted, so that no content is mistaken for syntax."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def documents(values: Iterable[dict[str, Any] | None]) -> str:
    """Return an array of JSON documents."""
    return texts(None if value is None else json.dumps(value) for value in values)


def lists(values: Iterable[Collection[str] | None]) -> str:
    """Return an array of texts that are arrays of texts themselves, each in the order of its words."""
    return texts(None if value is None else texts(sorted(value)) for value in values)


def _quoted(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if '"' in value:
        value = value.replace('"', '\\"')
    return f'"{value}"'
