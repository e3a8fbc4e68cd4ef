"""Where things stand in a picture: scales, and the balance over time as `components/chart.html` takes it.

Pure: rows in, words and positions out, in the active language. Positions are exact decimals as text, since a template
would write a number as the reader's language does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_compact_decimal
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from credits.balance.over_time import DayEnd, Event
from credits.labels import type_label
from credits.models import EntryKind, Program
from organizations.formats import MINUS, format_credits, format_day

# The plane within its frame, in hundredths of the frame's height: room above for the highest mark, below for the days.
TOP, HEIGHT = 10, 80
# About so many grid lines.
INTERVALS = 3


@dataclass(frozen=True, slots=True)
class Scale:
    """From `low` to `high` in steps of a round number."""

    low: int
    high: int
    step: int

    def height(self, value: int) -> int:
        """Return how far below the top a value stands, in ten-thousandths of the plane."""
        return (self.high - value) * 10_000 // (self.high - self.low)

    def ticks(self) -> list[int]:
        """Return the values at which grid lines stand."""
        return list(range(self.low, self.high + 1, self.step))


def scale_for(values: Sequence[int]) -> Scale:
    """Return a scale with zero and all values on it."""
    lowest, highest = min([0, *values]), max([1, *values])
    step = round_step(highest - lowest)
    return Scale(low=lowest // step * step, high=-(-highest // step) * step, step=step)


def round_step(span: int) -> int:
    """Return 1, 2 or 5 times a power of ten, so that it takes about INTERVALS of them to span an amount."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * INTERVALS >= span:
                return factor * power
        power *= 10


def hundredths(number: int) -> str:
    """Write a number of hundredths as a decimal: 1234 is "12.34"."""
    return f"{number // 100}.{number % 100:02}"


def across(position: int, count: int) -> int:
    """Return how far to the right the position (from 0) of so many stands, in ten-thousandths of the plane."""
    return position * 10_000 // max(1, count - 1)


