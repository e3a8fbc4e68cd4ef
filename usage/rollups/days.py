"""An organization's days: each from its midnight to the midnight of the next, on the organization's clocks. Pure.

A day begins at the first instant at which the clocks show it or a later day, and ends where the next begins. So days
follow each other without gap or overlap, whatever the clocks do: where midnight is skipped the day begins with the
jump, an hour that is shown twice around midnight belongs to the day that has begun, and a day that a country left out
is empty. `credits.balance.over_time.midnight` is the one definition; nothing here asks a database about zones.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from credits.balance.over_time import midnight
from usage.reports.periods import Days

ONE_DAY = timedelta(days=1)


def begins(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins, in UTC: two instants on the same clocks would be compared by what the clocks show."""
    return midnight(day, zone).astimezone(UTC)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """Return the day in which an instant lies: the last one that has begun."""
    day = instant.astimezone(zone).date()
    # Clocks that were set back over midnight show the day before once more.
    while begins(day + ONE_DAY, zone) <= instant:
        day += ONE_DAY
    return day


def last_ended(instant: datetime, zone: ZoneInfo) -> date:
    """Return the last day that has ended by an instant."""
    return day_of(instant, zone) - ONE_DAY


def midnights(days: Days, zone: ZoneInfo) -> list[datetime]:
    """Return when each of the days begins, in UTC, and, after the last, when that one ends."""
    return [begins(days.first + ONE_DAY * number, zone) for number in range((days.last - days.first).days + 2)]


def each(days: Days) -> list[date]:
    """Return the days one by one."""
    return [days.first + ONE_DAY * number for number in range((days.last - days.first).days + 1)]


def runs(days: Iterable[date]) -> Iterator[Days]:
    """Return stretches of days that follow each other; the days in order."""
    ordered = list(days)
    if not ordered:
        return
    first = ordered[0]
    for day, following in pairwise(ordered):
        if following != day + ONE_DAY:
            yield Days(first, day)
            first = following
    yield Days(first, ordered[-1])
