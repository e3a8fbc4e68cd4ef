"""What was used as CSV, for spreadsheets: a line for every day, person, team, feature, service and model.

Text that a spreadsheet would take for a formula is defused; numbers are ours and stay numbers, credits in the program's
unit. Words are translated before the first line leaves, since the language of a streamed response may end before its
last one.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from credits.history.export_csv import BYTE_ORDER_MARK, Echo, defused, in_units
from credits.models import Program
from organizations.calendar import Days
from organizations.models import Organization
from usage.reports import Filters
from usage.reports.day_lines import DayLine, each_line


@dataclass(frozen=True, slots=True)
class Words:
    """What the file's values are written with."""

    program: Program
    today: date
    final: str
    so_far: str


def lines(organization: Organization, days: Days, *, today: date, filters: Filters, program: Program) -> Iterator[str]:
    """Return the file's lines: of exactly these days and filters, today's marked as not final."""
    words = Words(program, today, _("final"), _("so far, not final"))
    return _written(each_line(organization, days, filters=filters), _header(), words)


def _written(found: Iterable[DayLine], header: list[str], words: Words) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield BYTE_ORDER_MARK + str(writer.writerow(header))
    for line in found:
        yield str(writer.writerow(_row(line, words)))


def _header() -> list[str]:
    return [
        _("Day"),
        _("Status"),
        _("User"),
        _("Email address"),
        _("Team"),
        _("Feature"),
        _("Service"),
        _("Model"),
        _("Credits"),
        _("Refunded"),
        _("Net"),
        _("Uses"),
        _("Input tokens"),
        _("Output tokens"),
        _("Quantity"),
    ]


def _row(line: DayLine, words: Words) -> list[Any]:
    texts = (line.user, line.email, line.team, line.feature, line.service, line.model)
    amounts = (line.credits, line.refunded, line.credits - line.refunded)
    return [
        line.day_on.isoformat(),
        words.so_far if line.day_on >= words.today else words.final,
        *map(defused, texts),
        *(in_units(amount, words.program) for amount in amounts),
        line.uses,
        line.input_tokens,
        line.output_tokens,
        line.quantity,
    ]