def grid(scale: Scale, program: Program) -> list[dict[str, str]]:
    """Return the grid lines: where, and which amount."""
    return [
        {
            "y": hundredths(scale.height(tick)),
            "label_y": hundredths(TOP * 100 + scale.height(tick) * HEIGHT // 100),
            "kind": "chart-axis" if tick == 0 else "chart-grid",
            "label": shortly(tick, program),
        }
        for tick in scale.ticks()
    ]


def written(credits: int, program: Program, *, signed: bool = False) -> str:
    """Write an amount in the active language, without its unit."""
    return format_credits(credits, decimals=program.decimals, language=_language(), signed=signed)


def shortly(credits: int, program: Program) -> str:
    """Write a round amount as short as the active language can: "500K", "50万"."""
    if credits == 0:
        return "0"
    amount = Decimal(credits).scaleb(-program.decimals)
    if abs(amount) < 1_000:
        return written(credits, program)
    short = str(format_compact_decimal(abs(amount), locale=_language().replace("-", "_"), fraction_digits=1))
    return f"{MINUS}{short}" if credits < 0 else short


def written_day(day: date) -> str:
    """Write a day in the active language."""
    return format_day(day, language=_language())


def balance_chart(
    ends: Sequence[DayEnd], events: Sequence[Event], *, program: Program, zone: ZoneInfo
) -> dict[str, Any]:
    """Return the picture of the balance over the days (two or more), with marks where credits came in or expired."""
    scale = scale_for([end.balance for end in ends])
    points = [
        f"{hundredths(across(n, len(ends)) * 10)} {hundredths(scale.height(end.balance))}" for n, end in enumerate(ends)
    ]
    line = "M" + " L".join(points)
    floor = hundredths(scale.height(0))
    return {
        "id": "balance-over-time",
        "title": _("Balance over time"),
        "description": _description(ends, program),
        "template": "credits/balance/chart.html",
        "grid": grid(scale, program),
        "line": line,
        "area": f"{line} L1000 {floor} L0 {floor} Z",
        "marks": _marks(ends, events, scale=scale, program=program, zone=zone),
        "labels": day_labels([end.day for end in ends], last=_("Today")),
        "legend": [
            {"kind": "chart-line", "label": _("Balance at the end of the day")},
            {"kind": "chart-mark", "label": _("Credits added")},
            {"kind": "chart-mark-out", "label": _("Credits expired")},
        ],
        **_table(ends, events, program=program, zone=zone),
    }


def day_labels(days: Sequence[date], *, last: str = "") -> list[dict[str, str]]:
    """Return the words under the picture: the first day, the middle one, the last one."""
    middle = len(days) // 2
    labels = [
        {"x": "0.00", "kind": "", "text": written_day(days[0])},
        {"x": "100.00", "kind": "chart-label-end", "text": last or written_day(days[-1])},
    ]
    if len(days) > 4:
        x = hundredths(across(middle, len(days)))
        labels.insert(1, {"x": x, "kind": "chart-label-middle chart-label-minor", "text": written_day(days[middle])})
    return labels


def _description(ends: Sequence[DayEnd], program: Program) -> str:
    lowest = min(ends, key=lambda end: end.balance)
    return _("From %(first)s on %(first_day)s to %(last)s today. Lowest: %(lowest)s on %(lowest_day)s.") % {
        "first": written(ends[0].balance, program),
        "first_day": written_day(ends[0].day),
        "last": written(ends[-1].balance, program),
        "lowest_day": written_day(lowest.day),
        "lowest": written(lowest.balance, program),
    }


def _by_day(events: Sequence[Event], kind: str, zone: ZoneInfo) -> dict[date, list[Event]]:
    found: dict[date, list[Event]] = {}
    for event in events:
        if event.kind == kind:
            found.setdefault(event.written_at.astimezone(zone).date(), []).append(event)
    return found


def _marks(
    ends: Sequence[DayEnd], events: Sequence[Event], *, scale: Scale, program: Program, zone: ZoneInfo
) -> list[dict[str, str]]:
    """One mark for each day on which credits came in, one for each on which some expired: a dot, a ring around it."""
    marks = []
    for kind, style, radius in (("expiry", "chart-mark-out", "6"), ("grant", "chart-mark", "4")):
        by_day = _by_day(events, kind, zone)
        for number, end in enumerate(ends):
            if end.day in by_day:
                mark = {"kind": style, "radius": radius, "x": hundredths(across(number, len(ends)))}
                mark["y"] = hundredths(scale.height(end.balance))
                mark["title"] = _mark_title(end.day, by_day[end.day], program)
                marks.append(mark)
    return marks


def _mark_title(day: date, events: Sequence[Event], program: Program) -> str:
    lines = [
        f"{capfirst(type_label(event.kind, event.source))} {written(event.credits, program, signed=True)}"
        for event in events
    ]
    return "\n".join([written_day(day), *lines])


def _table(
    ends: Sequence[DayEnd], events: Sequence[Event], *, program: Program, zone: ZoneInfo
) -> Mapping[str, list[Any]]:
    came_in, expired = (_by_day(events, kind, zone) for kind in (EntryKind.GRANT, EntryKind.EXPIRY))
    rows = []
    for end in ends:
        sums = [sum(event.credits for event in by_day.get(end.day, ())) for by_day in (came_in, expired)]
        signed = [written(amount, program, signed=True) if amount else "" for amount in sums]
        rows.append([written_day(end.day), *signed, written(end.balance, program)])
    columns = [
        {"label": _("Day")},
        {"label": _("Added"), "number": True},
        {"label": _("Expired"), "number": True},
        {"label": _("Balance"), "number": True},
    ]
    # The newest first, as everywhere.
    return {"columns": columns, "rows": rows[::-1]}


def _language() -> str:
    return get_language() or "en"
