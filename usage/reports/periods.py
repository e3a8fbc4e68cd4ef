"""The ranges of days that usage pages offer, and those they are compared with. Pure: today is a parameter."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from organizations.calendar import ONE_DAY, Days, month_before, whole_month


def this_month(today: date) -> Days:
    """Return this month up to today."""
    return Days(today.replace(day=1), today)


def the_day(today: date) -> Days:
    """Return today alone."""
    return Days(today, today)


def yesterday(today: date) -> Days:
    """Return the day before today."""
    return the_day(today - ONE_DAY)


def last_7_days(today: date) -> Days:
    """Return today and the 6 days before it."""
    return Days(today - 6 * ONE_DAY, today)


def last_30_days(today: date) -> Days:
    """Return today and the 29 days before it."""
    return Days(today - 29 * ONE_DAY, today)


def last_90_days(today: date) -> Days:
    """Return today and the 89 days before it."""
    return Days(today - 89 * ONE_DAY, today)


def range_before(days: Days, today: date) -> Days:
    """Return the days that some days are compared with: as many, right before them.

    Whole months are compared with as many whole months, and this month up to today with the same days of the last one
    (with all of it where that was shorter).
    """
    if days == this_month(today) and days.first < days.last:
        before = month_before(today)
        return Days(before.first, min(before.last, before.first + (days.last - days.first)))
    if days.first.day == 1 and days.last == whole_month(days.last).last:
        first, month = days.first, days.first
        while month <= days.last:
            first, month = month_before(first).first, whole_month(month).last + ONE_DAY
        return Days(first, days.first - ONE_DAY)
    return Days(days.first - (days.last - days.first) - ONE_DAY, days.first - ONE_DAY)


def same_moment_last_month(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return last month's beginning, and the instant in it at which the clocks showed what they show now.

    On a day that last month did not have (the 31st, the 29th of February) it is the end of that month.
    """
    local = now.astimezone(zone)
    before = month_before(local.date())
    begins, ends = before.instants(zone)
    if local.day > before.last.day:
        return begins, ends
    return begins, datetime.combine(before.first.replace(day=local.day), local.time(), zone)
