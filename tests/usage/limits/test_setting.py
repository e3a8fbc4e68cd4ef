"""Monthly limits: what counts, for whom, in whose month, and which limit is named when several say no."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from organizations.models import AuditEvent, Membership, Organization, Team, User
from tests.support import factories
from tests.support.usage.usage_stage import NOW, Stage, prove_books, row_counts, set_up
from usage import limits, uses
from usage.metering import reservations, usage_refunds
from usage.models import Limit, LimitUse
from usage.pricing import Measures
from usage.uses import LimitReached, Metered

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up(credits=100_000)
    prove_books()


@pytest.fixture
def team(stage: Stage) -> Team:
    """Research, to which Alice belongs."""
    team = factories.team(stage.organization)
    Membership.objects.filter(user=stage.owner).update(team=team)
    return team


def limit(
    stage: Stage, credits: int, *, team: Team | None = None, user: User | None = None, now: datetime = NOW
) -> Limit:
    return limits.set_limit(
        organization=stage.organization, credits=credits, actor=stage.owner, team=team, user=user, now=now
    )


def enrich(stage: Stage, key: str, credits: int, *, now: datetime = NOW, **fields: object) -> Metered:
    """Use exactly so many credits."""
    return stage.pay(key, "enrich", measures=Measures(quantity=credits), now=now, **fields)


def refused(stage: Stage, credits: int, *, now: datetime = NOW, **fields: object) -> LimitReached:
    """Return the limit that doesn't allow so many credits; nothing is written."""
    before = row_counts()
    with pytest.raises(LimitReached) as error:
        enrich(stage, "refused", credits, now=now, **fields)
    assert row_counts() == before
    return error.value


def give_back(stage: Stage, paid: Metered, credits: int | None, *, now: datetime = NOW) -> None:
    usage_refunds.refund(
        paid.event_id, credits=credits, key=f"{now}", reason="failed", within=None, via="test", now=now
    )


class TestReaching:
    def test_a_limit_may_be_used_to_the_last_credit_and_not_beyond(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 60)

        assert refused(stage, 41).used == 60
        enrich(stage, "b", 40)
        reached = refused(stage, 1)

        assert (reached.scope, reached.name, reached.limit, reached.used, reached.needed) == (
            "organization",
            "Acme",
            100,
            100,
            1,
        )

    def test_what_costs_nothing_passes_a_limit_that_is_used_up_or_overdrawn(self, stage: Stage) -> None:
        enrich(stage, "a", 60)
        limit(stage, 60)
        enrich(stage, "b", 0)
        limit(stage, 10)

        assert enrich(stage, "c", 0).credits == 0

    def test_a_limit_of_zero_lets_nothing_be_spent(self, stage: Stage) -> None:
        limit(stage, 0)

        refused(stage, 1)

    def test_uses_of_one_batch_count_one_after_the_other(self, stage: Stage) -> None:
        limit(stage, 100)

        answers = stage.meter(*[stage.use(key) for key in "abc"])

        assert [isinstance(answer, Metered) for answer in answers] == [True, True, False]
        assert isinstance(answers[2], LimitReached)

    def test_a_limit_is_asked_before_the_balance(self, stage: Stage) -> None:
        limit(stage, 100)

        assert refused(stage, 1_000_000).limit == 100

    def test_another_organizations_limit_does_not_count(self, stage: Stage) -> None:
        other = factories.organization(factories.person("Charlie"), slug="globex")
        factories.wallet(other, stage.program)
        limits.set_limit(organization=other, credits=0, actor=stage.owner, now=NOW)

        assert enrich(stage, "a", 1_000).credits == 1_000


