"""Months of a plan: the 31st, leap days, clock changes, every zone, and no drift over the years."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.plans.periods import Period, first_period, following, months_after, periods_until, share_left

SEOUL, NEW_YORK, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
UTC_ZONE = ZoneInfo("UTC")
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"})).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def ends(anchor: datetime, zone: ZoneInfo, count: int) -> list[datetime]:
    """The ends of so many periods, each begun where the one before ended, on the zone's clocks."""
    period = first_period(anchor, zone)
    found = [period.end]
    while len(found) < count:
        period = following(anchor, period.end, zone)
        found.append(period.end)
    return [end.astimezone(zone) for end in found]


class TestTheDayOfTheMonth:
    def test_the_31st_renews_on_the_last_day_of_shorter_months_and_on_the_31st_again(self) -> None:
        days = [(end.month, end.day) for end in ends(datetime(2026, 1, 31, 9, tzinfo=SEOUL), SEOUL, 5)]
        assert days == [(2, 28), (3, 31), (4, 30), (5, 31), (6, 30)]

    @pytest.mark.parametrize(("year", "day"), [(2026, 28), (2028, 29), (2100, 28), (2400, 29)])
    def test_the_30th_meets_february(self, year: int, day: int) -> None:
        assert ends(datetime(year, 1, 30, 9, tzinfo=BERLIN), BERLIN, 1)[0].day == day

    def test_the_29th_of_february_stays_the_29th(self) -> None:
        found = ends(datetime(2028, 2, 29, 9, tzinfo=BERLIN), BERLIN, 48)
        assert {end.day for end in found if end.month != 2} == {29}
        assert [(end.year, end.day) for end in found if end.month == 2] == [
            (2029, 28),
            (2030, 28),
            (2031, 28),
            (2032, 29),
        ]

    def test_it_is_the_day_on_the_organizations_clocks_not_in_utc(self) -> None:
        # 23:30 UTC on the 30th is the morning of the 31st in Seoul.
        anchor = datetime(2026, 1, 30, 23, 30, tzinfo=UTC)
        assert [(end.month, end.day, end.hour) for end in ends(anchor, SEOUL, 2)] == [(2, 28, 8), (3, 31, 8)]


class TestClockChanges:
    def test_the_time_of_day_stays_across_a_change(self) -> None:
        found = ends(datetime(2026, 2, 15, 9, tzinfo=NEW_YORK), NEW_YORK, 12)
        assert {end.hour for end in found} == {9}
        assert {end.astimezone(UTC).hour for end in found} == {13, 14}

    def test_a_time_that_is_left_out_is_an_hour_later_and_comes_back(self) -> None:
        # On 8 March 2026 the clocks of New York go from 2:00 to 3:00.
        found = ends(datetime(2026, 2, 8, 2, 30, tzinfo=NEW_YORK), NEW_YORK, 2)
        assert [(end.day, end.hour, end.minute) for end in found] == [(8, 3, 30), (8, 2, 30)]

    def test_a_time_that_comes_twice_is_its_first(self) -> None:
        # On 1 November 2026 the clocks of New York go from 2:00 back to 1:00.
        end = ends(datetime(2026, 10, 1, 1, 30, tzinfo=NEW_YORK), NEW_YORK, 1)[0]
        assert end.astimezone(UTC) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    def test_an_anchor_in_the_second_of_two_hours_does_not_make_the_next_month_late(self) -> None:
        anchor = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 1:30 for the second time
        assert ends(anchor, NEW_YORK, 1)[0].astimezone(UTC) == datetime(2026, 12, 1, 6, 30, tzinfo=UTC)


class TestLaws:
    @given(INSTANTS, ZONES)
    def test_periods_follow_each_other_without_gap_each_a_month_long(self, anchor: datetime, zone: ZoneInfo) -> None:
        periods = periods_until(anchor, anchor, anchor + timedelta(days=800), zone)
        assert periods[0] == first_period(anchor, zone)
        assert all(one.end == other.start for one, other in pairwise(periods))
        # 28 to 31 days, give or take what a zone changes its clocks by (Samoa left out a whole day).
        assert all(timedelta(days=26) < period.end - period.start < timedelta(days=33) for period in periods)

    @given(INSTANTS, ZONES, st.integers(1, 600))
    def test_no_drift_the_nth_end_is_counted_from_the_anchor(
        self, anchor: datetime, zone: ZoneInfo, months: int
    ) -> None:
        end = months_after(anchor, months, zone)
        before = months_after(anchor, months - 1, zone)
        assert following(anchor, before, zone) == Period(before, end)
        local = anchor.astimezone(zone)
        assert local.day - 4 <= end.astimezone(zone).day + (32 if end.astimezone(zone).day < 3 else 0) <= local.day + 33

    @given(INSTANTS, ZONES, st.integers(0, 4000))
    def test_now_lies_in_the_last_period(self, anchor: datetime, zone: ZoneInfo, hours: int) -> None:
        now = anchor + timedelta(hours=hours)
        last = periods_until(anchor, anchor, now, zone)[-1]
        assert last.start <= now < last.end

    @given(INSTANTS, ZONES, ZONES, st.integers(0, 20))
    def test_a_move_to_another_zone_makes_no_short_month(
        self, anchor: datetime, old: ZoneInfo, new: ZoneInfo, months: int
    ) -> None:
        start = months_after(anchor, months, old)
        period = following(anchor, start, new)
        assert timedelta(days=14) <= period.end - period.start < timedelta(days=47)
        assert following(anchor, period.end, new).start == period.end

    def test_an_end_is_not_in_its_period(self) -> None:
        anchor = datetime(2026, 1, 1, tzinfo=UTC)
        end = first_period(anchor, UTC_ZONE).end
        assert len(periods_until(anchor, anchor, end - timedelta(microseconds=1), UTC_ZONE)) == 1
        assert len(periods_until(anchor, anchor, end, UTC_ZONE)) == 2

    def test_there_is_none_before_the_start(self) -> None:
        anchor = datetime(2026, 1, 1, tzinfo=UTC)
        assert periods_until(anchor, anchor, anchor - timedelta(seconds=1), UTC_ZONE) == []


class TestShares:
    PERIOD = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC))

    @pytest.mark.parametrize(("day", "share"), [(1, 700), (16, 350), (30, 23), (31, 0)])
    def test_a_share_falls_with_the_days_that_are_left(self, day: int, share: int) -> None:
        assert share_left(700, self.PERIOD, datetime(2026, 1, day, tzinfo=UTC)) == share

    def test_before_the_period_it_is_all_and_after_it_nothing(self) -> None:
        assert share_left(700, self.PERIOD, datetime(2025, 12, 1, tzinfo=UTC)) == 700
        assert share_left(700, self.PERIOD, datetime(2026, 3, 1, tzinfo=UTC)) == 0

    @given(st.integers(0, 10**12), INSTANTS)
    def test_it_is_never_more_than_the_whole(self, amount: int, at: datetime) -> None:
        assert 0 <= share_left(amount, self.PERIOD, at) <= amount
