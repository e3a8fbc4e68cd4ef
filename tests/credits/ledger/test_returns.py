"""Refunds of usage: all or a part, each amount once, back to the grants that it came from."""

from uuid import UUID, uuid4

import pytest

from credits import ledger
from credits.models import Entry, EntryKind, Grant
from tests.support import factories
from tests.support.ledger_calls import Desk, ask
from tests.support.reference.invariants import check_wallet, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return Desk(factories.wallet(factories.organization(), factories.program()))


def left_of(grant_id: UUID) -> int:
    return Grant.objects.get(pk=grant_id).remaining


def test_all_goes_back_to_the_grants_that_it_came_from(desk: Desk) -> None:
    first, second = desk.grant(10, priority=1), desk.grant(10, priority=2)
    usage = desk.spend(15)
    returned = desk.give_back(usage, 15)
    assert (returned.kind, returned.credits, returned.balance_after, returned.subject) == ("return", 15, 20, usage.id)
    assert (left_of(first), left_of(second)) == (10, 10)
    check_wallet(desk.wallet.pk)


def test_a_part_goes_to_the_grant_drawn_from_last(desk: Desk) -> None:
    first, second = desk.grant(10, priority=1), desk.grant(10, priority=2)
    usage = desk.spend(15)
    desk.give_back(usage, 3)
    assert (left_of(first), left_of(second)) == (0, 8)
    desk.give_back(usage, 4)
    assert (left_of(first), left_of(second)) == (2, 10)
    check_wallet(desk.wallet.pk)


def test_each_amount_can_be_returned_once(desk: Desk) -> None:
    desk.grant(10)
    usage = desk.spend(6)
    desk.give_back(usage, 4)
    before = written(desk.wallet.pk)
    with pytest.raises(ledger.ReturnTooLarge) as refusal:
        desk.give_back(usage, 3)
    assert (refusal.value.asked, refusal.value.returnable) == (3, 2)
    assert written(desk.wallet.pk) == before
    desk.give_back(usage, 2)
    with pytest.raises(ledger.ReturnTooLarge):
        desk.give_back(usage, 1)


def test_two_returns_in_one_book_share_what_is_returnable(desk: Desk) -> None:
    desk.grant(10)
    usage = desk.spend(6)
    with ledger.open_book(keys=[(desk.wallet.pk, key) for key in "ab"], now=desk.now) as book:
        ask(book, ledger.return_usage, desk.wallet.pk, "a", usage_id=usage.id, credits=4)
        with pytest.raises(ledger.ReturnTooLarge):
            ask(book, ledger.return_usage, desk.wallet.pk, "b", usage_id=usage.id, credits=3)
    check_wallet(desk.wallet.pk)


def test_what_goes_back_to_an_expired_grant_expires_at_once(desk: Desk) -> None:
    short = desk.grant(10, days=1)
    usage = desk.spend(10)
    desk.pass_time(days=1)
    returned = desk.give_back(usage, 10)
    assert (returned.balance_after, returned.available_after) == (10, 0)
    assert left_of(short) == 0
    assert list(Entry.objects.order_by("number").values_list("kind", "amount")[2:]) == [("return", 10), ("expiry", -10)]
    desk.wallet.refresh_from_db()
    assert desk.wallet.balance == 0
    check_wallet(desk.wallet.pk)


def test_what_goes_back_to_a_frozen_grant_stays_frozen(desk: Desk) -> None:
    disputed = desk.grant(10)
    usage = desk.spend(10)
    desk.freeze(disputed)
    returned = desk.give_back(usage, 10)
    assert (returned.balance_after, returned.available_after) == (10, 0)
    with pytest.raises(ledger.InsufficientCredits):
        desk.spend(1)


@pytest.mark.parametrize("credits", [0, -1])
def test_nothing_and_less_than_nothing_are_refused(desk: Desk, credits: int) -> None:
    desk.grant(10)
    usage = desk.spend(5)
    before = written(desk.wallet.pk)
    with pytest.raises(ValueError, match="An amount must be"):
        desk.give_back(usage, credits)
    assert written(desk.wallet.pk) == before


def test_a_use_that_cost_nothing_has_nothing_to_return(desk: Desk) -> None:
    with pytest.raises(ledger.ReturnTooLarge) as refusal:
        desk.give_back(desk.spend(0), 1)
    assert refusal.value.returnable == 0


def test_only_usage_of_this_wallet_can_be_returned(desk: Desk) -> None:
    other = Desk(
        factories.wallet(factories.organization(factories.person("Charlie"), slug="globex"), desk.wallet.program)
    )
    other.grant(10)
    desk.grant(10)
    theirs, own = other.spend(5), desk.spend(5)
    returned = desk.give_back(own, 5)
    for not_a_usage in (theirs.id, returned.id, uuid4()):
        with pytest.raises(ledger.UnknownUsage):
            desk._do(ledger.return_usage, usage_id=not_a_usage, credits=1)
    assert not Entry.objects.filter(wallet=other.wallet, kind=EntryKind.RETURN).exists()


def test_settled_work_is_returned_like_any_other(desk: Desk) -> None:
    short = desk.grant(5, days=1)
    longer = desk.grant(10)
    settled = desk.settle(desk.reserve(8), 12)
    desk.give_back(settled.operation, 12)
    assert (left_of(short), left_of(longer)) == (5, 10)
    with pytest.raises(ledger.ReturnTooLarge):
        desk.give_back(settled.operation, 1)
    check_wallet(desk.wallet.pk)
