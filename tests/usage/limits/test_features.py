"""Limits of one feature beside those of all; raises that end by the clock; members and teams that go or move."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from credits.models import MAX_CREDITS
from organizations.members.membership import move_to_team, remove_member
from organizations.members.teams import close_team
from organizations.models import AuditEvent, Organization, Team, User
from tests.support import factories
from tests.support.usage.usage_stage import NOW, Stage, prove_books, row_counts, set_up
from usage import limits
from usage.limits import LimitRefused
from usage.metering import reservations, usage_refunds
from usage.models import Feature, Limit, LimitUse
from usage.pricing import Measures
from usage.uses import LimitReached, Metered

pytestmark = pytest.mark.django_db

HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up(credits=100_000)
    prove_books()


@pytest.fixture
def report(stage: Stage) -> Feature:
    return Feature.objects.get(key="report")


@pytest.fixture
def team(stage: Stage) -> Team:
    """Research, to which Alice belongs."""
    team = factories.team(stage.organization)
    stage.organization.memberships.update(team=team)
    return team


def limit(stage: Stage, credits: int, *, now: datetime = NOW, **terms: Any) -> Limit:
    return limits.set_limit(organization=stage.organization, credits=credits, actor=stage.owner, now=now, **terms)


def enrich(stage: Stage, key: str, credits: int, *, now: datetime = NOW, **fields: object) -> Metered:
    """Use exactly so many credits."""
    return stage.pay(key, "enrich", measures=Measures(quantity=credits), now=now, **fields)


def refused(stage: Stage, feature: str, credits: int, *, now: datetime = NOW, **fields: object) -> LimitReached:
    """Return the limit that doesn't allow so many credits of a feature; nothing is written."""
    before = row_counts()
    measures = {"enrich": Measures(quantity=credits), "query": Measures(credits=credits)}.get(feature, Measures())
    with pytest.raises(LimitReached) as error:
        stage.pay("refused", feature, measures=measures, now=now, **fields)
    assert row_counts() == before
    return error.value


