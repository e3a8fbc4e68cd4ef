"""The stretches of time that people ask usage for, on an organization's clocks. Pure: the day is handed in."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from credits.balance.over_time import midnight

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """From a day to another, both included."""

    first: date
    last: date

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when they begin and, exclusive, end."""
        return midnight(self.first, zone), midnight(self.last + DAY, zone)


def month_of(day: date) -> Days:
    """Return the whole month of a day."""
    first = day.replace(day=1)
    return Days(first, (first + timedelta(days=31)).replace(day=1) - DAY)


def this_month(today: date) -> Days:
    """Return this month up to today."""
    return Days(today.replace(day=1), today)


def last_month(today: date) -> Days:
    """Return the month before this one."""
    return month_of(today.replace(day=1) - DAY)


def the_day(today: date) -> Days:
    """Return today alone."""
    return Days(today, today)


def yesterday(today: date) -> Days:
    """Return the day before today."""
    return the_day(today - DAY)


def last_7_days(today: date) -> Days:
    """Return today and the 6 days before it."""
    return Days(today - 6 * DAY, today)


def last_30_days(today: date) -> Days:
    """Return today and the 29 days before it."""
    return Days(today - 29 * DAY, today)


def last_90_days(today: date) -> Days:
    """Return today and the 89 days before it."""
    return Days(today - 89 * DAY, today)


def range_before(days: Days, today: date) -> Days:
    """Return the days that some days are compared with: as many, right before them.

    Whole months are compared with as many whole months, and this month up to today with the same days of the last one
    (with all of it where that was shorter).
    """
    if days == this_month(today) and days.first < days.last:
        before = last_month(today)
        return Days(before.first, min(before.last, before.first + (days.last - days.first)))
    if days.first.day == 1 and days.last == month_of(days.last).last:
        first, month = days.first, days.first
        while month <= days.last:
            first, month = last_month(first).first, month_of(month).last + DAY
        return Days(first, days.first - DAY)
    return Days(days.first - (days.last - days.first) - DAY, days.first - DAY)


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
