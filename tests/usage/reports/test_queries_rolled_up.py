"""Reports from the daily sums: the same as straight from the events, whatever the days, the filters and the clocks."""

import csv
import random
from datetime import UTC, date, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from organizations.calendar import Days, midnight
from tests.support.usage.usage_histories import DAY, History, live
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage import reports, rollups
from usage.metering.meter import meter
from usage.metering.usage_refunds import refund
from usage.models import DailyUsage, UsageEvent, UsageRollup
from usage.reports import DIMENSIONS, Dimension, Filters, Span, UsageReport, export_csv, queries, statement
from usage.uses import Metered

pytestmark = pytest.mark.django_db

# Days of 23, 24.5 and 25 hours; a midnight that doesn't exist, one that comes twice, and an hour before it that does.
CLOCKS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("America/New_York", date(2025, 11, 2)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("America/Havana", date(2025, 11, 2)),
    ("America/St_Johns", date(2010, 11, 7)),
]


@pytest.fixture
def stage() -> Stage:
    """Without credits, so that its clock can stand anywhere in the past."""
    return set_up(credits=0)


def sums(report: UsageReport) -> object:
    """All that a report says, without the names."""
    by = {
        dimension: {line.key: (line.credits, line.refunded, line.uses, line.tokens) for line in lines}
        for dimension, lines in report.by.items()
    }
    parts = {line.key: {part.key: part.credits for part in line.parts} for line in report.by.get("user", [])}
    return report.total, report.today, report.over_time, by, parts


def expected(history: History, days: Days, filters: Filters, today: date) -> tuple[int, int, int, dict[date, int]]:
    """Credits, uses, today's credits and each day's, added up by hand."""
    by_day = {days.first + n * DAY: 0 for n in range((days.last - days.first).days + 1)}
    events = history.within(days, filters)
    for event in events:
        by_day[history.day_of(event)] += event.credits - event.refunded
    return sum(by_day.values()), len(events), by_day.get(today, 0), by_day


def choices(history: History, around: date) -> list[tuple[Days, Filters]]:
    """Ranges and filters to try: each dimension alone, and two at once."""
    chance = random.Random(str(around))
    dimensions: list[tuple[Dimension, ...]] = [(), *((dimension,) for dimension in DIMENSIONS), ("user", "feature")]
    tried = []
    for chosen in dimensions:
        first = around + chance.randint(-4, 1) * DAY
        filters: Filters = {dimension: chance.choice(history.keys[dimension]) for dimension in chosen}
        tried.append((Days(first, first + chance.randint(0, 6) * DAY), filters))
    return [*tried, (Days(around - 9 * DAY, around + 9 * DAY), {})]


@pytest.mark.parametrize(("zone", "around"), CLOCKS)
def test_a_report_is_the_same_with_and_without_the_daily_sums(stage: Stage, zone: str, around: date) -> None:
    history = live(stage, around=[around], zone=zone)
    today = around + DAY
    tried = choices(history, around)

    def read() -> list[UsageReport]:
        return [
            reports.report(stage.organization, days, today=today, filters=filters, opens_users=True)
            for days, filters in tried
        ]

    from_events = read()
    rollups.roll_up(stage.organization, now=midnight(today, history.zone) + timedelta(hours=1))
    rolled = read()

    assert UsageRollup.objects.get(pk=stage.organization.pk).through_on == around
    for (days, filters), before, after in zip(tried, from_events, rolled, strict=True):
        credits, uses, of_today, by_day = expected(history, days, filters, today)
        assert (after.total.credits, after.total.uses, after.today.credits) == (credits, uses, of_today)
        assert {line.bucket: line.credits for line in after.over_time} == by_day
        assert sums(after) == sums(before)
        for lines in after.by.values():
            assert sum(line.credits for line in lines) == credits
        for line in after.by["user"]:
            assert sum(part.credits for part in line.parts) == line.credits


@pytest.mark.parametrize(("zone", "around"), CLOCKS[:3])
def test_the_file_adds_up_to_the_page_whatever_the_filter(stage: Stage, zone: str, around: date) -> None:
    history = live(stage, around=[around], zone=zone)
    today = around + DAY
    rollups.roll_up(stage.organization, now=midnight(today, history.zone) + timedelta(hours=1))

    for days, filters in choices(history, around):
        report = reports.report(stage.organization, days, today=today, filters=filters)
        text = "".join(export_csv.lines(stage.organization, days, today=today, filters=filters, program=stage.program))
        lines = list(csv.DictReader(text.removeprefix("\ufeff").splitlines()))
        net, refunded, uses = (sum(Decimal(line[name]) for line in lines) for name in ("Net", "Refunded", "Uses"))
        so_far = sum(Decimal(line["Net"]) for line in lines if line["Status"] != "final" and line["Day"] == str(today))
        assert (net, refunded, uses) == (report.total.credits, report.total.refunded, report.total.uses)
        assert so_far == report.today.credits


