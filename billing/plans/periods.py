"""Months of a plan, counted from an anchor without drift. Pure: instants and a time zone in, instants out.

The rule: a period ends on the anchor's day of the month at the anchor's time of day, both read on the clocks of the
organization's time zone; in a month without that day, on its last day. Every end is counted from the anchor and never
from the end before, so a plan of the 31st ends on 28 February and on 31 March. A time that a clock change leaves out is
read as an hour later; one that comes twice is its first. Stripe counts its own subscriptions the same way in UTC, and
its answer is taken as it is.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

# Where an organization moves to another time zone, an end could come days after the one before: that is no month.
SHORTEST = timedelta(days=14)


class Period(NamedTuple):
    """From `start` to `end`, without `end`. Both in UTC."""

    start: datetime
    end: datetime


def months_after(anchor: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return the instant so many months after an aware anchor, in UTC."""
    local = anchor.astimezone(zone)
    past = local.year * 12 + local.month - 1 + months
    year, month = past // 12, past % 12 + 1
    day = min(local.day, monthrange(year, month)[1])
    # Reckoned as time on a clock; the way back to UTC decides what a clock change does to it.
    return local.replace(year=year, month=month, day=day, fold=0).astimezone(UTC)


def first_period(anchor: datetime, zone: ZoneInfo) -> Period:
    """Return the period that begins with the anchor."""
    return Period(anchor.astimezone(UTC), months_after(anchor, 1, zone))


def following(anchor: datetime, start: datetime, zone: ZoneInfo) -> Period:
    """Return the period that begins at `start`, where another of the same anchor has ended."""
    local, begin = anchor.astimezone(zone), start.astimezone(zone)
    months = (begin.year - local.year) * 12 + begin.month - local.month
    ends = (months_after(anchor, months + further, zone) for further in count(0))
    return Period(start.astimezone(UTC), next(end for end in ends if end - start >= SHORTEST))


def periods_until(anchor: datetime, start: datetime, now: datetime, zone: ZoneInfo) -> list[Period]:
    """Return the periods from `start` on, in order, the last of which is the one that `now` lies in.

    Empty where `start` is still to come.
    """
    periods: list[Period] = []
    while start <= now:
        period = following(anchor, start, zone)
        periods.append(period)
        start = period.end
    return periods


def share_left(amount: int, period: Period, at: datetime) -> int:
    """Return how much of an amount for the whole period falls on what is left of it at an instant, rounded down."""
    whole, left = period.end - period.start, period.end - max(at, period.start)
    return amount * max(left, timedelta(0)) // whole if left < whole else amount