class TestWhoIsMeant:
    def test_a_users_limit_binds_that_user_alone(self, stage: Stage) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        limit(stage, 10, user=bob)

        reached = refused(stage, 11, user=bob.email)

        assert (reached.scope, reached.name) == ("user", "Bob")
        enrich(stage, "alice", 1_000)
        enrich(stage, "nobody", 1_000, user=None)
        enrich(stage, "bob", 10, user=bob.email)

    def test_a_teams_limit_binds_its_members_together(self, stage: Stage, team: Team) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob, team=team)
        limit(stage, 100, team=team)
        enrich(stage, "a", 60)

        reached = refused(stage, 41, user=bob.email)

        assert (reached.scope, reached.name, reached.used) == ("team", "Research", 60)
        enrich(stage, "nobody", 1_000, user=None)

    def test_the_strictest_limit_decides(self, stage: Stage, team: Team) -> None:
        limit(stage, 100)
        limit(stage, 80, team=team)
        limit(stage, 90, user=stage.owner)

        assert refused(stage, 1_000).scope == "team"
        enrich(stage, "others", 50, user=None)
        assert (refused(stage, 1_000).scope, refused(stage, 51).used) == ("organization", 50)

    def test_of_two_that_leave_the_same_the_narrower_is_named(self, stage: Stage, team: Team) -> None:
        limit(stage, 100)
        assert refused(stage, 101).scope == "organization"
        limit(stage, 100, team=team)
        assert refused(stage, 101).scope == "team"
        limit(stage, 100, user=stage.owner)
        assert refused(stage, 101).scope == "user"

    def test_a_use_counts_for_the_team_that_its_user_was_in(self, stage: Stage, team: Team) -> None:
        limit(stage, 100, team=team)
        paid = enrich(stage, "a", 100)
        Membership.objects.filter(user=stage.owner).update(team=None)

        enrich(stage, "b", 500)
        give_back(stage, paid, 30)

        assert LimitUse.objects.get().credits == 70
        assert stage.event(paid).team == team


