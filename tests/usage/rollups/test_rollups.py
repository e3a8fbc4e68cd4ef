"""Rollups: what an organization used, a day at a time, once the day has ended, and again when it has changed."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError

from organizations.calendar import Days
from organizations.models import AuditEvent, Organization
from tests.support import factories
from tests.support.usage.rollup_stage import HOUR, at, check_sums, early_stage, roll_up, sums_kept
from tests.support.usage.usage_stage import ALWAYS, Stage, give
from usage import rollups
from usage.metering import reservations, usage_refunds
from usage.models import DailyUsage, LateUse, UsageRollup
from usage.pricing import Measures
from usage.rollups import adding_up, late_uses
from usage.uses import Metered

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 11)


@pytest.fixture
def stage() -> Stage:
    return early_stage()


def used(organization: Organization, day: date) -> int:
    rows = DailyUsage.objects.filter(organization=organization, shape="service", day_on=day)
    return sum(row.credits - row.refunded for row in rows)


def move_to(stage: Stage, zone: str) -> None:
    stage.organization.time_zone = zone
    stage.organization.save()


def refund(metered: Metered, now: datetime, credits: int | None = None) -> None:
    usage_refunds.refund(metered.event_id, credits=credits, key="r", reason="failed", within=None, now=now)


class TestADay:
    def test_is_added_up_by_every_shape_when_it_has_ended(self, stage: Stage) -> None:
        research = factories.team(stage.organization)
        bob = factories.person("Bob")
        factories.member(stage.organization, bob, team=research)
        stage.pay("a", now=at("2026-03-10 09:00"))
        stage.pay("b", now=at("2026-03-10 10:00"), service="app")
        tokens = Measures(model="small", input_tokens=10, output_tokens=2)
        stage.pay("c", "chat", now=at("2026-03-10 11:00"), user=bob.email, measures=tokens)
        stage.pay("d", "enrich", now=at("2026-03-10 12:00"), user=None, measures=Measures(quantity=7))

        assert roll_up(at("2026-03-11 00:10")) == {"organizations": 1, "days": 1}

        assert rollups.through(stage.organization) == (TUESDAY, "UTC")
        rows = DailyUsage.objects.filter(day_on=TUESDAY)
        by = {shape: sorted(rows.filter(shape=shape).values_list("credits", "uses")) for shape in adding_up.SHAPES}
        assert by == {
            "feature": [(7, 1), (60, 1), (100, 2)],
            "user": [(7, 1), (60, 1), (100, 2)],
            "team": [(60, 1), (107, 3)],
            "service": [(50, 1), (117, 3)],
            "model": [(60, 1), (107, 3)],
            "user_feature": [(7, 1), (60, 1), (100, 2)],
            "all": [(7, 1), (50, 1), (50, 1), (60, 1)],
        }
        assert rows.get(shape="team", team=research).output_tokens == 2
        check_sums(stage)

    def test_ends_at_the_organizations_own_midnight(self, stage: Stage) -> None:
        move_to(stage, "Asia/Tokyo")
        stage.pay("before", now=at("2026-03-10 23:59", "Asia/Tokyo"))
        stage.pay("after", "query", now=at("2026-03-11 00:00", "Asia/Tokyo"), measures=Measures(credits=10))

        roll_up(at("2026-03-11 00:10", "Asia/Tokyo"))

        assert used(stage.organization, TUESDAY) == 50
        assert used(stage.organization, WEDNESDAY) == 0
        check_sums(stage)

    def test_waits_for_uses_that_are_reported_moments_later(self, stage: Stage) -> None:
        stage.pay("a", now=at("2026-03-10 23:59"))

        roll_up(at("2026-03-11 00:09"))

        assert rollups.through(stage.organization) == (MONDAY, "UTC")
        stage.pay("b", now=at("2026-03-11 00:09"), occurred_at=at("2026-03-10 23:59"))
        assert not LateUse.objects.exists()
        roll_up(at("2026-03-11 00:10"))
        assert used(stage.organization, TUESDAY) == 100
        check_sums(stage)

    def test_keeps_the_team_that_its_users_were_in_then(self, stage: Stage) -> None:
        bob = factories.person("Bob")
        research = factories.team(stage.organization)
        place = factories.member(stage.organization, bob, team=research)
        stage.pay("a", user=bob.email, now=at("2026-03-10 09:00"))
        place.team = None
        place.save()
        stage.pay("b", user=bob.email, now=at("2026-03-10 10:00"))

        roll_up(at("2026-03-12 01:00"))

        by_team = DailyUsage.objects.filter(shape="team").values_list("team", "credits")
        assert set(by_team) == {(research.pk, 50), (None, 50)}
        check_sums(stage)

    def test_has_what_was_settled_and_what_could_not_be_collected(self) -> None:
        stage = early_stage(credits=100)
        reserved = reservations.reserve(stage.use("a"), credits=100, now=at("2026-03-10 23:58"))
        reservations.settle(reserved.id, measures=Measures(credits=130), within=None, now=at("2026-03-11 00:05"))

        roll_up(at("2026-03-12 01:00"))

        row = DailyUsage.objects.get(shape="feature")
        assert (row.day_on, row.credits, row.uncollected) == (WEDNESDAY, 100, 30)
        check_sums(stage)


class TestTheSweep:
    def test_done_again_changes_nothing(self, stage: Stage) -> None:
        stage.pay("a", now=at("2026-03-10 09:00"))
        roll_up(at("2026-03-12 01:00"))
        before = list(DailyUsage.objects.order_by("id").values())

        assert roll_up(at("2026-03-12 01:00")) == {}

        assert list(DailyUsage.objects.order_by("id").values()) == before

    def test_catches_up_all_days_that_were_missed_oldest_first(self, stage: Stage, monkeypatch: Any) -> None:
        for number in range(16):
            stage.pay(f"{number}", now=at("2026-03-01 12:00") + 24 * HOUR * number)
        done: list[Days] = []
        replace = adding_up.replace

        def note(organization_id: int, days: Days, zone: Any) -> int:
            done.append(days)
            return replace(organization_id, days, zone)

        monkeypatch.setattr(adding_up, "replace", note)

        assert roll_up(at("2026-03-17 06:00")) == {"organizations": 1, "days": 16}

        assert [(days.first.day, days.last.day) for days in done] == [(1, 7), (8, 14), (15, 16)]
        check_sums(stage)

    def test_goes_on_where_it_was_killed(self, stage: Stage, monkeypatch: Any) -> None:
        for number in range(10):
            stage.pay(f"{number}", now=at("2026-03-01 12:00") + 24 * HOUR * number)
        replace = adding_up.replace

        def killed_in_the_second_week(organization_id: int, days: Days, zone: Any) -> int:
            made = replace(organization_id, days, zone)
            if days.first.day > 1:
                raise KeyboardInterrupt
            return made

        with monkeypatch.context() as patched:
            patched.setattr(adding_up, "replace", killed_in_the_second_week)
            with pytest.raises(KeyboardInterrupt):
                roll_up(at("2026-03-11 06:00"))

        assert rollups.through(stage.organization) == (date(2026, 3, 7), "UTC")
        check_sums(stage)
        assert roll_up(at("2026-03-11 06:00")) == {"organizations": 1, "days": 3}
        check_sums(stage)

    def test_an_organization_without_any_use_is_through_yesterday(self, stage: Stage) -> None:
        assert rollups.through(stage.organization) == (None, "UTC")

        assert roll_up(at("2026-03-11 06:00")) == {"organizations": 1}

        assert rollups.through(stage.organization) == (TUESDAY, "UTC")
        check_sums(stage)

    def test_passes_over_the_days_on_which_nothing_was_used(self, stage: Stage) -> None:
        stage.pay("a", now=at("2016-03-10 09:00"))
        roll_up(at("2016-03-12 06:00"))
        stage.pay("b", now=at("2026-03-09 09:00"))

        assert roll_up(at("2026-03-11 06:00")) == {"organizations": 1, "days": 2}

        assert rollups.through(stage.organization) == (TUESDAY, "UTC")
        check_sums(stage)

    def test_an_organization_that_fails_stops_no_other(self, stage: Stage, monkeypatch: Any) -> None:
        globex = factories.organization(factories.person("Charlie"), slug="globex", time_zone="Asia/Seoul")
        give(factories.wallet(globex, stage.program, now=ALWAYS), 100, now=ALWAYS)
        stage.pay("a", now=at("2026-03-10 09:00"))
        stage.pay("b", organization="globex", user=None, now=at("2026-03-10 09:00"))
        replace = adding_up.replace

        def fail_for_acme(organization_id: int, days: Days, zone: Any) -> int:
            if organization_id == stage.organization.pk:
                raise DatabaseError("broken")
            return replace(organization_id, days, zone)

        with monkeypatch.context() as patched:
            patched.setattr(adding_up, "replace", fail_for_acme)
            assert roll_up(at("2026-03-12 00:10")) == {"organizations": 1, "days": 2, "failed": 1}

        assert used(globex, TUESDAY) == 50
        # It is behind now, so it comes first.
        stage.pay("c", organization="globex", user=None, now=at("2026-03-12 09:00"))
        assert rollups.find_due(at("2026-03-13 00:10")) == [stage.organization.pk, globex.pk]
        roll_up(at("2026-03-13 00:10"))
        check_sums(stage)

    def test_a_zone_that_nobody_knows_stops_no_other_organization(self, stage: Stage) -> None:
        globex = factories.organization(factories.person("Charlie"), slug="globex")
        factories.wallet(globex, stage.program, now=ALWAYS)
        Organization.objects.filter(pk=globex.pk).update(time_zone="Mars/Base")

        assert roll_up(at("2026-03-12 06:00")) == {"organizations": 1, "failed": 1}

    def test_it_leaves_the_rest_to_the_next_when_its_time_is_over(self, stage: Stage) -> None:
        assert rollups.roll_up_due(at("2026-03-11 06:00"), seconds=-1)["left"] == 1
        assert not UsageRollup.objects.exists()

    def test_it_stops_when_it_is_asked_to_stop(self, stage: Stage, monkeypatch: Any) -> None:
        def stop(*_: Any) -> int:
            raise SoftTimeLimitExceeded

        stage.pay("a", now=at("2026-03-10 09:00"))
        monkeypatch.setattr(adding_up, "replace", stop)

        with pytest.raises(SoftTimeLimitExceeded):
            roll_up(at("2026-03-11 06:00"))


class TestADayThatHasChanged:
    @pytest.fixture(autouse=True)
    def _yesterday(self, stage: Stage) -> None:
        self.paid = stage.pay("a", now=at("2026-03-09 09:00"))
        stage.pay("b", now=at("2026-03-10 09:00"))
        roll_up(at("2026-03-11 00:10"))

    def test_by_a_late_use_is_added_up_again(self, stage: Stage) -> None:
        stage.pay("c", now=at("2026-03-11 12:00"), occurred_at=at("2026-03-10 23:59:59"))

        assert LateUse.objects.count() == 1
        assert roll_up(at("2026-03-11 12:05")) == {"organizations": 1, "days": 1}
        assert used(stage.organization, TUESDAY) == 100
        check_sums(stage)

    def test_by_a_refund_is_added_up_again(self, stage: Stage) -> None:
        refund(self.paid, at("2026-03-11 12:00"), credits=20)

        roll_up(at("2026-03-11 12:05"))

        assert used(stage.organization, MONDAY) == 30
        assert DailyUsage.objects.get(shape="user", day_on=MONDAY).refunded == 20
        check_sums(stage)

    def test_by_a_use_before_the_first_one_is_added_up_too(self, stage: Stage) -> None:
        stage.pay("c", now=at("2026-03-11 12:00"), occurred_at=at("2025-12-24 12:00"), any_age=True)

        roll_up(at("2026-03-11 12:05"))

        assert used(stage.organization, date(2025, 12, 24)) == 50
        check_sums(stage)

    def test_many_late_uses_are_recorded_in_few_rows_and_each_of_their_days_is_added_up(self, stage: Stage) -> None:
        uses = [
            stage.use(f"{n}", "query", measures=Measures(credits=10), occurred_at=at("2026-03-07 00:00") + HOUR * n / 4)
            for n in range(4 * 24 * 4)
        ]

        stage.meter(*uses, now=at("2026-03-11 12:00"))

        assert 8 <= LateUse.objects.count() <= 16
        roll_up(at("2026-03-11 12:05"))
        assert [used(stage.organization, date(2026, 3, day)) for day in (7, 8, 9, 10)] == [960, 960, 1010, 1010]
        check_sums(stage)

    def test_today_is_not_such_a_day(self, stage: Stage) -> None:
        paid = stage.pay("c", now=at("2026-03-11 12:00"), occurred_at=at("2026-03-11 00:00"))
        refund(paid, at("2026-03-11 13:00"))

        assert not LateUse.objects.exists()

    def test_costs_a_statement_only_where_it_was_reported_late(self, stage: Stage, monkeypatch: Any) -> None:
        sent: list[str] = []
        monkeypatch.setattr(late_uses, "run", lambda sql, _: sent.append(sql))

        stage.pay("c", now=at("2026-03-11 12:00"))
        stage.pay("d", now=at("2026-03-11 12:00"), occurred_at=at("2026-03-11 11:55"))
        assert sent == []
        stage.meter(
            stage.use("e", occurred_at=at("2026-03-11 11:54")),
            stage.use("f", occurred_at=at("2026-03-09 11:54")),
            now=at("2026-03-11 12:00"),
        )
        assert len(sent) == 1

    def test_is_not_lost_when_the_run_that_makes_it_again_is_killed(self, stage: Stage, monkeypatch: Any) -> None:
        before = sums_kept(stage.organization)
        stage.pay("c", now=at("2026-03-11 12:00"), occurred_at=at("2026-03-10 12:00"))
        replace = adding_up.replace

        def killed(*arguments: Any) -> int:
            replace(*arguments)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(adding_up, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                roll_up(at("2026-03-11 12:05"))

        assert sums_kept(stage.organization) == before
        roll_up(at("2026-03-11 12:10"))
        check_sums(stage)

    def test_can_be_asked_for(self, stage: Stage) -> None:
        DailyUsage.objects.update(credits=1_000)
        days = Days(date(2026, 1, 1), date(2026, 3, 31))

        reopened = rollups.ask_again(stage.organization, days, actor=stage.owner, reason="It looks wrong.")

        assert reopened == 2
        event = AuditEvent.objects.get(action="usage.days_asked_again")
        assert (event.reason, event.details["last"]) == ("It looks wrong.", "2026-03-31")
        roll_up(at("2026-03-11 12:05"))
        check_sums(stage)


class TestAnotherTimeZone:
    def test_makes_every_day_again(self, stage: Stage) -> None:
        stage.pay("a", now=at("2026-03-09 14:00"))
        stage.pay("b", now=at("2026-03-09 16:00"))
        roll_up(at("2026-03-11 00:10"))
        move_to(stage, "Asia/Tokyo")
        assert rollups.through(stage.organization) == (TUESDAY, "UTC")

        roll_up(at("2026-03-11 01:00"))

        assert [used(stage.organization, day) for day in (MONDAY, TUESDAY)] == [50, 50]
        check_sums(stage)

    def test_to_the_west_takes_back_a_day_that_has_not_ended_there(self, stage: Stage) -> None:
        move_to(stage, "Asia/Tokyo")
        stage.pay("a", now=at("2026-03-10 12:00"))
        roll_up(at("2026-03-10 15:10"))
        move_to(stage, "America/New_York")

        roll_up(at("2026-03-10 20:00"))

        assert rollups.through(stage.organization) == (MONDAY, "America/New_York")
        check_sums(stage)
        stage.pay("b", now=at("2026-03-10 21:00"), occurred_at=at("2026-03-10 13:00"))
        roll_up(at("2026-03-10 21:05"))
        check_sums(stage)
        roll_up(at("2026-03-11 05:00"))
        assert used(stage.organization, TUESDAY) == 100
        check_sums(stage)

    def test_goes_on_with_the_week_at_which_it_was_stopped(self, stage: Stage, monkeypatch: Any) -> None:
        for number in range(20):
            stage.pay(f"{number}", now=at("2026-03-01 12:00") + timedelta(hours=13 * number))
        roll_up(at("2026-03-12 06:00"))
        move_to(stage, "Australia/Lord_Howe")
        replace = adding_up.replace

        def killed_in_the_second_week(organization_id: int, days: Days, zone: Any) -> int:
            if days.first > date(2026, 3, 5):
                raise KeyboardInterrupt
            return replace(organization_id, days, zone)

        with monkeypatch.context() as patched:
            patched.setattr(adding_up, "replace", killed_in_the_second_week)
            with pytest.raises(KeyboardInterrupt):
                roll_up(at("2026-03-12 06:05"))

        # The first week on the new clocks stays; the rest is still to be added up.
        through_on, zone = rollups.through(stage.organization)
        assert (zone, through_on is not None and through_on < date(2026, 3, 11)) == ("Australia/Lord_Howe", True)
        roll_up(at("2026-03-12 06:10"))
        check_sums(stage)