def test_spans_that_end_within_a_day_are_the_same_too(stage: Stage) -> None:
    zone, around = CLOCKS[0]
    history = live(stage, around=[around], zone=zone)
    begins = midnight(around, history.zone).astimezone(UTC)
    tried = [Span(around - 2 * DAY, begins + timedelta(hours=hours)) for hours in (-24, 0, 1, 5, 23, 30)]
    from_events = reports.used_in(stage.organization, tried)
    rollups.roll_up(stage.organization, now=begins + timedelta(hours=24))

    assert reports.used_in(stage.organization, tried) == from_events
    since = midnight(around - 2 * DAY, history.zone)
    assert from_events == [
        sum(e.credits - e.refunded for e in history.events if since <= e.occurred_at < span.until) for span in tried
    ]


class TestWhereItIsRead:
    @pytest.fixture
    def stage(self) -> Stage:
        return set_up()

    def rolled(self, stage: Stage) -> Stage:
        uses = [stage.use("today"), stage.use("yesterday", occurred_at=NOW - DAY)]
        meter(uses, now=NOW)
        rollups.roll_up(stage.organization, now=NOW)
        return stage

    def credits(self, stage: Stage, filters: Filters = reports.NO_FILTERS) -> int:
        days = Days(NOW.date() - 3 * DAY, NOW.date())
        return reports.report(stage.organization, days, today=NOW.date(), filters=filters).total.credits

    def test_days_that_are_added_up_are_not_read_from_the_events(self, stage: Stage) -> None:
        self.rolled(stage)
        DailyUsage.objects.update(credits=1_050)

        assert self.credits(stage) == 1_050 + 50
        assert self.credits(stage, {"user": stage.owner.pk}) == 1_050 + 50
        assert reports.used_in(stage.organization, [Span(NOW.date() - 3 * DAY, NOW + DAY)]) == [1_100]

    def test_sums_on_other_clocks_are_not_read(self, stage: Stage) -> None:
        self.rolled(stage)
        DailyUsage.objects.update(credits=1_050)
        stage.organization.time_zone = "Asia/Tokyo"
        stage.organization.save()

        assert self.credits(stage) == 100

    def test_sums_that_were_taken_away_meanwhile_are_not_missed(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As if they were deleted between the read of how far they reach and the statement."""
        meter([stage.use("today"), stage.use("yesterday", occurred_at=NOW - DAY)], now=NOW)
        monkeypatch.setattr(statement, "read_through", lambda organization: NOW.date() - DAY)
        days = Days(NOW.date() - 3 * DAY, NOW.date())

        assert self.credits(stage) == 100
        assert reports.used_in(stage.organization, [Span(days.first, NOW + DAY)]) == [100]
        lines = export_csv.lines(stage.organization, days, today=NOW.date(), filters={}, program=stage.program)
        assert len(list(lines)) == 1 + 2

    def test_a_day_that_is_added_up_meanwhile_counts_once(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rolled(stage)
        monkeypatch.setattr(statement, "read_through", lambda organization: NOW.date() - 2 * DAY)

        assert self.credits(stage) == 100

    def test_a_refund_appears_once_its_day_is_added_up_again(self, stage: Stage) -> None:
        (answer,) = meter([stage.use("yesterday", occurred_at=NOW - DAY)], now=NOW)
        rollups.roll_up(stage.organization, now=NOW)
        assert isinstance(answer, Metered)
        refund(answer.event_id, credits=20, key="r", reason="", within=None, now=NOW)
        rollups.roll_up(stage.organization, now=NOW)

        assert self.credits(stage) == 30

    def test_pages_find_sums_by_their_index(self, stage: Stage) -> None:
        days = Days(date(2026, 1, 1), date(2026, 3, 1))
        where = statement.sources(stage.organization, days, through=days.last, filters={})
        sql = queries.statement_for(where, dimensions=DIMENSIONS, by_month=False, opens_users=True)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", {**where.parameters(), "today": days.last})
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "Seq Scan on usage_dailyusage" not in plan
        assert plan.count("daily_usage_is_added_up_once") == len(DIMENSIONS) + 3
        assert "day_on >=" in plan
        assert not UsageEvent.objects.exists()