class TestOneFeature:
    def test_its_uses_alone_count(self, stage: Stage, report: Feature) -> None:
        limit(stage, 100, feature=report)
        enrich(stage, "other", 5_000)
        stage.pay("a")
        stage.pay("b")

        reached = refused(stage, "report", 50)

        assert (reached.scope, reached.feature, reached.limit, reached.used) == ("organization", "report", 100, 100)
        assert "for the feature “report”" in str(reached)
        enrich(stage, "another", 5_000)

    def test_the_one_with_the_least_left_decides_whatever_it_is_about(self, stage: Stage, report: Feature) -> None:
        limit(stage, 100)
        limit(stage, 90, feature=report)
        stage.pay("a")

        assert refused(stage, "report", 50).feature == "report"
        enrich(stage, "b", 20)
        assert (refused(stage, "report", 50).feature, refused(stage, "report", 50).used) == ("", 70)

    def test_with_equal_left_one_feature_goes_before_all_then_user_team_organization(
        self, stage: Stage, team: Team, report: Feature
    ) -> None:
        for whose, named in (
            ({}, ("organization", "")),
            ({"team": team}, ("team", "")),
            ({"user": stage.owner}, ("user", "")),
            ({"feature": report}, ("organization", "report")),
            ({"team": team, "feature": report}, ("team", "report")),
            ({"user": stage.owner, "feature": report}, ("user", "report")),
        ):
            limit(stage, 49, **whose)
            reached = refused(stage, "report", 50)
            assert (reached.scope, reached.feature) == named

    def test_all_that_cover_a_use_count_it_and_its_refund(self, stage: Stage, team: Team, report: Feature) -> None:
        for whose in ({}, {"team": team}, {"user": stage.owner}):
            limit(stage, 500, **whose)
            limit(stage, 500, feature=report, **whose)
        paid = stage.pay("a")
        enrich(stage, "b", 7)

        usage_refunds.refund(paid.event_id, credits=20, key="r", reason="failed", within=None, now=NOW)

        counted = LimitUse.objects.values_list("limit__feature__key", "credits")
        assert sorted(counted, key=str) == [*[("report", 30)] * 3, *[(None, 37)] * 3]

    def test_a_reservation_counts_against_the_limit_of_its_feature_alone(self, stage: Stage) -> None:
        limit(stage, 100, feature=Feature.objects.get(key="query"))
        reserved = reservations.reserve(stage.use("r", "query"), credits=80, now=NOW)
        enrich(stage, "other", 1_000)

        assert (refused(stage, "query", 30).used, refused(stage, "query", 30).feature) == (80, "query")
        with pytest.raises(LimitReached):
            reservations.reserve(stage.use("s", "query"), credits=30, now=NOW)
        reservations.settle(reserved.id, measures=Measures(credits=60), within=None, now=NOW)

        assert LimitUse.objects.get().credits == 60
        stage.pay("rest", "query", measures=Measures(credits=40), now=NOW)

    def test_set_in_mid_month_it_counts_what_that_feature_used(self, stage: Stage, report: Feature) -> None:
        stage.pay("a")
        enrich(stage, "b", 500)

        limit(stage, 60, feature=report)

        assert refused(stage, "report", 50).used == 50

    def test_a_feature_of_another_program_is_refused(self, stage: Stage) -> None:
        foreign = Feature.objects.create(program=factories.program("other"), key="report", name="Report")

        with pytest.raises(LimitRefused):
            limit(stage, 100, feature=foreign)

    def test_it_says_when_the_next_month_begins_on_the_organizations_clocks(self, stage: Stage) -> None:
        Organization.objects.update(time_zone="Asia/Tokyo")
        limit(stage, 0)

        # On the 31st at 23:59 in Tokyo, and a minute later.
        last = datetime(2026, 3, 31, 14, 59, tzinfo=UTC)
        assert refused(stage, "report", 50, now=last).resets_at == datetime(2026, 3, 31, 15, tzinfo=UTC)
        assert refused(stage, "report", 50, now=last + HOUR).resets_at == datetime(2026, 4, 30, 15, tzinfo=UTC)


class TestRaises:
    UNTIL = NOW + HOUR

    def raised(self, stage: Stage, *, to: int = 200, until: datetime = UNTIL, now: datetime = NOW) -> Limit:
        made = limit(stage, 100)
        return limits.set_raise(limit=made, credits=to, until=until, actor=stage.owner, now=now)

    def test_a_raise_holds_to_its_last_moment_and_ends_by_itself_at_its_instant(self, stage: Stage) -> None:
        self.raised(stage)
        enrich(stage, "a", 100)

        enrich(stage, "b", 30, now=self.UNTIL - MOMENT)

        for now in (self.UNTIL, self.UNTIL + MOMENT):
            reached = refused(stage, "enrich", 1, now=now)
            assert (reached.limit, reached.used) == (100, 130)
        # Nothing has swept it: the row still says when it was to end.
        assert Limit.objects.get().raised_until == self.UNTIL

    def test_while_it_is_in_force_it_is_what_the_refusal_names(self, stage: Stage) -> None:
        self.raised(stage)

        assert refused(stage, "enrich", 201).limit == 200

    def test_another_replaces_it_and_an_end_ends_it(self, stage: Stage) -> None:
        made = self.raised(stage)
        limits.set_raise(limit=made, credits=150, until=self.UNTIL, actor=stage.owner, now=NOW)
        assert refused(stage, "enrich", 151).limit == 150

        for _ in range(2):
            limits.end_raise(limit=made, actor=stage.owner, now=NOW)

        assert refused(stage, "enrich", 101).limit == 100
        assert AuditEvent.objects.filter(action="limit.raised").count() == 2
        assert AuditEvent.objects.filter(action="limit.raise_ended").count() == 1

    def test_a_new_amount_ends_it(self, stage: Stage) -> None:
        self.raised(stage)

        limit(stage, 50)

        assert refused(stage, "enrich", 51).limit == 50

    def test_the_same_amount_again_leaves_it(self, stage: Stage) -> None:
        self.raised(stage)

        limit(stage, 100)

        assert refused(stage, "enrich", 201).limit == 200

    @pytest.mark.parametrize(
        ("to", "until"), [(100, UNTIL), (99, UNTIL), (MAX_CREDITS + 1, UNTIL), (200, NOW), (200, NOW - MOMENT)]
    )
    def test_one_that_is_none_is_refused(self, stage: Stage, to: int, until: datetime) -> None:
        with pytest.raises(LimitRefused):
            self.raised(stage, to=to, until=until)
        assert Limit.objects.get().raised_until is None

    def test_a_limit_that_is_gone_is_not_raised(self, stage: Stage) -> None:
        made = limit(stage, 100)
        limits.clear_limit(limit=made, actor=stage.owner, now=NOW)

        with pytest.raises(LimitRefused, match="has been removed"):
            limits.set_raise(limit=made, credits=200, until=self.UNTIL, actor=stage.owner, now=NOW)


