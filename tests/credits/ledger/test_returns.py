"""Refunds of usage: all or a part, each amount once, back to the grants that it came from."""

from uuid import UUID, uuid4

import pytest

from credits import ledger
from credits.models import Entry, EntryKind, Grant
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet, written
from tests.support.credits.wallet_driver import WalletDriver, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), factories.program()))


def left_of(grant_id: UUID) -> int:
    return Grant.objects.get(pk=grant_id).remaining


def test_all_goes_back_to_the_grants_that_it_came_from(driver: WalletDriver) -> None:
    first, second = driver.grant(10, priority=1), driver.grant(10, priority=2)
    usage = driver.spend(15)
    returned = driver.give_back(usage, 15)
    assert (returned.kind, returned.credits, returned.balance_after, returned.subject) == ("return", 15, 20, usage.id)
    assert (left_of(first), left_of(second)) == (10, 10)
    check_wallet(driver.wallet.pk)


def test_a_part_goes_to_the_grant_drawn_from_last(driver: WalletDriver) -> None:
    first, second = driver.grant(10, priority=1), driver.grant(10, priority=2)
    usage = driver.spend(15)
    driver.give_back(usage, 3)
    assert (left_of(first), left_of(second)) == (0, 8)
    driver.give_back(usage, 4)
    assert (left_of(first), left_of(second)) == (2, 10)
    check_wallet(driver.wallet.pk)


def test_each_amount_can_be_returned_once(driver: WalletDriver) -> None:
    driver.grant(10)
    usage = driver.spend(6)
    driver.give_back(usage, 4)
    before = written(driver.wallet.pk)
    with pytest.raises(ledger.ReturnTooLarge) as refusal:
        driver.give_back(usage, 3)
    assert (refusal.value.asked, refusal.value.returnable) == (3, 2)
    assert written(driver.wallet.pk) == before
    driver.give_back(usage, 2)
    with pytest.raises(ledger.ReturnTooLarge):
        driver.give_back(usage, 1)


def test_two_returns_in_one_book_share_what_is_returnable(driver: WalletDriver) -> None:
    driver.grant(10)
    usage = driver.spend(6)
    with ledger.open_book(keys=[(driver.wallet.pk, key) for key in "ab"], now=driver.now) as book:
        ask(book, ledger.return_usage, driver.wallet.pk, "a", usage_id=usage.id, credits=4)
        with pytest.raises(ledger.ReturnTooLarge):
            ask(book, ledger.return_usage, driver.wallet.pk, "b", usage_id=usage.id, credits=3)
    check_wallet(driver.wallet.pk)


def test_what_goes_back_to_an_expired_grant_expires_at_once(driver: WalletDriver) -> None:
    short = driver.grant(10, days=1)
    usage = driver.spend(10)
    driver.pass_time(days=1)
    returned = driver.give_back(usage, 10)
    assert (returned.balance_after, returned.available_after) == (10, 0)
    assert left_of(short) == 0
    assert list(Entry.objects.order_by("number").values_list("kind", "amount")[2:]) == [("return", 10), ("expiry", -10)]
    driver.wallet.refresh_from_db()
    assert driver.wallet.balance == 0
    check_wallet(driver.wallet.pk)


def test_what_goes_back_to_a_frozen_grant_stays_frozen(driver: WalletDriver) -> None:
    disputed = driver.grant(10)
    usage = driver.spend(10)
    driver.freeze(disputed)
    returned = driver.give_back(usage, 10)
    assert (returned.balance_after, returned.available_after) == (10, 0)
    with pytest.raises(ledger.InsufficientCredits):
        driver.spend(1)


@pytest.mark.parametrize("credits", [0, -1])
def test_nothing_and_less_than_nothing_are_refused(driver: WalletDriver, credits: int) -> None:
    driver.grant(10)
    usage = driver.spend(5)
    before = written(driver.wallet.pk)
    with pytest.raises(ValueError, match="An amount must be"):
        driver.give_back(usage, credits)
    assert written(driver.wallet.pk) == before


def test_a_use_that_cost_nothing_has_nothing_to_return(driver: WalletDriver) -> None:
    with pytest.raises(ledger.ReturnTooLarge) as refusal:
        driver.give_back(driver.spend(0), 1)
    assert refusal.value.returnable == 0


def test_only_usage_of_this_wallet_can_be_returned(driver: WalletDriver) -> None:
    other = WalletDriver(
        factories.wallet(factories.organization(factories.person("Charlie"), slug="globex"), driver.wallet.program)
    )
    other.grant(10)
    driver.grant(10)
    theirs, own = other.spend(5), driver.spend(5)
    returned = driver.give_back(own, 5)
    for not_a_usage in (theirs.id, returned.id, uuid4()):
        with pytest.raises(ledger.UnknownUsage):
            driver._do(ledger.return_usage, usage_id=not_a_usage, credits=1)
    assert not Entry.objects.filter(wallet=other.wallet, kind=EntryKind.RETURN).exists()


def test_settled_work_is_returned_like_any_other(driver: WalletDriver) -> None:
    short = driver.grant(5, days=1)
    longer = driver.grant(10)
    settled = driver.settle(driver.reserve(8), 12)
    driver.give_back(settled.operation, 12)
    assert (left_of(short), left_of(longer)) == (5, 10)
    with pytest.raises(ledger.ReturnTooLarge):
        driver.give_back(settled.operation, 1)
    check_wallet(driver.wallet.pk)
