"""Sums over usage events: every table adds up to the same, on the organization's clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from organizations.calendar import Days, month_before
from organizations.members.membership import move_to_team
from tests.support import factories
from tests.support.usage.usage_stage import NOW, Stage, price, set_up
from usage import reports
from usage.metering.meter import meter
from usage.metering.usage_refunds import refund
from usage.pricing import Measures
from usage.reports import DIMENSIONS, Line, Span, periods
from usage.uses import Metered

TOKYO = ZoneInfo("Asia/Tokyo")
TODAY = Days(NOW.date(), NOW.date())


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up()


def named(lines: list[Line]) -> dict[str, tuple[int, int]]:
    return {line.name: (line.credits, line.uses) for line in lines}


def a_busy_day(stage: Stage) -> list[Metered]:
    bob = factories.person("Bob")
    factories.member(stage.organization, bob)
    research = factories.team(stage.organization, "Research")
    move_to_team(organization=stage.organization, user=bob, team=research, actor=stage.owner)
    chat = Measures(model="small", input_tokens=10, output_tokens=2)
    answers = meter(
        [
            stage.use("a", service="shop"),
            stage.use("b", "chat", measures=chat, user=bob.email),
            stage.use("c", "enrich", measures=Measures(quantity=7), user=None, service="shop"),
            stage.use("d", user=bob.email),
        ],
        now=NOW,
    )
    return [answer for answer in answers if isinstance(answer, Metered)]


def test_by_every_dimension_refunds_taken_off(stage: Stage) -> None:
    uses = a_busy_day(stage)
    refund(uses[3].event_id, credits=20, key="r", reason="", within=None, now=NOW + timedelta(days=2))

    found = reports.report(stage.organization, TODAY, today=NOW.date())

    assert (found.total.credits, found.total.uses) == (50 + 60 + 7 + 30, 4)
    assert named(found.by["feature"]) == {"Report": (80, 2), "Chat": (60, 1), "Enrich": (7, 1)}
    assert named(found.by["user"]) == {"Bob": (90, 2), "Alice": (50, 1), "no user": (7, 1)}
    assert named(found.by["team"]) == {"Research": (90, 2), "no team": (57, 2)}
    assert {line.name: line.credits for line in found.by["service"]} == {"main": 90, "shop": 57}
    assert named(found.by["model"]) == {"small": (60, 1), "no model": (87, 3)}
    assert [line.name for line in found.by["feature"]] == ["Report", "Chat", "Enrich"]


def test_every_table_adds_up_to_the_total_and_to_the_balance(stage: Stage) -> None:
    a_busy_day(stage)
    meter([stage.use(f"u{n}", occurred_at=NOW - timedelta(days=n)) for n in range(30)], now=NOW)

    found = reports.report(stage.organization, Days(NOW.date() - timedelta(days=60), NOW.date()), today=NOW.date())

    for dimension in DIMENSIONS:
        assert sum(line.credits for line in found.by[dimension]) == found.total.credits
        assert sum(line.uses for line in found.by[dimension]) == found.total.uses
    assert sum(line.credits for line in found.over_time) == found.total.credits
    assert found.total.credits == 10_000 - stage.balance()


def test_days_are_those_of_the_organizations_clocks(stage: Stage) -> None:
    stage.organization.time_zone = "Asia/Tokyo"
    stage.organization.save()
    for key, hour in (("a", 14), ("b", 15)):
        meter([stage.use(key, occurred_at=datetime(2026, 3, 9, hour, 59, tzinfo=UTC))], now=NOW)

    found = reports.report(stage.organization, Days(date(2026, 3, 8), date(2026, 3, 10)), today=NOW.date())

    assert [(line.bucket, line.uses) for line in found.over_time] == [
        (date(2026, 3, 8), 0),
        (date(2026, 3, 9), 1),
        (date(2026, 3, 10), 1),
    ]


def test_a_long_range_goes_by_month_and_leaves_none_out(stage: Stage) -> None:
    meter([stage.use("old", occurred_at=datetime(2023, 11, 16, tzinfo=UTC), any_age=True), stage.use("new")], now=NOW)

    found = reports.report(stage.organization, Days(date(2023, 10, 15), date(2026, 3, 31)), today=NOW.date())

    assert found.by_month
    assert len(found.over_time) == 30
    assert (found.over_time[1].bucket, found.over_time[1].credits) == (date(2023, 11, 1), 50)
    assert found.over_time[0].bucket == date(2023, 10, 1)
    assert found.over_time[-1].bucket == date(2026, 3, 1)


def test_one_persons_part(stage: Stage) -> None:
    a_busy_day(stage)

    found = reports.report(
        stage.organization, TODAY, today=NOW.date(), dimensions=["feature"], filters={"user": stage.owner.pk}
    )

    assert named(found.by["feature"]) == {"Report": (50, 1)}


def test_nothing_used_is_nothing(stage: Stage) -> None:
    found = reports.report(stage.organization, TODAY, today=NOW.date())

    assert (found.total.credits, found.total.uses) == (0, 0)
    assert found.by["user"] == []


def test_several_spans_at_once(stage: Stage) -> None:
    meter([stage.use("a"), stage.use("b", occurred_at=NOW - timedelta(days=3))], now=NOW)
    today, day = NOW.date(), timedelta(days=1)

    assert reports.used_in(
        stage.organization, [Span(today - 7 * day, NOW), Span(today - 7 * day, NOW + day), Span(today, NOW + day)]
    ) == [50, 100, 50]
    assert reports.first_use_at(stage.organization) == NOW - 3 * day


def test_users_open_to_their_features(stage: Stage) -> None:
    a_busy_day(stage)

    found = reports.report(stage.organization, TODAY, today=NOW.date(), opens_users=True)

    assert {line.name: named(list(line.parts)) for line in found.by["user"]} == {
        "Bob": {"Chat": (60, 1), "Report": (50, 1)},
        "Alice": {"Report": (50, 1)},
        "no user": {"Enrich": (7, 1)},
    }


def test_tokens_and_quantities_are_added_up(stage: Stage) -> None:
    a_busy_day(stage)

    found = reports.report(stage.organization, TODAY, today=NOW.date())

    assert (found.total.input_tokens, found.total.output_tokens, found.total.quantity) == (10, 2, 7)
    assert (found.total, found.final_credits) == (found.today, 0)


def test_two_ranges_side_by_side_differ_by_as_much_in_every_table(stage: Stage) -> None:
    a_busy_day(stage)
    yesterday = NOW - timedelta(days=1)
    chat = Measures(model="large", input_tokens=10, output_tokens=2)
    price(stage.program, "chat", pricing="per_token", model="large", input_credits=1, output_credits=1)
    meter(
        [stage.use("e", occurred_at=yesterday), stage.use("f", "chat", measures=chat, occurred_at=yesterday)], now=NOW
    )
    before = reports.report(stage.organization, periods.yesterday(NOW.date()), today=NOW.date())

    found = reports.compared(reports.report(stage.organization, TODAY, today=NOW.date()), before)

    assert (found.total.before, found.total.difference) == (62, 167 - 62)
    for dimension in DIMENSIONS:
        assert sum(line.difference for line in found.by[dimension]) == found.total.difference
    assert [(line.name, line.credits, line.before) for line in found.by["model"]][-1] == ("large", 0, 12)


class TestPeriods:
    def test_months_end_on_their_last_day(self) -> None:
        assert month_before(date(2024, 3, 31)) == Days(date(2024, 2, 1), date(2024, 2, 29))
        assert month_before(date(2026, 1, 1)) == Days(date(2025, 12, 1), date(2025, 12, 31))
        assert periods.this_month(date(2026, 3, 10)) == Days(date(2026, 3, 1), date(2026, 3, 10))
        assert periods.last_30_days(date(2026, 3, 10)) == Days(date(2026, 2, 9), date(2026, 3, 10))

        assert periods.yesterday(date(2026, 3, 1)) == Days(date(2026, 2, 28), date(2026, 2, 28))
        assert periods.last_7_days(date(2026, 3, 10)) == Days(date(2026, 3, 4), date(2026, 3, 10))

    @pytest.mark.parametrize(
        ("days", "before"),
        [
            # As many days, right before.
            (Days(date(2026, 3, 4), date(2026, 3, 10)), Days(date(2026, 2, 25), date(2026, 3, 3))),
            (Days(date(2026, 3, 1), date(2026, 3, 1)), Days(date(2026, 2, 28), date(2026, 2, 28))),
            # This month so far: the same days of the last one.
            (Days(date(2026, 3, 1), date(2026, 3, 30)), Days(date(2026, 2, 1), date(2026, 2, 28))),
            # Whole months: as many whole months.
            (Days(date(2026, 2, 1), date(2026, 2, 28)), Days(date(2026, 1, 1), date(2026, 1, 31))),
            (Days(date(2025, 12, 1), date(2026, 2, 28)), Days(date(2025, 9, 1), date(2025, 11, 30))),
        ],
    )
    def test_the_range_before(self, days: Days, before: Days) -> None:
        assert periods.range_before(days, today=date(2026, 3, 30)) == before

    def test_a_day_with_23_hours_is_a_day(self) -> None:
        since, until = Days(date(2026, 3, 29), date(2026, 3, 29)).instants(ZoneInfo("Europe/Berlin"))

        assert until.astimezone(UTC) - since.astimezone(UTC) == timedelta(hours=23)

    def test_the_same_moment_last_month(self) -> None:
        assert periods.same_moment_last_month(datetime(2026, 3, 10, 3, tzinfo=UTC), TOKYO) == (
            datetime(2026, 2, 1, tzinfo=TOKYO),
            datetime(2026, 2, 10, 12, tzinfo=TOKYO),
        )

    def test_a_day_that_last_month_did_not_have_is_its_end(self) -> None:
        _, until = periods.same_moment_last_month(datetime(2026, 3, 31, 3, tzinfo=UTC), TOKYO)

        assert until == datetime(2026, 3, 1, tzinfo=TOKYO)
