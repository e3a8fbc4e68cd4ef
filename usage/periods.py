"""The stretches of time that people ask usage for, on an organization's clocks. Pure: the day is handed in."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from credits.balance_over_time import midnight


@dataclass(frozen=True, slots=True)
class Days:
    """From a day to another, both included."""

    first: date
    last: date

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when they begin and, exclusive, end."""
        return midnight(self.first, zone), midnight(self.last + timedelta(days=1), zone)


def month_of(day: date) -> Days:
    """Return the whole month of a day."""
    first = day.replace(day=1)
    return Days(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def this_month(today: date) -> Days:
    """Return this month up to today."""
    return Days(today.replace(day=1), today)


def last_month(today: date) -> Days:
    """Return the month before this one."""
    return month_of(today.replace(day=1) - timedelta(days=1))


def last_30_days(today: date) -> Days:
    """Return today and the 29 days before it."""
    return Days(today - timedelta(days=29), today)


def same_moment_last_month(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return last month's beginning, and the instant in it at which the clocks showed what they show now.

    On a day that last month did not have (the 31st, the 29th of February) it is the end of that month.
    """
    local = now.astimezone(zone)
    before = last_month(local.date())
    begins, ends = before.instants(zone)
    if local.day > before.last.day:
        return begins, ends
    return begins, datetime.combine(before.first.replace(day=local.day), local.time(), zone)
