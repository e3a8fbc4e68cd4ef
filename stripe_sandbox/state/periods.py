"""Billing periods: the nth interval from an anchor, on the anchor's own day of the month, without drift."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}


def add(anchor: int, interval: str, count: int) -> int:
    """The instant `count` intervals after the anchor; the 31st becomes the last day of shorter months."""
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in DAYS:
        return int((start + timedelta(days=DAYS[interval] * count)).timestamp())
    month = start.month - 1 + MONTHS[interval] * count
    year, month = start.year + month // 12, month % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def next_after(anchor: int, interval: str, step: int, instant: int) -> int:
    """The first boundary after the instant, counted from the anchor in steps of so many intervals."""
    count = step
    while (boundary := add(anchor, interval, count)) <= instant:
        count += step
    return boundary


def day(instant: int) -> str:
    """An instant's date as a person reads it, in UTC."""
    return datetime.fromtimestamp(instant, UTC).strftime("%d %b %Y").lstrip("0")


def minute(instant: int) -> str:
    """An instant's date and time as a person reads it, in UTC."""
    return datetime.fromtimestamp(instant, UTC).strftime("%d %b %Y, %H:%M UTC").lstrip("0")
