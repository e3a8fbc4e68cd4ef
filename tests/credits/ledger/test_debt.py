"""Debt: made by settling beyond the balance and by voiding what was spent; repaid first from the next credits."""

from datetime import timedelta
from uuid import UUID

import pytest

from credits import ledger
from credits.models import Entry, Grant
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import WalletDriver, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    """A wallet whose program lets settled work go 20 credits into debt."""
    return WalletDriver(factories.wallet(factories.organization(), factories.program(overdraft_limit=20)))


def in_debt(driver: WalletDriver, debt: int) -> ledger.Recorded:
    """Settle work that was estimated at 10 credits and cost so much more."""
    driver.grant(10)
    settled = driver.settle(driver.reserve(10), 10 + debt)
    assert (settled.charged, settled.debt, settled.uncollected) == (10 + debt, debt, 0)
    return settled.operation


def position(driver: WalletDriver) -> tuple[int, int]:
    """Return balance and debt, after the rows have been checked."""
    check_wallet(driver.wallet.pk)
    driver.wallet.refresh_from_db()
    return driver.wallet.balance, driver.wallet.debt


def left_of(grant_id: UUID) -> int:
    return Grant.objects.get(pk=grant_id).remaining


class TestGoingIntoDebt:
    def test_what_the_balance_cannot_cover_becomes_debt(self, driver: WalletDriver) -> None:
        usage = in_debt(driver, 5)
        assert (usage.credits, usage.balance_after, usage.available_after) == (-15, -5, 0)
        assert list(Entry.objects.filter(operation_id=usage.id).values_list("kind", "amount")) == [
            ("usage", -10),
            ("debt", -5),
        ]
        assert position(driver) == (-5, 5)

    def test_up_to_the_overdraft_limit_and_the_rest_stays_uncollected(self, driver: WalletDriver) -> None:
        driver.grant(10)
        settled = driver.settle(driver.reserve(10), 35)
        assert (settled.charged, settled.debt, settled.uncollected) == (30, 20, 5)
        assert position(driver) == (-20, 20)

    def test_debt_that_is_there_counts_against_the_limit(self, driver: WalletDriver) -> None:
        driver.grant(20)
        first, second = driver.reserve(10), driver.reserve(10)
        driver.settle(first, 25)
        settled = driver.settle(second, 20)
        assert (settled.charged, settled.debt, settled.uncollected) == (15, 5, 5)
        assert position(driver) == (-20, 20)

    def test_nothing_is_available_while_there_is_debt(self, driver: WalletDriver) -> None:
        in_debt(driver, 5)
        with pytest.raises(ledger.InsufficientCredits) as refusal:
            driver.spend(1)
        assert (refusal.value.needed, refusal.value.available) == (1, 0)
        with pytest.raises(ledger.InsufficientCredits):
            driver.reserve(1)
        assert driver.spend(0).credits == 0

    def test_what_a_settlement_gives_back_repays_debt(self, driver: WalletDriver) -> None:
        driver.grant(20)
        first, second = driver.reserve(10), driver.reserve(10)
        driver.settle(first, 14)
        assert position(driver) == (6, 4)
        driver.settle(second, 3)
        assert position(driver) == (3, 0)


class TestRepaying:
    def test_the_next_credits_repay_it_first_with_entries_that_say_so(self, driver: WalletDriver) -> None:
        in_debt(driver, 5)
        next_credits = driver.grant(8)
        lines = Entry.objects.filter(kind="repayment").order_by("number").values_list("grant_id", "amount")
        assert list(lines) == [(next_credits, -5), (None, 5)]
        assert left_of(next_credits) == 3
        assert position(driver) == (3, 0)

    def test_too_few_credits_repay_a_part(self, driver: WalletDriver) -> None:
        in_debt(driver, 5)
        next_credits = driver.grant(3)
        assert left_of(next_credits) == 0
        assert position(driver) == (-2, 2)
        assert driver.spend(0).available_after == 0

    def test_credits_that_begin_later_repay_when_they_begin(self, driver: WalletDriver) -> None:
        in_debt(driver, 5)
        driver.grant(8, effective_at=driver.now + timedelta(days=1))
        assert position(driver) == (3, 5)
        driver.pass_time(days=1)
        assert driver.spend(0).available_after == 3
        assert position(driver) == (3, 0)

    def test_frozen_credits_repay_when_they_are_thawed(self, driver: WalletDriver) -> None:
        disputed = driver.grant(8, priority=90)
        driver.freeze(disputed)
        in_debt(driver, 5)
        assert position(driver) == (3, 5)
        driver.thaw(disputed)
        assert position(driver) == (3, 0)


class TestReturning:
    def test_what_became_debt_lowers_the_debt_first(self, driver: WalletDriver) -> None:
        usage = in_debt(driver, 5)
        driver.give_back(usage, 3)
        assert position(driver) == (-2, 2)
        driver.give_back(usage, 12)
        assert position(driver) == (10, 0)

    def test_a_repayment_is_undone_where_the_debt_was_repaid(self, driver: WalletDriver) -> None:
        usage = in_debt(driver, 5)
        payer = driver.grant(8)
        driver.give_back(usage, 5)
        assert left_of(payer) == 8
        assert position(driver) == (8, 0)
        driver.give_back(usage, 10)
        assert position(driver) == (18, 0)

    def test_the_latest_repayment_is_undone_first_and_each_once(self, driver: WalletDriver) -> None:
        usage = in_debt(driver, 5)
        first, second = driver.grant(2), driver.grant(9)
        driver.give_back(usage, 4)
        assert (left_of(first), left_of(second)) == (1, 9)
        driver.give_back(usage, 1)
        assert (left_of(first), left_of(second)) == (2, 9)
        assert position(driver) == (11, 0)

    def test_what_goes_back_to_a_payer_that_has_expired_expires(self, driver: WalletDriver) -> None:
        usage = in_debt(driver, 5)
        payer = driver.grant(8, days=1)
        driver.pass_time(days=1)
        driver.give_back(usage, 5)
        assert left_of(payer) == 0
        assert position(driver) == (0, 0)

    def test_a_repayment_made_while_the_book_was_being_opened_is_undone_too(self, driver: WalletDriver) -> None:
        usage = in_debt(driver, 5)
        payer = driver.grant(5, effective_at=driver.now + timedelta(minutes=1))
        driver.pass_time(minutes=1)
        driver.give_back(usage, 5)
        assert left_of(payer) == 5
        assert position(driver) == (5, 0)

    def test_two_returns_in_one_book_undo_each_repayment_once(self, driver: WalletDriver) -> None:
        driver.grant(20)
        reserved = driver.reserve(10), driver.reserve(10)
        usages = [driver.settle(each, 13).operation for each in reserved]
        payers = driver.grant(4), driver.grant(2)
        assert position(driver) == (0, 0)
        with ledger.open_book(keys=[(driver.wallet.pk, key) for key in "ab"], now=driver.now) as book:
            for usage, key in zip(usages, "ab", strict=True):
                ask(book, ledger.return_usage, driver.wallet.pk, key, usage_id=usage.id, credits=3)
        assert [left_of(payer) for payer in payers] == [4, 2]
        assert position(driver) == (6, 0)
