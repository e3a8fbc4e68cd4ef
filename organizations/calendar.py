"""An organization's days and months, on the clocks of its time zone. Pure: nothing here asks a database about zones.

A day begins at the first instant at which the clocks show it or a later day, and ends where the next begins. So days
follow each other without gap or overlap, whatever the clocks do: where midnight is skipped the day begins with the
jump, an hour that is shown twice around midnight belongs to the day that has begun, and a day that a country left out
is empty. A month begins with its first day. The months of a plan, which are counted from an anchor, are in
`billing.plans.periods`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins, in UTC: two instants of one zone would be compared by what its clocks show."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """Return the day in which an aware instant lies: the last one that has begun."""
    local = instant.astimezone(zone)
    day = local.date()
    # Clocks that were set back over midnight show the day before once more.
    while local.fold and midnight(day + ONE_DAY, zone) <= instant:
        day += ONE_DAY
    return day


def month_of(instant: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the month in which an aware instant lies."""
    return day_of(instant, zone).replace(day=1)


def next_month(day: date) -> date:
    """Return the first day of the month that follows a day's."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def last_ended(instant: datetime, zone: ZoneInfo) -> date:
    """Return the last day that has ended by an aware instant."""
    return day_of(instant, zone) - ONE_DAY


@dataclass(frozen=True, slots=True)
class Days:
    """From a day to another, both included; none where the last is before the first."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        return (self.first + ONE_DAY * number for number in range((self.last - self.first).days + 1))

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when they begin and, exclusive, end, in UTC."""
        return midnight(self.first, zone), midnight(self.last + ONE_DAY, zone)

    def midnights(self, zone: ZoneInfo) -> list[datetime]:
        """Return when each of them begins, in UTC, and, after the last, when that one ends."""
        return [midnight(day, zone) for day in Days(self.first, self.last + ONE_DAY)]


def whole_month(day: date) -> Days:
    """Return the month of a day."""
    return Days(day.replace(day=1), next_month(day) - ONE_DAY)


def month_before(day: date) -> Days:
    """Return the month before a day's."""
    return whole_month(day.replace(day=1) - ONE_DAY)


def stretches(days: Iterable[date]) -> Iterator[Days]:
    """Return days, given in order, as stretches of days that follow each other."""
    ordered = list(days)
    if not ordered:
        return
    first = ordered[0]
    for day, following in pairwise(ordered):
        if following != day + ONE_DAY:
            yield Days(first, day)
            first = following
    yield Days(first, ordered[-1])
