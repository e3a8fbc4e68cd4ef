"""What pages and the API read: at any instant it is what the ledger would find at its next turn."""

from datetime import timedelta

import pytest

from credits.balance import queries
from credits.models import Source, Wallet
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    program = factories.program(overdraft_limit=100)
    return WalletDriver(factories.wallet(factories.organization(), program))


def available(driver: WalletDriver) -> int:
    return queries.balance_of(driver.wallet, driver.now).available


def test_an_empty_wallet_has_nothing(driver: WalletDriver) -> None:
    balance = queries.balance_of(driver.wallet, driver.now)
    assert (balance.available, balance.reserved, balance.debt, balance.expiring, balance.grants) == (0, 0, 0, (), ())


def test_credits_are_there_until_the_instant_at_which_they_expire(driver: WalletDriver) -> None:
    driver.grant(100, days=1)
    driver.pass_time(days=1, microseconds=-1)
    assert available(driver) == 100
    driver.pass_time(microseconds=1)
    assert available(driver) == 0
    assert queries.open_grants(driver.wallet, driver.now) == []
    assert Wallet.objects.get().balance == 100, "though nothing has swept them"


def test_credits_are_there_from_the_instant_at_which_they_begin(driver: WalletDriver) -> None:
    later = driver.now + timedelta(days=1)
    driver.grant(100, effective_at=later)
    (grant,) = queries.open_grants(driver.wallet, driver.now)
    assert (available(driver), grant.is_spendable) == (0, False)
    driver.pass_time(days=1)
    assert available(driver) == 100


def test_what_is_reserved_is_apart_until_its_time_is_out(driver: WalletDriver) -> None:
    driver.grant(100)
    driver.reserve(30, seconds=60)
    balance = queries.balance_of(driver.wallet, driver.now)
    assert (balance.available, balance.reserved) == (70, 30)
    driver.pass_time(seconds=60)
    balance = queries.balance_of(driver.wallet, driver.now)
    assert (balance.available, balance.reserved) == (100, 0), "though nothing has released it"


def test_what_is_reserved_of_an_expired_grant_is_still_reserved(driver: WalletDriver) -> None:
    driver.grant(100, days=1)
    driver.pass_time(days=1, seconds=-10)
    driver.reserve(30, seconds=60)
    driver.pass_time(seconds=20)
    balance = queries.balance_of(driver.wallet, driver.now)
    assert (balance.available, balance.reserved) == (0, 30)
    driver.pass_time(seconds=60)
    balance = queries.balance_of(driver.wallet, driver.now)
    assert (balance.available, balance.reserved, balance.grants) == (0, 0, ())


def test_debt_is_repaid_from_credits_that_begin_later(driver: WalletDriver) -> None:
    driver.grant(50)
    driver.settle(driver.reserve(50), 80)
    assert queries.balance_of(driver.wallet, driver.now).debt == 30
    driver.grant(100, effective_at=driver.now + timedelta(days=1))
    balance = queries.balance_of(driver.wallet, driver.now)
    assert (balance.available, balance.debt) == (0, 30)
    driver.pass_time(days=1)
    balance = queries.balance_of(driver.wallet, driver.now)
    assert (balance.available, balance.debt) == (70, 0)
    assert [grant.remaining for grant in balance.grants] == [70]


def test_what_expires_within_fourteen_days_is_added_up_by_instant(driver: WalletDriver) -> None:
    for credits, days in ((10, 14), (20, 3), (5, 3), (40, 15)):
        driver.grant(credits, days=days)
    driver.grant(80)
    driver.reserve(4)
    balance = queries.balance_of(driver.wallet, driver.now)
    assert [part.credits for part in balance.expiring] == [21, 10]
    assert balance.expiring_credits == 31


def test_open_grants_come_in_the_order_in_which_they_are_used(driver: WalletDriver) -> None:
    never, soon = driver.grant(10), driver.grant(10, days=3)
    first = driver.grant(10, priority=1)
    paid = driver.grant(10, source=Source.CARD, cost_minor=5, cost_currency="JPY")
    later = driver.grant(10, days=2, effective_at=driver.now + timedelta(days=1))
    assert [grant.id for grant in queries.open_grants(driver.wallet, driver.now)] == [first, soon, never, paid, later]
