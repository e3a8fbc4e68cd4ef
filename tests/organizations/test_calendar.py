"""An organization's days: they follow each other without gap or overlap, whatever its clocks do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from organizations.calendar import (
    ONE_DAY,
    Days,
    day_of,
    last_ended,
    midnight,
    month_before,
    month_of,
    next_month,
    stretches,
)

MICROSECOND = timedelta(microseconds=1)
# Of the years that everybody lives in now; among them every kind of change that is still made.
NOW_AND_THEN = Days(date(2025, 1, 1), date(2027, 12, 31))

# Zone, day, when it begins in UTC, how many hours it has.
NASTY = [
    ("America/New_York", date(2026, 3, 8), "2026-03-08T05:00", 23),
    ("America/New_York", date(2026, 11, 1), "2026-11-01T04:00", 25),
    ("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04T13:00", 24.5),
    ("Australia/Lord_Howe", date(2026, 10, 4), "2026-10-03T13:30", 23.5),
    # Midnight is skipped: the day begins at one o'clock.
    ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00", 23),
    ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00", 23),
    # Midnight is shown twice: the day begins with the first.
    ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00", 25),
    # The last hour before midnight is shown twice: the day before has it both times.
    ("America/Sao_Paulo", date(2018, 2, 17), "2018-02-17T02:00", 25),
    # Set back from a minute past midnight: the day has begun, and keeps the hour.
    ("America/St_Johns", date(2010, 11, 6), "2010-11-06T02:30", 24),
    ("America/St_Johns", date(2010, 11, 7), "2010-11-07T02:30", 25),
    # Days that a country left out.
    ("Pacific/Apia", date(2011, 12, 29), "2011-12-29T10:00", 24),
    ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00", 0),
    ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00", 24),
    ("Pacific/Kwajalein", date(1993, 8, 21), "1993-08-21T12:00", 0),
    # Ramadan moves the clocks twice a year; a change of the standard time; half and quarter hours.
    ("Africa/Casablanca", date(2026, 2, 15), "2026-02-14T23:00", 25),
    ("Asia/Pyongyang", date(2018, 5, 4), "2018-05-03T15:30", 23.5),
    ("Asia/Kathmandu", date(2026, 7, 1), "2026-06-30T18:15", 24),
    ("Pacific/Chatham", date(2026, 4, 5), "2026-04-04T10:15", 25),
]


@pytest.mark.parametrize(("name", "day", "begins_at", "hours"), NASTY)
def test_a_day_begins_when_the_clocks_first_show_it(name: str, day: date, begins_at: str, hours: float) -> None:
    begun, ended = Days(day, day).midnights(ZoneInfo(name))

    assert begun == datetime.fromisoformat(begins_at).replace(tzinfo=UTC)
    assert (ended - begun) / timedelta(hours=1) == hours


@pytest.mark.parametrize(("name", "day"), [(name, day) for name, day, _, hours in NASTY if hours])
def test_its_first_and_last_instants_are_in_it(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    begun, ended = Days(day, day).midnights(zone)

    assert [day_of(at, zone) for at in (begun, ended - MICROSECOND)] == [day, day]
    assert day_of(begun - MICROSECOND, zone) < day < day_of(ended, zone)
    # Handed in on other clocks, the instants are the same.
    assert day_of(begun.astimezone(ZoneInfo("Asia/Tokyo")), zone) == day
    assert day_of(begun.astimezone(zone), zone) == day
    assert last_ended(begun, zone) < day <= last_ended(ended, zone)


def test_nothing_lies_in_a_day_that_was_left_out() -> None:
    zone = ZoneInfo("Pacific/Apia")
    around = [midnight(date(2011, 12, 30), zone) + timedelta(hours=hours) for hours in range(-30, 30)]

    assert {day_of(at, zone) for at in around} == {date(2011, 12, day) for day in (28, 29, 31)} | {date(2012, 1, 1)}


def different_zones() -> dict[tuple[datetime, ...], ZoneInfo]:
    """Every IANA zone, once of those that have the same midnights: aliases are half of them."""
    zones = [ZoneInfo(name) for name in sorted(available_timezones())]
    return {tuple(NOW_AND_THEN.midnights(zone)): zone for zone in zones}


def test_the_days_of_every_zone_partition_three_years() -> None:
    found = different_zones()

    assert len(found) > 50
    for begun, zone in found.items():
        # Without overlap; without gap by their making, each ends where the next begins.
        assert list(begun) == sorted(begun), zone
        odd = [
            (day, begins_at)
            for day, (begins_at, ends_at) in zip(NOW_AND_THEN, pairwise(begun), strict=True)
            if ends_at - begins_at != ONE_DAY
        ]
        # What the clocks show agrees, right around every change and on one common day.
        for day, begins_at in [*odd, (NOW_AND_THEN.first, begun[0])]:
            assert begins_at.astimezone(zone).date() == day, zone
            assert (begins_at - MICROSECOND).astimezone(zone).date() == day - ONE_DAY, zone
            assert day_of(begins_at, zone) == day_of(midnight(day + ONE_DAY, zone) - MICROSECOND, zone) == day, zone


def test_days_are_taken_together_where_they_follow_each_other() -> None:
    days = [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 5)]

    assert list(stretches(days)) == [Days(days[0], days[2]), Days(days[3], days[3])]
    assert list(stretches([])) == []
    assert list(Days(days[1], days[0])) == []


@pytest.mark.parametrize(
    ("name", "first", "begins_at"),
    [
        ("Europe/Berlin", date(2026, 11, 1), "2026-10-31T23:00"),
        # Midnight of the 1st is shown twice: the month has begun, and keeps the hour.
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00"),
        ("America/St_Johns", date(2009, 11, 1), "2009-11-01T02:30"),
        ("Asia/Tokyo", date(2028, 3, 1), "2028-02-29T15:00"),
    ],
)
def test_a_month_begins_with_its_first_day(name: str, first: date, begins_at: str) -> None:
    zone = ZoneInfo(name)
    begun = midnight(first, zone)

    assert begun == datetime.fromisoformat(begins_at).replace(tzinfo=UTC)
    for minutes in (0, 30, 59, 61, 90, 121):
        assert month_of(begun + timedelta(minutes=minutes), zone) == first
    assert next_month(month_of(begun - MICROSECOND, zone)) == first
    assert month_before(first).midnights(zone)[-1] == begun
