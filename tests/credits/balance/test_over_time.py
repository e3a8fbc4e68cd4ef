"""The balance over time: each day's last word, found without reading the ledger through."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from credits.balance import chart as charts
from credits.balance import over_time
from credits.balance.over_time import DayEnd, Event
from credits.models import Program
from organizations.calendar import midnight
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver

BERLIN = ZoneInfo("Europe/Berlin")


def driver() -> WalletDriver:
    organization = factories.organization(time_zone="Europe/Berlin")
    return WalletDriver(factories.wallet(organization, factories.program()), datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.mark.django_db
class TestDayEnds:
    def test_each_day_has_the_balance_of_its_last_entry(self) -> None:
        hand = driver()
        expected = []
        for number in range(40):
            hand.grant(100) if number % 4 == 0 else hand.spend(number)
            hand.pass_time(hours=9)
            hand.wallet.refresh_from_db()
            expected.append((hand.now - timedelta(hours=9), hand.wallet.balance))
        days = [date(2026, 2, 27) + timedelta(days=number) for number in range(20)]

        ends = over_time.day_ends(hand.wallet, days, BERLIN)

        for end in ends:
            ends_at = midnight(end.day + timedelta(days=1), BERLIN)
            assert end.balance == next((balance for at, balance in reversed(expected) if at < ends_at), 0)
        assert [end.day for end in ends] == days
        assert len({end.balance for end in ends}) > 10

    def test_a_day_ends_at_midnight_on_the_given_clocks(self) -> None:
        hand = driver()
        hand.now = datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC)
        hand.grant(1)
        hand.now = datetime(2026, 3, 28, 23, tzinfo=UTC)
        hand.grant(10)
        # The clocks go forward on the 29th: its day has 23 hours.
        hand.now = datetime(2026, 3, 29, 22, tzinfo=UTC)
        hand.grant(100)

        ends = over_time.day_ends(hand.wallet, [date(2026, 3, day) for day in (27, 28, 29, 30)], BERLIN)

        assert [end.balance for end in ends] == [0, 1, 11, 111]

    def test_a_wallet_in_which_nothing_happened_has_zero(self) -> None:
        assert over_time.day_ends(driver().wallet, [date(2026, 3, 1)], BERLIN) == [DayEnd(date(2026, 3, 1), 0)]

    def test_events_are_what_came_in_and_what_expired(self) -> None:
        hand = driver()
        begun = hand.now
        hand.grant(50, days=3)
        hand.spend(20)
        hand.pass_time(days=4)
        hand.grant(5)

        found = over_time.events(hand.wallet, since=begun, until=hand.now + timedelta(seconds=1))

        assert [(event.kind, event.credits) for event in found] == [("grant", 50), ("expiry", -30), ("grant", 5)]
        assert over_time.events(hand.wallet, since=hand.now, until=hand.now) == []


class TestDays:
    def test_no_more_than_asked_for_and_none_before_the_first(self) -> None:
        last = date(2026, 3, 1)

        assert len(over_time.days_until(last, at_most=90, not_before=date(2020, 1, 1))) == 90
        assert over_time.days_until(last, at_most=90, not_before=date(2026, 2, 28))[0] == date(2026, 2, 28)
        assert over_time.days_until(last, at_most=90, not_before=date(2026, 3, 2)) == [last]


class TestThePicture:
    @pytest.mark.parametrize("values", [[0], [1], [7, 3], [-500, 1_000], [10**15], [-1], [999_999, 5]])
    def test_a_scale_holds_zero_and_every_value(self, values: list[int]) -> None:
        scale = charts.scale_for(values)

        assert scale.low <= min([0, *values])
        assert scale.high >= max(values)
        assert {0, scale.low, scale.high} <= set(scale.ticks())
        assert len(scale.ticks()) <= 6

    def test_it_says_the_same_as_its_table(self) -> None:
        days = [date(2026, 3, number) for number in range(1, 6)]
        ends = [DayEnd(day, balance) for day, balance in zip(days, [100, 80, 1_080, 1_000, 990], strict=True)]
        events = [
            Event("grant", "card", 1_000, datetime(2026, 3, 3, 12, tzinfo=UTC)),
            Event("expiry", "", -80, datetime(2026, 3, 4, 12, tzinfo=UTC)),
        ]

        chart = charts.balance_chart(ends, events, program=Program(decimals=0), zone=ZoneInfo("UTC"))

        assert chart["description"] == "From 100 on Mar 1, 2026 to 990 today. Lowest: 80 on Mar 2, 2026."
        assert [row[-1] for row in chart["rows"]] == ["990", "1,000", "1,080", "80", "100"]
        assert chart["rows"][2][1] == "+1,000"
        assert chart["rows"][1][2] == "−80"
        assert [mark["title"].splitlines()[1] for mark in chart["marks"]] == ["Expiry −80", "Card purchase +1,000"]
        assert chart["line"].startswith("M0.00 93.33 L250.00")
        assert chart["labels"][-1]["text"] == "Today"

    def test_amounts_on_the_axis_are_short_and_exact(self) -> None:
        whole, millionths = Program(decimals=0), Program(decimals=6)

        assert charts.shortly(500_000, whole) == "500K"
        assert charts.shortly(-2_000_000, whole) == "−2M"
        assert charts.shortly(500, whole) == "500"
        assert charts.shortly(50_000, millionths) == "0.05"
        assert charts.shortly(2_500 * 10**6, millionths) == "2.5K"