class TestMonths:
    @pytest.mark.parametrize(
        ("zone", "last_moment"),
        [
            ("Asia/Tokyo", datetime(2026, 3, 31, 14, 59, 59, 999_999, tzinfo=UTC)),
            # On daylight saving time since 8 March: midnight is at 04:00 UTC, not at 05:00.
            ("America/New_York", datetime(2026, 4, 1, 3, 59, 59, 999_999, tzinfo=UTC)),
        ],
    )
    def test_a_month_ends_at_midnight_of_the_organizations_zone(
        self, stage: Stage, zone: str, last_moment: datetime
    ) -> None:
        Organization.objects.update(time_zone=zone)
        limit(stage, 100)
        enrich(stage, "a", 100, now=last_moment)

        refused(stage, 1, now=last_moment)
        enrich(stage, "b", 100, now=last_moment + timedelta(microseconds=1))

        assert sorted(LimitUse.objects.values_list("month_on__month", "credits")) == [(3, 100), (4, 100)]

    def test_a_month_that_begins_in_winter_and_ends_in_summer_is_counted_from_its_own_midnight(
        self, stage: Stage
    ) -> None:
        Organization.objects.update(time_zone="America/New_York")
        stage.organization.refresh_from_db()
        march = datetime(2027, 3, 1, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
        assert march.hour == 5
        enrich(stage, "february", 7, now=march - timedelta(microseconds=1))
        enrich(stage, "march", 20, now=march)

        limit(stage, 100, now=march + 20 * DAY)

        assert LimitUse.objects.get().credits == 20

    def test_a_late_event_counts_in_the_month_in_which_it_was_written(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 100)

        enrich(stage, "late", 100, occurred_at=NOW, now=APRIL)

        refused(stage, 1, now=APRIL)

    def test_a_refund_counts_in_the_month_of_the_use(self, stage: Stage) -> None:
        limit(stage, 100)
        march = enrich(stage, "a", 100)
        april = enrich(stage, "b", 100, now=APRIL)

        give_back(stage, march, None, now=APRIL)
        refused(stage, 1, now=APRIL)
        give_back(stage, april, 30, now=APRIL + MINUTE)

        enrich(stage, "c", 30, now=APRIL + MINUTE)
        refused(stage, 1, now=APRIL + MINUTE)
        assert sorted(LimitUse.objects.values_list("month_on__month", "credits")) == [(3, 0), (4, 100)]

    def test_a_refund_of_a_month_before_the_limit_gives_nothing_to_this_one(self, stage: Stage) -> None:
        march = enrich(stage, "a", 100)
        limit(stage, 50, now=APRIL)

        give_back(stage, march, None, now=APRIL)
        enrich(stage, "b", 50, now=APRIL)

        refused(stage, 1, now=APRIL)


class TestReservations:
    def test_what_is_reserved_counts_until_it_is_released(self, stage: Stage) -> None:
        limit(stage, 100)
        reserved = reservations.reserve(stage.use("r", "query"), credits=60, now=NOW)

        assert refused(stage, 41).used == 60
        with pytest.raises(LimitReached):
            reservations.reserve(stage.use("s", "query"), credits=41, now=NOW)
        reservations.release(reserved.id, within=None, now=NOW)

        enrich(stage, "a", 100)

    def test_what_is_reserved_counts_no_longer_when_its_time_is_out(self, stage: Stage) -> None:
        limit(stage, 100)
        reservations.reserve(stage.use("r", "query"), credits=60, seconds=60, now=NOW)

        enrich(stage, "a", 100, now=NOW + MINUTE)

    def test_a_settlement_counts_what_was_charged_even_beyond_the_limit(self, stage: Stage, team: Team) -> None:
        limit(stage, 100, team=team)
        reserved = reservations.reserve(stage.use("r", "query"), credits=60, now=NOW)
        Membership.objects.filter(user=stage.owner).update(team=None)

        self.settle(reserved.id, 130)

        assert LimitUse.objects.get().credits == 130
        Membership.objects.filter(user=stage.owner).update(team=team)
        assert refused(stage, 1).used == 130

    def test_what_a_settlement_gives_back_can_be_used_again(self, stage: Stage) -> None:
        limit(stage, 100)
        reserved = reservations.reserve(stage.use("r", "query"), credits=100, now=NOW)

        self.settle(reserved.id, 30)

        enrich(stage, "a", 70)

    def settle(self, reservation_id: UUID, credits: int) -> None:
        reservations.settle(reservation_id, measures=Measures(credits=credits), within=None, via="test", now=NOW)


class TestSetting:
    def test_a_limit_set_in_mid_month_counts_what_was_used(self, stage: Stage, team: Team) -> None:
        enrich(stage, "nobody", 1, user=None)
        refunded = enrich(stage, "a", 100)
        give_back(stage, refunded, 40)

        assert refused_by(stage, limit(stage, 61)) == 61
        assert refused_by(stage, limit(stage, 60, team=team)) == 60
        assert refused_by(stage, limit(stage, 60, user=stage.owner)) == 60

    def test_a_limit_lowered_below_the_use_stops_further_use(self, stage: Stage) -> None:
        limit(stage, 100)
        enrich(stage, "a", 80)

        limit(stage, 50)

        assert (refused(stage, 1).limit, refused(stage, 1).used) == (50, 80)
        limit(stage, 81)
        enrich(stage, "b", 1)

    def test_a_cleared_limit_stops_nobody_and_set_again_counts_all_of_the_month(self, stage: Stage) -> None:
        first = limit(stage, 100)
        enrich(stage, "a", 100)

        limits.clear_limit(limit=first, actor=stage.owner, now=NOW)
        limits.clear_limit(limit=first, actor=stage.owner, now=NOW)
        enrich(stage, "b", 500)

        assert refused_by(stage, limit(stage, 600)) == 600
        assert AuditEvent.objects.filter(action="limit.cleared").count() == 1

    def test_setting_it_twice_is_setting_it_once(self, stage: Stage) -> None:
        assert limit(stage, 100) == limit(stage, 100)

        assert Limit.objects.count() == 1
        assert AuditEvent.objects.filter(action="limit.set").count() == 1

    def test_an_amount_out_of_bounds_or_someone_elses_team_or_user_is_refused(self, stage: Stage) -> None:
        stranger = factories.person("Charlie")
        foreign = factories.team(factories.organization(stranger, slug="globex"))

        for wrong in ({"credits": -1}, {"credits": 10**12 + 1}, {"user": stranger}, {"team": foreign}):
            with pytest.raises(limits.LimitRefused):
                limit(stage, **{"credits": 1, **wrong})  # type: ignore[arg-type]
        assert not Limit.objects.exists()


def refused_by(stage: Stage, limit: Limit) -> int:
    """How much of the limit was used, where it allows nothing more."""
    reached = refused(stage, 1)
    assert reached.scope == limit.scope
    assert isinstance(reached, uses.LimitReached)
    return reached.used
