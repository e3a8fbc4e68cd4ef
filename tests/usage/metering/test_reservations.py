"""Reserving for work whose cost is not known yet: set aside, then settled, released or out of time."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from credits import ledger
from credits.models import Program, Reservation, Wallet
from organizations.members.membership import remove_member
from tests.support import factories
from tests.support.usage.usage_stage import NOW, Stage, give, price, prove_books, row_counts, set_up
from usage import limits, uses
from usage.metering import reservations
from usage.models import ReservedUse, Service, UsageEvent
from usage.pricing import Measures
from usage.uses import SettledUse

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
TOKENS = Measures(model="small", input_tokens=100, output_tokens=10)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up(credits=1_000)
    prove_books()


def reserve(stage: Stage, key: str = "r", feature: str = "query", **fields: Any) -> ledger.Reserved:
    asked = {name: fields.pop(name) for name in ("credits", "seconds", "now") if name in fields}
    return reservations.reserve(stage.use(key, feature, **fields), **{"now": NOW, **asked})


def settle(reserved: ledger.Reserved, credits: int | None = None, **fields: Any) -> SettledUse:
    terms = {"measures": Measures(credits=credits), "within": None, "via": "test", "now": NOW, **fields}
    return reservations.settle(reserved.id, **terms)


def held(stage: Stage) -> tuple[int, int]:
    wallet = Wallet.objects.get(pk=stage.wallet.pk)
    return wallet.balance, wallet.reserved


class TestReserving:
    def test_it_sets_aside_what_is_asked_for(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)

        assert (reserved.credits, reserved.available_after, reserved.was_replayed) == (300, 700, False)
        assert reserved.expires_at == NOW + 15 * MINUTE
        assert held(stage) == (1_000, 300)
        with pytest.raises(uses.Insufficient) as refused:
            stage.pay("a", "enrich", measures=Measures(quantity=701))
        assert (refused.value.available, refused.value.reserved) == (700, 300)

    def test_or_what_the_measures_cost(self, stage: Stage) -> None:
        assert reserve(stage, feature="chat", measures=TOKENS).credits == 450

    def test_a_replay_answers_the_same_whatever_has_happened_since(self, stage: Stage) -> None:
        first = reserve(stage, credits=300)
        settle(first, 100)
        Service.objects.update(is_ai_on=False)
        limits.set_limit(organization=stage.organization, credits=0, actor=stage.owner, now=NOW)

        again = reserve(stage, credits=300, now=NOW + DAY)

        assert (again.id, again.credits, again.available_after, again.was_replayed) == (first.id, 300, 700, True)
        assert Reservation.objects.count() == ReservedUse.objects.count() == 1

    @pytest.mark.parametrize("other", [{"credits": 301}, {"seconds": 60}, {"service": "other"}, {"user": None}])
    def test_other_content_under_the_same_key_is_refused(self, stage: Stage, other: dict[str, Any]) -> None:
        reserve(stage, credits=300)

        with pytest.raises(uses.Conflict):
            reserve(stage, **{"credits": 300, **other})
        assert held(stage) == (1_000, 300)

    def test_keys_of_uses_and_of_reservations_are_apart(self, stage: Stage) -> None:
        stage.pay("same")

        assert not reserve(stage, "same", credits=50).was_replayed

    @pytest.mark.parametrize(
        ("field", "bad"),
        [
            ("credits", {"credits": 0}),
            ("credits", {"credits": -1}),
            ("credits", {"credits": 10**12 + 1}),
            ("credits", {"measures": Measures(credits=51)}),
            ("credits", {}),
            ("seconds", {"credits": 1, "seconds": 0}),
            ("seconds", {"credits": 1, "seconds": 86_401}),
            ("feature", {"credits": 1, "feature": "nothing"}),
            ("user", {"credits": 1, "user": "nobody@example.com"}),
            ("service", {"credits": 1, "service": "s" * 101}),
            ("key", {"credits": 1, "key": "k" * 201}),
            ("model", {"feature": "chat", "measures": Measures(input_tokens=1, output_tokens=1)}),
        ],
    )
    def test_what_makes_no_sense_names_its_field(self, stage: Stage, field: str, bad: dict[str, Any]) -> None:
        with pytest.raises(uses.Invalid) as refused:
            reserve(stage, **bad)

        assert refused.value.field == field
        assert held(stage) == (1_000, 0)

    def test_it_refuses_as_a_use_would_and_writes_nothing(self, stage: Stage) -> None:
        before = row_counts()
        with pytest.raises(uses.Insufficient):
            reserve(stage, credits=1_001)
        with pytest.raises(uses.NotFound):
            reserve(stage, credits=1, organization="nowhere")
        with pytest.raises(uses.NotFound):
            reserve(stage, credits=1, within=stage.organization.pk + 1)

        assert row_counts() == before
        assert not Service.objects.exists()
        assert not Reservation.objects.exists()

    def test_it_refuses_where_ai_is_switched_off(self, stage: Stage) -> None:
        stage.pay("a")
        Service.objects.update(is_ai_on=False)

        with pytest.raises(uses.SwitchedOff):
            reserve(stage, credits=1)


class TestSettling:
    def test_it_charges_what_the_work_cost_and_gives_back_the_rest(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)

        settled = settle(reserved, 120, now=NOW + MINUTE)

        assert (settled.credits, settled.released, settled.uncollected, settled.available) == (120, 180, 0, 880)
        assert held(stage) == (880, 0)
        event = UsageEvent.objects.get(pk=settled.event_id)
        assert (event.user, event.credits, event.occurred_at) == (stage.owner, 120, NOW + MINUTE)

    def test_it_prices_by_the_rate_of_the_reservation_whatever_it_is_now(self, stage: Stage) -> None:
        reserved = reserve(stage, feature="chat", measures=TOKENS)
        price(
            stage.program,
            "chat",
            pricing="per_token",
            model="small",
            input_credits=9,
            output_credits=9,
            effective_at=NOW + MINUTE,
        )

        settled = settle(reserved, measures=Measures(input_tokens=50, output_tokens=20), now=NOW + 2 * MINUTE)

        assert settled.credits == 50 * 3 + 20 * 15
        event = UsageEvent.objects.get(pk=settled.event_id)
        assert (event.rate.input_credits, event.model, event.input_tokens) == (3, "small", 50)

    def test_it_does_not_price_another_model_than_the_reservations(self, stage: Stage) -> None:
        price(stage.program, "chat", pricing="per_token", model="large", input_credits=30, output_credits=150)
        reserved = reserve(stage, feature="chat", measures=TOKENS)

        with pytest.raises(uses.Invalid) as refused:
            settle(reserved, measures=Measures(model="large", input_tokens=1, output_tokens=1))
        assert refused.value.field == "model"

    def test_work_that_cost_nothing_is_an_event_all_the_same(self, stage: Stage) -> None:
        settled = settle(reserve(stage, credits=300), 0)

        assert (settled.credits, settled.released) == (0, 300)
        assert UsageEvent.objects.get(pk=settled.event_id).credits == 0

    def test_a_replay_answers_the_same(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)
        first = settle(reserved, 120)

        again = settle(reserved, 120, now=NOW + DAY)

        assert again.was_replayed
        assert (again.event_id, again.credits, again.released, again.available) == (first.event_id, 120, 180, 880)

    def test_other_content_is_refused(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)
        settle(reserved, 120)

        with pytest.raises(uses.Conflict):
            settle(reserved, 121)
        assert held(stage) == (880, 0)

    def test_it_is_too_late_when_its_time_is_out(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300, seconds=60)

        with pytest.raises(uses.Closed) as closed:
            settle(reserved, 120, now=NOW + MINUTE)
        assert closed.value.state == "timed_out"
        assert stage.pay("all", "enrich", measures=Measures(quantity=1_000), now=NOW + MINUTE).available == 0

    def test_one_microsecond_before_it_is_not(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300, seconds=60)

        assert settle(reserved, 120, now=NOW + MINUTE - timedelta(microseconds=1)).credits == 120

    def test_the_user_may_have_left_and_ai_been_switched_off_meanwhile(self, stage: Stage) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        reserved = reserve(stage, credits=300, user=bob.email)
        remove_member(organization=stage.organization, user=bob, actor=stage.owner)
        Service.objects.update(is_ai_on=False)
        limits.set_limit(organization=stage.organization, credits=0, actor=stage.owner, now=NOW)

        assert UsageEvent.objects.get(pk=settle(reserved, 120).event_id).user == bob

    def test_what_goes_beyond_is_drawn_then_becomes_debt_then_is_uncollected(self, stage: Stage) -> None:
        Program.objects.update(overdraft_limit=40)
        reserved = reserve(stage, credits=300)

        settled = settle(reserved, 1_100)

        assert (settled.credits, settled.uncollected, settled.released) == (1_040, 60, 0)
        event = UsageEvent.objects.get(pk=settled.event_id)
        assert (event.credits, event.uncollected) == (1_040, 60)
        assert Wallet.objects.get(pk=stage.wallet.pk).debt == 40
        again = settle(reserved, 1_100)
        assert (again.credits, again.uncollected, again.was_replayed) == (1_040, 60, True)

    def test_credits_set_aside_outlive_their_grant(self, stage: Stage) -> None:
        stage.pay("old ones", "enrich", measures=Measures(quantity=1_000))
        give(stage.wallet, 100, key="short", expires_at=NOW + MINUTE)
        reserved = reserve(stage, credits=100)

        settled = settle(reserved, 70, now=NOW + 2 * MINUTE)

        assert (settled.credits, settled.available) == (70, 0)
        assert held(stage) == (0, 0)

    @pytest.mark.parametrize(
        ("field", "measures"),
        [
            ("credits", Measures(credits=-1)),
            ("credits", Measures(credits=10**12 + 1)),
            ("credits", Measures()),
            ("quantity", Measures(credits=5, quantity=-1)),
            ("input_tokens", Measures(credits=5, input_tokens=10**30)),
            ("model", Measures(credits=5, model="m" * 101)),
        ],
    )
    def test_a_measure_that_makes_no_sense_names_its_field(self, stage: Stage, field: str, measures: Measures) -> None:
        reserved = reserve(stage, credits=300)

        with pytest.raises(uses.Invalid) as refused:
            settle(reserved, measures=measures)
        assert refused.value.field == field
        assert settle(reserved, 5).credits == 5


class TestReleasing:
    def test_it_gives_everything_back(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)

        released = reservations.release(reserved.id, within=None, now=NOW)

        assert (released.state, released.was_replayed) == ("released", False)
        assert held(stage) == (1_000, 0)
        assert not UsageEvent.objects.exists()

    def test_twice_is_once_also_after_a_time_out(self, stage: Stage) -> None:
        one, two = reserve(stage, "one", credits=300), reserve(stage, "two", credits=200, seconds=60)
        reservations.release(one.id, within=None, now=NOW)

        assert reservations.release(one.id, within=None, now=NOW).state == "released"
        late = reservations.release(two.id, within=None, now=NOW + MINUTE)

        assert (late.state, late.was_replayed) == ("timed_out", True)
        assert held(stage) == (1_000, 0)

    def test_what_was_settled_can_not_be_released(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)
        settle(reserved, 120)

        with pytest.raises(uses.Closed) as closed:
            reservations.release(reserved.id, within=None, now=NOW)
        assert closed.value.state == "settled"

    def test_what_was_released_can_not_be_settled(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)
        reservations.release(reserved.id, within=None, now=NOW)

        with pytest.raises(uses.Closed) as closed:
            settle(reserved, 120)
        assert closed.value.state == "released"

    def test_an_unknown_one_and_one_out_of_reach_answer_alike(self, stage: Stage) -> None:
        reserved = reserve(stage, credits=300)
        foreign = stage.organization.pk + 1
        said = set()
        for reservation_id, within in ((uuid4(), None), (reserved.id, foreign)):
            said.add(self.refusal(reservation_id, within))

        assert len(said) == 1
        assert held(stage) == (1_000, 300)

    def refusal(self, reservation_id: UUID, within: int | None) -> str:
        with pytest.raises(uses.NotFound) as unreleased:
            reservations.release(reservation_id, within=within, now=NOW)
        with pytest.raises(uses.NotFound) as unsettled:
            reservations.settle(reservation_id, measures=Measures(credits=1), within=within, via="test", now=NOW)
        assert str(unreleased.value) == str(unsettled.value)
        return str(unsettled.value)
