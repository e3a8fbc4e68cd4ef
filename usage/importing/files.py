"""Files of past usage, read as uses: CSV or JSON lines, of any size, one record at a time.

Reading decides nothing about credits. A line that is no use becomes a record with the reason.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import msgspec

from usage.pricing import Measures
from usage.uses import Use

# The names of our fields in the files of other systems, in lower case.
ALIASES: dict[str, tuple[str, ...]] = {
    "occurred_at": ("occurred_at", "timestamp", "time", "datetime", "created_at", "date"),
    "input_tokens": ("input_tokens", "contexttokens", "prompt_tokens", "context_tokens"),
    "output_tokens": ("output_tokens", "generatedtokens", "completion_tokens", "generated_tokens"),
    "quantity": ("quantity", "count", "units"),
    "credits": ("credits",),
    "user": ("user", "user_id", "email"),
    "model": ("model",),
    "service": ("service",),
    "feature": ("feature",),
}
# More digits than the ledger can hold are refused before they are read as a number.
MAX_DIGITS = 18


class UnreadableFile(Exception):
    """The whole file can't be read: it has no header, or no known column."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the file: a use, or the reason why it is none. `line` counts from 1, including the header."""

    line: int
    text: str
    use: Use | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the command line sets for every line. users: public ids, assigned to lines in turn."""

    organization: str
    name: str
    feature: str
    model: str
    service: str
    users: tuple[str, ...]
    zone: ZoneInfo


def read_lines(file: BinaryIO, read: Callable[[int], object]) -> Iterator[str]:
    """Yield the file's lines as text, calling `read` with the bytes of each. What is not UTF-8 becomes U+FFFD."""
    for number, raw in enumerate(file):
        read(len(raw))
        yield raw.decode("utf-8-sig" if number == 0 else "utf-8", errors="replace")


def read_csv(lines: Iterator[str], defaults: Defaults, *, columns: Mapping[str, str]) -> Iterator[Record]:
    """Yield the records of a CSV file with a header. columns: the file's names of fields, where given by hand.

    Raises UnreadableFile.
    """
    reader = csv.reader(lines)
    header = next(reader, None)
    if not header:
        raise UnreadableFile("The file is empty.")
    places = find_columns(header, columns)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield Record(reader.line_num, "", None, f"Not CSV: {error}.")
            continue
        if row is None:
            return
        if not row:
            continue
        text = ",".join(row)
        if len(row) != len(header):
            yield Record(reader.line_num, text, None, f"{len(row)} columns instead of {len(header)}.")
            continue
        yield _record(reader.line_num, text, {field: row[place] for field, place in places.items()}, defaults)


def read_json_lines(lines: Iterable[str], defaults: Defaults, *, columns: Mapping[str, str]) -> Iterator[Record]:
    """Yield the records of a file with one JSON object per line."""
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        try:
            fields = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            yield Record(number, text, None, f"Not a JSON object: {error}.")
            continue
        keys = list(fields)
        places = find_columns(keys, columns, needs_one=False)
        values = {field: _as_text(fields[keys[place]]) for field, place in places.items()}
        yield _record(number, text, values, defaults)


def find_columns(header: list[str], columns: Mapping[str, str], *, needs_one: bool = True) -> dict[str, int]:
    """Return the position of each of our fields in the header. Raises UnreadableFile if a named column is missing."""
    names = [name.strip().lower() for name in header]
    places: dict[str, int] = {}
    for field, aliases in ALIASES.items():
        wanted = (columns[field].lower(),) if field in columns else aliases
        found = [names.index(alias) for alias in wanted if alias in names]
        if found:
            places[field] = found[0]
        elif field in columns and needs_one:
            raise UnreadableFile(f"The file has no column “{columns[field]}”; it has: {', '.join(header)}.")
    if not places and needs_one:
        raise UnreadableFile(f"None of the file's columns is known: {', '.join(header)}. Name them with --column.")
    return places


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


def _record(line: int, text: str, values: Mapping[str, str], defaults: Defaults) -> Record:
    try:
        return Record(line, text, _use(line, values, defaults))
    except ValueError as error:
        return Record(line, text, None, str(error))


def _use(line: int, values: Mapping[str, str], defaults: Defaults) -> Use:
    if any("\0" in value or "\ufffd" in value for value in values.values()):
        raise ValueError("Not UTF-8 text.")
    user = values.get("user") or None
    if user is None and defaults.users:
        user = defaults.users[line % len(defaults.users)]
    return Use(
        organization=defaults.organization,
        key=f"import:{defaults.name}:{line}",
        feature=values.get("feature") or defaults.feature,
        user=user,
        service=values.get("service") or defaults.service,
        measures=Measures(
            model=values.get("model") or defaults.model,
            input_tokens=_whole(values, "input_tokens"),
            output_tokens=_whole(values, "output_tokens"),
            quantity=_whole(values, "quantity"),
            credits=_whole(values, "credits"),
        ),
        occurred_at=_instant(values.get("occurred_at", ""), defaults.zone),
        any_age=True,
        via=f"import {defaults.name}",
    )


def _whole(values: Mapping[str, str], field: str) -> int | None:
    """Read a whole number in ASCII digits: no signs, separators or digits of other scripts."""
    value = values.get(field, "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
        message = f"{field} is not a whole number: “{value[:40]}”."
        raise ValueError(message)
    return int(value)


def _instant(value: str, zone: ZoneInfo) -> datetime | None:
    """Read an instant in ISO 8601; digits beyond microseconds are dropped; without an offset it is in the zone."""
    text = value.strip()
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        message = f"occurred_at is not a time: “{text[:40]}”."
        raise ValueError(message) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)
