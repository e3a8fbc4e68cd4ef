"""The change history as CSV: the filtered whole, line by line, for spreadsheets.

Text that a spreadsheet would take for a formula is defused; numbers are ours and stay numbers. Words are translated
before the first line leaves, since the language of a streamed response may end before its last one.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from credits.labels import TYPES
from credits.models import Operation, Program, Source

# Excel takes a file for UTF-8 only if it begins with this.
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# With one of these at its beginning a cell may be run as a formula.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
_EXACT = Context(prec=60)


class Echo:
    """A file for `csv.writer` that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def defused(text: str) -> str:
    """Return text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(FORMULA_BEGINNINGS) else text


@dataclass(frozen=True, slots=True)
class Words:
    """What the file's values are written with: the program's unit, the time zone, names by key."""

    program: Program
    zone: ZoneInfo
    types: dict[str, str]
    sources: dict[str, str]
    features: dict[str, str]


def lines(
    operations: Iterable[Operation], *, program: Program, zone: ZoneInfo, features: dict[str, str]
) -> Iterator[str]:
    """Return the file's lines. Amounts stand there twice: in the program's unit, and in its smallest unit."""
    types = {str(kind): str(label) for kind, label in TYPES.items()}
    sources = {str(value): str(label) for value, label in Source.choices}
    return _written(operations, _header(), Words(program, zone, types, sources, features))


def _written(operations: Iterable[Operation], header: list[str], words: Words) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield BYTE_ORDER_MARK + str(writer.writerow(header))
    for operation in operations:
        yield str(writer.writerow(_row(operation, words)))


def _header() -> list[str]:
    return [
        _("Operation"),
        _("Occurred"),
        _("Recorded"),
        _("Type"),
        _("Source"),
        _("Change"),
        _("Change in smallest units"),
        _("Balance after"),
        _("Balance after in smallest units"),
        _("User"),
        _("Email address"),
        _("Via"),
        _("Feature"),
        _("Resource"),
        _("Memo"),
        _("Idempotency key"),
    ]


def _row(operation: Operation, words: Words) -> Sequence[Any]:
    actor = operation.actor
    return [
        operation.pk,
        _instant(operation.occurred_at, words.zone),
        _instant(operation.written_at, words.zone),
        words.types[operation.kind],
        words.sources.get(operation.source, ""),
        in_units(operation.credits, words.program),
        operation.credits,
        in_units(operation.balance_after, words.program),
        operation.balance_after,
        defused(actor.name if actor else ""),
        defused(actor.email if actor else ""),
        defused(operation.actor_label),
        defused(words.features.get(operation.feature, operation.feature)),
        defused(json.dumps(operation.resource, ensure_ascii=False) if operation.resource else ""),
        defused(operation.memo),
        defused(operation.idempotency_key),
    ]


def _instant(value: datetime, zone: ZoneInfo) -> str:
    return value.astimezone(zone).isoformat()


def in_units(amount: int, program: Program) -> str:
    """Write an amount, given in smallest units, in the program's unit, exactly."""
    return f"{Decimal(amount).scaleb(-program.decimals, _EXACT):f}"
