"""Whom limits tell what, and how often: thresholds crossed by uses, batches, settlements; raises; refusals."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notices.models import Notice
from organizations.models import Team, User
from tests.support import factories
from tests.support.races import run_together
from tests.support.usage.usage_stage import NOW, Stage, prove_books, set_up
from usage import limits
from usage.limits.events import LIMIT_THRESHOLD
from usage.limits.state import LimitState
from usage.metering import meter, reservations, usage_refunds
from usage.models import Feature, Limit, LimitUse
from usage.pricing import Measures
from usage.uses import LimitReached, Metered
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db

APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up(credits=100_000)
    prove_books()


@pytest.fixture
def bob(stage: Stage) -> User:
    user = factories.person("Bob")
    factories.member(stage.organization, user)
    return user


def limit(stage: Stage, credits: int, *, now: datetime = NOW, **terms: Any) -> Limit:
    return limits.set_limit(organization=stage.organization, credits=credits, actor=stage.owner, now=now, **terms)


def enrich(stage: Stage, key: str, credits: int, *, now: datetime = NOW, **fields: object) -> Metered:
    """Use exactly so many credits."""
    return stage.pay(key, "enrich", measures=Measures(quantity=credits), now=now, **fields)


def told(user: User | None = None) -> list[tuple[int, int, int]]:
    """What was told, in order: per cent, of what limit, what was used."""
    notices = Notice.objects.filter(kind=LIMIT_THRESHOLD.name, user=user).order_by("pk")
    return [(each.details["percent"], each.details["limit"], each.details["used"]) for each in notices]


def open_notices() -> list[tuple[int, int, int]]:
    """What still stands of what owners were told."""
    notices = Notice.objects.filter(kind=LIMIT_THRESHOLD.name, user=None, dismissed_at=None).order_by("pk")
    return [(each.details["percent"], each.details["limit"], each.details["used"]) for each in notices]


def emitted() -> list[tuple[int, int]]:
    """What servers are told: of what limit, what was used."""
    return [(event.data["limit"], event.data["used"]) for event in WebhookEvent.objects.order_by("pk")]


class TestThresholds:
    def test_each_is_told_once_when_it_is_reached_and_not_before(self, stage: Stage) -> None:
        limit(stage, 100)
        for number, credits in enumerate([49, 1, 10, 15, 14, 1, 9, 1]):
            enrich(stage, f"{number}", credits)

        assert told() == [(50, 100, 50), (75, 100, 75), (90, 100, 90), (100, 100, 100)]
        assert emitted() == [(100, 100)]

    def test_of_several_crossed_at_once_the_highest_alone_is_told(self, stage: Stage) -> None:
        limit(stage, 100)

        enrich(stage, "a", 92)

        assert told() == [(90, 100, 92)]
        enrich(stage, "b", 8)
        assert told()[1:] == [(100, 100, 100)]

    def test_a_batch_tells_once_of_what_it_reached_in_the_end(self, stage: Stage) -> None:
        limit(stage, 250)

        stage.meter(*[stage.use(key) for key in "abcde"])

        assert told() == [(100, 250, 250)]

    def test_a_settlement_tells_and_what_is_only_reserved_does_not(self, stage: Stage) -> None:
        limit(stage, 100)
        reserved = reservations.reserve(stage.use("r", "query"), credits=80, now=NOW)
        assert told() == []

        reservations.settle(reserved.id, measures=Measures(credits=130), within=None, now=NOW)

        assert told() == [(100, 100, 130)]
        assert emitted() == [(100, 130)]

    def test_refunds_re_arm_nothing_within_the_month(self, stage: Stage) -> None:
        limit(stage, 100)
        paid = enrich(stage, "a", 60)

        usage_refunds.refund(paid.event_id, credits=30, key="r", reason="failed", within=None, now=NOW)
        enrich(stage, "b", 30)

        assert told() == [(50, 100, 60)]
        assert LimitUse.objects.get().told_percent == 50

    def test_the_next_month_is_told_of_anew(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 50)
        enrich(stage, "b", 50, now=APRIL)

        assert told() == [(50, 100, 50)] * 2
        months = Notice.objects.order_by("pk").values_list("details__month_on", flat=True)
        assert list(months) == ["2026-03-01", "2026-04-01"]

    def test_owners_choose_them_and_reaching_the_limit_is_told_in_any_case(self, stage: Stage) -> None:
        limit(stage, 100, thresholds=[80])
        for number in range(10):
            enrich(stage, f"{number}", 10)

        assert told() == [(80, 100, 80), (100, 100, 100)]

    def test_a_new_limit_has_its_programs(self, stage: Stage) -> None:
        stage.program.limit_thresholds = [33]
        stage.program.save()

        assert limit(stage, 100).thresholds == [33, 100]

    def test_of_a_limit_of_nothing_nothing_is_told(self, stage: Stage) -> None:
        limit(stage, 0)
        with pytest.raises(LimitReached):
            enrich(stage, "a", 1)

        assert told() == []


class TestWhoIsTold:
    def test_of_a_members_own_limit_the_owners_and_that_member(self, stage: Stage, bob: User) -> None:
        limit(stage, 100, user=bob)

        enrich(stage, "a", 50, user=bob.email)

        assert told() == told(bob) == [(50, 100, 50)]
        mailed = Notice.objects.values_list("mails__user__name", flat=True)
        assert sorted(mailed) == ["Alice", "Bob"]

    def test_an_owner_is_told_once_of_the_own_limit(self, stage: Stage) -> None:
        limit(stage, 100, user=stage.owner)

        enrich(stage, "a", 50)

        assert len(told()) == 1
        assert told(stage.owner) == []

    def test_who_has_left_is_not_told(self, stage: Stage, bob: User) -> None:
        limit(stage, 100, user=bob)
        reserved = reservations.reserve(stage.use("r", "query", user=bob.email), credits=50, now=NOW)
        stage.organization.memberships.filter(user=bob).delete()

        reservations.settle(reserved.id, measures=Measures(credits=50), within=None, now=NOW)

        assert told() == [(50, 100, 50)]
        assert told(bob) == []

    def test_it_says_which_limit_of_which_feature(self, stage: Stage) -> None:
        team: Team = factories.team(stage.organization)
        stage.organization.memberships.update(team=team)
        limit(stage, 100, team=team, feature=Feature.objects.get(key="enrich"))

        enrich(stage, "a", 100)

        details = Notice.objects.get().details
        assert (details["scope"], details["name"], details["feature_name"]) == ("team", "Research", "Enrich")
        assert (details["month_on"], details["decimals"], details["unit"]) == ("2026-03-01", 0, "credits")
        assert WebhookEvent.objects.get().data == {
            "organization": "acme",
            "scope": "team",
            "name": "Research",
            "feature": "enrich",
            "limit": 100,
            "used": 100,
            "month_on": "2026-03-01",
        }

    def test_two_members_of_the_same_name_do_not_hide_each_others(self, stage: Stage, bob: User) -> None:
        namesake = User.objects.create_user("bob.two@acme.example", name="Bob")
        factories.member(stage.organization, namesake)
        for number, user in enumerate([bob, namesake]):
            limit(stage, 100, user=user)
            enrich(stage, f"{number}", 100, user=user.email)

        assert open_notices() == [(100, 100, 100)] * 2


class TestRefusals:
    def test_a_use_refused_where_little_is_left_tells_that_the_limit_is_reached_once(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 95)
        for key in "bc":
            with pytest.raises(LimitReached):
                enrich(stage, key, 10)
        enrich(stage, "d", 5)

        assert told() == [(90, 100, 95), (100, 100, 95)]
        assert emitted() == [(100, 95)]

    def test_so_does_a_refused_reservation(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 90)
        with pytest.raises(LimitReached):
            reservations.reserve(stage.use("r", "query"), credits=11, now=NOW)

        assert told() == [(90, 100, 90), (100, 100, 90)]

    def test_a_use_that_asks_for_far_too_much_is_its_own_affair(self, stage: Stage) -> None:
        limit(stage, 100)
        reservations.reserve(stage.use("r", "query"), credits=50, now=NOW)
        enrich(stage, "a", 40)
        with pytest.raises(LimitReached):
            enrich(stage, "b", 11)

        assert told() == []


class TestChanges:
    def test_a_raised_limit_can_be_told_of_again_and_the_same_amount_not_twice(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 100)
        limit(stage, 200)
        enrich(stage, "b", 50)
        limit(stage, 100)
        limit(stage, 200)
        enrich(stage, "c", 50)

        assert told() == [(100, 100, 100), (75, 200, 150), (100, 200, 200)]
        assert emitted() == [(100, 100), (200, 200)]

    def test_a_limit_that_is_cleared_and_set_anew_can_be_told_of_again(self, stage: Stage) -> None:
        first = limit(stage, 100)
        enrich(stage, "a", 60)
        limits.clear_limit(limit=first, actor=stage.owner, now=NOW)
        limit(stage, 100)
        enrich(stage, "b", 20)

        assert told() == [(50, 100, 60), (75, 100, 80)]

    def test_what_the_owner_sees_while_setting_it_is_not_told_but_that_it_stops_people_is(self, stage: Stage) -> None:
        enrich(stage, "a", 60)
        limit(stage, 100)
        assert told() == []

        limit(stage, 60)

        assert told() == [(100, 60, 60)]
        assert emitted() == [(60, 60)]

    def test_a_raise_that_has_ended_by_the_clock_tells_with_the_next_refusal(self, stage: Stage) -> None:
        raised = limit(stage, 100)
        until = datetime(2026, 3, 11, tzinfo=UTC)
        limits.set_raise(limit=raised, credits=200, until=until, actor=stage.owner, now=NOW)
        enrich(stage, "a", 120)
        with pytest.raises(LimitReached):
            enrich(stage, "b", 1, now=until)

        assert told() == [(50, 200, 120), (100, 100, 120)]


class TestWhatIsOver:
    @pytest.fixture
    def reached(self, stage: Stage) -> Limit:
        """A limit of 100 that is used up; and another, of the owner's, that stays so."""
        limit(stage, 100, user=stage.owner)
        reached = limit(stage, 100)
        enrich(stage, "a", 100)
        assert open_notices() == [(100, 100, 100)] * 2
        return reached

    def test_more_is_allowed_from_now_on(self, stage: Stage, reached: Limit) -> None:
        limit(stage, 200)
        assert open_notices() == [(100, 100, 100)]

    def test_more_is_allowed_for_a_time(self, stage: Stage, reached: Limit) -> None:
        limits.set_raise(limit=reached, credits=200, until=APRIL, actor=stage.owner, now=NOW)
        assert open_notices() == [(100, 100, 100)]

    def test_it_is_taken_away(self, stage: Stage, reached: Limit) -> None:
        limits.clear_limit(limit=reached, actor=stage.owner, now=NOW)
        assert open_notices() == [(100, 100, 100)]

    def test_one_that_is_lowered_stays_reached(self, stage: Stage, reached: Limit) -> None:
        limit(stage, 90)
        assert open_notices() == [(100, 100, 100)] * 2


