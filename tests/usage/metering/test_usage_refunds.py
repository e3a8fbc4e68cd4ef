"""Refunding uses: each credit goes back once, to where it came from."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from credits.models import Entry, Grant, Operation, Program, Wallet
from tests.support.usage.usage_stage import NOW, Stage, give, prove_books, row_counts, set_up
from usage import uses
from usage.metering import reservations, usage_refunds
from usage.models import UsageEvent
from usage.pricing import Measures
from usage.uses import Metered, RefundedUse

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up(credits=1_000)
    prove_books()


def refund(paid: Metered, credits: int | None = None, *, key: str = "back", **fields: Any) -> RefundedUse:
    terms = {"reason": "The model failed.", "within": None, "via": "test", "now": NOW, **fields}
    return usage_refunds.refund(paid.event_id, credits=credits, key=key, **terms)


def test_without_an_amount_everything_goes_back(stage: Stage) -> None:
    paid = stage.pay("a")

    refunded = refund(paid)

    assert (refunded.event_id, refunded.credits, refunded.available) == (paid.event_id, 50, 1_000)
    assert not refunded.was_replayed
    assert stage.event(paid).refunded == 50
    operation = Operation.objects.get(pk=refunded.refund_id)
    assert (operation.kind, operation.memo, operation.actor_label) == ("return", "The model failed.", "test")


def test_parts_add_up_and_the_rest_is_what_is_left(stage: Stage) -> None:
    paid = stage.pay("a")

    refund(paid, 10, key="one")
    refund(paid, 15, key="two")
    rest = refund(paid, key="rest")

    assert rest.credits == 25
    assert stage.event(paid).refunded == 50
    assert stage.balance() == 1_000


def test_no_credit_goes_back_twice(stage: Stage) -> None:
    paid = stage.pay("a")
    refund(paid, 30, key="one")
    before = row_counts()

    with pytest.raises(uses.RefundTooLarge) as refused:
        refund(paid, 21, key="two")

    assert (refused.value.asked, refused.value.refundable) == (21, 20)
    assert row_counts() == before
    assert stage.event(paid).refunded == 30


@pytest.mark.parametrize("credits", [None, 1])
def test_of_what_is_refunded_already_nothing_goes_back(stage: Stage, credits: int | None) -> None:
    paid = stage.pay("a")
    refund(paid)

    with pytest.raises(uses.RefundTooLarge) as refused:
        refund(paid, credits, key="again")
    assert refused.value.refundable == 0


def test_a_use_that_cost_nothing_has_nothing_to_give_back(stage: Stage) -> None:
    paid = stage.pay("a", "enrich", measures=Measures(quantity=0))

    with pytest.raises(uses.RefundTooLarge):
        refund(paid)


@pytest.mark.parametrize("credits", [0, -1, 10**12 + 1, 10**30])
def test_an_amount_that_makes_no_sense_is_refused(stage: Stage, credits: int) -> None:
    paid = stage.pay("a")

    with pytest.raises(uses.Invalid) as refused:
        refund(paid, credits)
    assert refused.value.field == "credits"
    assert stage.event(paid).refunded == 0


@pytest.mark.parametrize("credits", [None, 20])
def test_a_replay_answers_the_same_and_gives_nothing(stage: Stage, credits: int | None) -> None:
    paid = stage.pay("a")
    first = refund(paid, credits)
    stage.pay("b")

    again = refund(paid, credits, now=NOW + MINUTE)

    assert again.was_replayed
    assert (again.refund_id, again.credits, again.available) == (first.refund_id, first.credits, first.available)
    assert stage.event(paid).refunded == first.credits


def test_other_content_under_the_same_key_is_refused(stage: Stage) -> None:
    paid, other = stage.pay("a"), stage.pay("b")
    refund(paid, 20, reason="Failed.")

    for event, credits, reason in [(paid, 21, "Failed."), (other, 20, "Failed."), (paid, 20, "Slow.")]:
        with pytest.raises(uses.Conflict):
            refund(event, credits, reason=reason)
    assert stage.event(paid).refunded == 20


def test_an_unknown_event_one_out_of_reach_and_no_event_answer_alike(stage: Stage) -> None:
    paid = stage.pay("a")
    given = Operation.objects.get(kind="grant")
    nothing = [
        Metered(uuid4(), 0, 0, was_replayed=False),
        Metered(given.pk, 0, 0, was_replayed=False),
    ]
    said = set()
    for event, within in [(paid, stage.organization.pk + 1), *((event, None) for event in nothing)]:
        with pytest.raises(uses.NotFound) as refused:
            refund(event, within=within)
        said.add(str(refused.value))

    assert len(said) == 1
    assert refund(paid, within=stage.organization.pk).credits == 50


def test_it_goes_back_to_the_grants_that_it_came_from_the_last_one_first(stage: Stage) -> None:
    first = give(stage.wallet, 30, key="soon", expires_at=NOW + 2 * MINUTE)
    paid = stage.pay("a")

    refund(paid, 30)

    left = dict(Grant.objects.values_list("pk", "remaining"))
    assert {pk: credits for pk, credits in left.items() if credits != 1_000} == {first.subject: 10}


def test_what_goes_back_to_an_expired_grant_expires_at_once(stage: Stage) -> None:
    give(stage.wallet, 50, key="soon", expires_at=NOW + MINUTE)
    paid = stage.pay("a")

    refunded = refund(paid, now=NOW + MINUTE)

    assert (refunded.credits, refunded.available) == (50, 1_000)
    assert stage.balance() == 1_000
    assert list(Entry.objects.order_by("-number").values_list("kind", "amount")[:2]) == [
        ("expiry", -50),
        ("return", 50),
    ]


def test_a_settled_reservation_gives_back_its_debt_first_and_never_what_was_not_collected(stage: Stage) -> None:
    Program.objects.update(overdraft_limit=40)
    reserved = reservations.reserve(stage.use("r", "query"), credits=1_000, now=NOW)
    settled = reservations.settle(reserved.id, measures=Measures(credits=1_100), within=None, via="test", now=NOW)
    paid = Metered(settled.event_id, 1_040, 0, was_replayed=False)

    refund(paid, 30, key="debt")
    assert Wallet.objects.get(pk=stage.wallet.pk).debt == 10
    with pytest.raises(uses.RefundTooLarge) as refused:
        refund(paid, 1_011, key="too much")
    assert refused.value.refundable == 1_010
    refund(paid, key="rest")

    event = UsageEvent.objects.get(pk=settled.event_id)
    assert (event.credits, event.refunded, event.uncollected) == (1_040, 1_040, 60)
    assert stage.balance() == 1_000


def test_a_closed_organization_still_gets_its_credits_back(stage: Stage) -> None:
    paid = stage.pay("a")
    stage.organization.closed_at = NOW
    stage.organization.save()

    assert refund(paid).credits == 50
