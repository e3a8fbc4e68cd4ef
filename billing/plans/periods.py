"""Months of a plan, counted from an anchor without drift. Pure: instants and a time zone in, instants out.

A period ends on the anchor's day of the month at the anchor's time of day, both in the organization's time zone; in a
month without that day, on its last day. Every end is counted from the anchor, never from the end before, so a plan of
the 31st ends on 28 February and on 31 March. A local time that a clock change skips is read an hour later; of one that
comes twice the first counts. Stripe counts its own subscriptions this way in UTC; its answer is taken as it is.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

# After a change of time zone an end could come days after the one before: that would be no month.
SHORTEST = timedelta(days=14)


class Period(NamedTuple):
    """From `start` to `end`, without `end`. Both in UTC."""

    start: datetime
    end: datetime


def months_after(anchor: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return the instant that many months after an aware anchor, in UTC."""
    local = anchor.astimezone(zone)
    past = local.year * 12 + local.month - 1 + months
    year, month = past // 12, past % 12 + 1
    day = min(local.day, monthrange(year, month)[1])
    # Computed in local time; the conversion to UTC applies clock changes.
    return local.replace(year=year, month=month, day=day, fold=0).astimezone(UTC)


def first_period(anchor: datetime, zone: ZoneInfo) -> Period:
    """Return the period that begins with the anchor."""
    return Period(anchor.astimezone(UTC), months_after(anchor, 1, zone))


def following(anchor: datetime, start: datetime, zone: ZoneInfo) -> Period:
    """Return the period that begins at `start`, the end of the period before, counted from the same anchor."""
    local, begin = anchor.astimezone(zone), start.astimezone(zone)
    months = (begin.year - local.year) * 12 + begin.month - local.month
    ends = (months_after(anchor, months + further, zone) for further in count(0))
    return Period(start.astimezone(UTC), next(end for end in ends if end - start >= SHORTEST))


def periods_until(anchor: datetime, start: datetime, now: datetime, zone: ZoneInfo) -> list[Period]:
    """Return the periods from `start` to the one that contains `now`, in order; none where `start` is in the future."""

    periods: list[Period] = []
    while start <= now:
        period = following(anchor, start, zone)
        periods.append(period)
        start = period.end
    return periods


def share_left(amount: int, period: Period, at: datetime) -> int:
    """Return the part of a whole period's amount for what is left of the period at an instant, rounded down."""
    whole, left = period.end - period.start, period.end - max(at, period.start)
    return amount * max(left, timedelta(0)) // whole if left < whole else amount
