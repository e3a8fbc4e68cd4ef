"""Sums over usage events: every table adds up to the same, on the organization's clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from organizations.membership import move_to_team
from tests import factories
from tests.usage.stage import NOW, Stage, set_up
from usage import periods, reports
from usage.metering import meter
from usage.periods import Days
from usage.pricing import Measures
from usage.refunds import refund
from usage.reports import DIMENSIONS, Line, Period
from usage.uses import Metered

TOKYO = ZoneInfo("Asia/Tokyo")


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

    found = reports.report(stage.organization, since=NOW, until=NOW + timedelta(seconds=1))

    assert (found.total.credits, found.total.uses) == (50 + 60 + 7 + 30, 4)
    assert named(found.by["feature"]) == {"Report": (80, 2), "Chat": (60, 1), "Enrich": (7, 1)}
    assert named(found.by["user"]) == {"Bob": (90, 2), "Alice": (50, 1), "nobody in particular": (7, 1)}
    assert named(found.by["team"]) == {"Research": (90, 2), "no team": (57, 2)}
    assert {line.name: line.credits for line in found.by["service"]} == {"main": 90, "shop": 57}
    assert named(found.by["model"]) == {"small": (60, 1), "no model named": (87, 3)}
    assert [line.name for line in found.by["feature"]] == ["Report", "Chat", "Enrich"]


def test_every_table_adds_up_to_the_total_and_to_the_balance(stage: Stage) -> None:
    a_busy_day(stage)
    meter([stage.use(f"u{n}", occurred_at=NOW - timedelta(days=n)) for n in range(30)], now=NOW)

    found = reports.report(stage.organization, since=NOW - timedelta(days=60), until=NOW + timedelta(days=1))

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
    since, until = Days(date(2026, 3, 8), date(2026, 3, 10)).instants(TOKYO)

    found = reports.report(stage.organization, since=since, until=until)

    assert [(line.bucket, line.uses) for line in found.over_time] == [
        (date(2026, 3, 8), 0),
        (date(2026, 3, 9), 1),
        (date(2026, 3, 10), 1),
    ]


def test_a_long_range_goes_by_month_and_leaves_none_out(stage: Stage) -> None:
    meter([stage.use("old", occurred_at=datetime(2023, 11, 16, tzinfo=UTC), any_age=True), stage.use("new")], now=NOW)
    since, until = Days(date(2023, 10, 15), date(2026, 3, 31)).instants(ZoneInfo("UTC"))

    found = reports.report(stage.organization, since=since, until=until)

    assert found.by_month
    assert len(found.over_time) == 30
    assert found.over_time[1] == Line("", 50, 1, date(2023, 11, 1))
    assert found.over_time[0].bucket == date(2023, 10, 1)
    assert found.over_time[-1].bucket == date(2026, 3, 1)


def test_one_persons_part(stage: Stage) -> None:
    a_busy_day(stage)

    found = reports.report(
        stage.organization, since=NOW, until=NOW + timedelta(1), dimensions=["feature"], user=stage.owner
    )

    assert named(found.by["feature"]) == {"Report": (50, 1)}


def test_nothing_used_is_nothing(stage: Stage) -> None:
    found = reports.report(stage.organization, since=NOW, until=NOW + timedelta(days=1))

    assert (found.total.credits, found.total.uses) == (0, 0)
    assert found.by["user"] == []


def test_several_periods_at_once(stage: Stage) -> None:
    meter([stage.use("a"), stage.use("b", occurred_at=NOW - timedelta(days=3))], now=NOW)
    day = timedelta(days=1)

    assert reports.used_in(
        stage.organization,
        [Period(NOW - 7 * day, NOW), Period(NOW - 7 * day, NOW + day), Period(NOW - 9 * day, NOW - 8 * day)],
    ) == [50, 100, 0]
    assert reports.first_use_at(stage.organization) == NOW - 3 * day


class TestPeriods:
    def test_months_end_on_their_last_day(self) -> None:
        assert periods.last_month(date(2024, 3, 31)) == Days(date(2024, 2, 1), date(2024, 2, 29))
        assert periods.last_month(date(2026, 1, 1)) == Days(date(2025, 12, 1), date(2025, 12, 31))
        assert periods.this_month(date(2026, 3, 10)) == Days(date(2026, 3, 1), date(2026, 3, 10))
        assert periods.last_30_days(date(2026, 3, 10)) == Days(date(2026, 2, 9), date(2026, 3, 10))

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