@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.fixture
    def racing(self, transactional_db: None) -> Iterator[Stage]:
        stage = set_up(credits=1_000)
        limits.set_limit(organization=stage.organization, credits=120, actor=stage.owner)
        yield stage
        prove_books()

    def cross(self, stage: Stage) -> list[Any]:
        """Ten uses of 20 each at the same moment: six fit into the limit of 120."""
        uses = [stage.use(f"{number}", "query", measures=Measures(credits=20)) for number in range(10)]
        return run_together([partial(meter.meter, [use]) for use in uses])

    def test_what_many_uses_cross_at_once_is_told_once(self, racing: Stage) -> None:
        answers = [answer for (answer,) in self.cross(racing)]

        assert sum(isinstance(answer, Metered) for answer in answers) == 6
        assert told() == [(50, 120, 60), (75, 120, 100), (100, 120, 120)]
        assert emitted() == [(120, 120)]

    def test_control_without_the_lock_the_same_threshold_is_noted_by_many(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 40)
        moment = limits.Moment.at(NOW, ZoneInfo("UTC"))
        looks = [
            limits.read({stage.organization.pk: moment}, user_ids=[], team_ids=[], feature_ids=[]) for _ in range(2)
        ]
        noted: list[tuple[LimitState, int]] = []
        for look in looks:
            look.count(stage.organization.pk, user_id=None, team_id=None, feature_id=0, credits=10)
            noted += look.reached

        assert [percent for _, percent in noted] == [50, 50]