class TestThresholds:
    @pytest.mark.parametrize("wrong", [[0], [101], [50, 50], list(range(1, 12))])
    def test_ones_that_are_none_are_refused(self, stage: Stage, wrong: list[int]) -> None:
        with pytest.raises(LimitRefused):
            limit(stage, 100, thresholds=wrong)

    def test_they_may_change_alone(self, stage: Stage) -> None:
        limit(stage, 100)
        limit(stage, 100, thresholds=[90, 20])
        limit(stage, 100, thresholds=[20, 90, 100])

        assert Limit.objects.get().thresholds == [20, 90, 100]
        assert AuditEvent.objects.filter(action="limit.set").count() == 2


class TestPeopleAndTeams:
    def test_a_use_before_noon_counts_for_the_old_team_and_one_after_it_for_the_new(
        self, stage: Stage, team: Team
    ) -> None:
        noon, support = NOW + timedelta(days=1), factories.team(stage.organization, "Support")
        limit(stage, 100, team=team)
        limit(stage, 100, team=support)
        reserved = reservations.reserve(stage.use("r", "query"), credits=10, seconds=7_200, now=noon - HOUR)
        enrich(stage, "before", 60, now=noon - MOMENT)

        move_to_team(organization=stage.organization, user=stage.owner, team=support, actor=stage.owner, now=noon)
        enrich(stage, "after", 90, now=noon)
        reservations.settle(reserved.id, measures=Measures(credits=10), within=None, now=noon)

        counted = dict(LimitUse.objects.values_list("limit__team__name", "credits"))
        assert counted == {"Research": 70, "Support": 90}

    def test_a_member_who_leaves_leaves_the_limit_which_holds_again_after_coming_back(self, stage: Stage) -> None:
        bob = self.bob(stage)
        limit(stage, 100, user=bob)
        enrich(stage, "a", 80, user=bob.email)

        remove_member(organization=stage.organization, user=bob, actor=stage.owner)
        enrich(stage, "alice", 500)
        factories.member(stage.organization, bob)

        assert refused(stage, "enrich", 21, user=bob.email).used == 80

    def test_a_team_with_a_limit_can_be_closed_and_its_limit_taken_away(self, stage: Stage, team: Team) -> None:
        made = limit(stage, 10, team=team)

        close_team(organization=stage.organization, team=team, actor=stage.owner)
        enrich(stage, "a", 500)
        with pytest.raises(LimitRefused, match="closed"):
            limit(stage, 20, team=team)
        limits.clear_limit(limit=made, actor=stage.owner, now=NOW)

        assert not Limit.objects.exists()

    def bob(self, stage: Stage) -> User:
        user = factories.person("Bob")
        factories.member(stage.organization, user)
        return user
