"""What the ledger refuses to be asked: keys that are none, amounts that are none, instants without a zone."""

from datetime import datetime, timedelta

import pytest

from credits import ledger
from credits.models import Source
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), factories.program(overdraft_limit=20)))


@pytest.mark.parametrize("key", ["", "x" * 301, "ledger:expiry:3"])
def test_a_key_is_neither_empty_nor_long_nor_one_of_the_ledgers_own(driver: WalletDriver, key: str) -> None:
    driver.grant(10)
    with (
        ledger.open_book(keys=[(driver.wallet.pk, key)], now=driver.now) as book,
        pytest.raises(ValueError, match="can't be a key"),
    ):
        ask(book, ledger.spend, driver.wallet.pk, key, credits=1, feature="chat")


@pytest.mark.parametrize("credits", [1.5, True, -1, 10**12 + 1])
def test_an_amount_is_a_whole_number_within_bounds(driver: WalletDriver, credits: int) -> None:
    driver.grant(10)
    with pytest.raises(ValueError, match="An amount must be"):
        driver.spend(credits)


def test_a_grant_begins_at_an_instant_with_a_time_zone(driver: WalletDriver) -> None:
    naive = datetime(2026, 1, 1)
    with (
        ledger.open_book(keys=[(driver.wallet.pk, "k")], now=driver.now) as book,
        pytest.raises(ValueError, match="with a time zone"),
    ):
        ask(book, ledger.grant, driver.wallet.pk, "k", credits=1, source=Source.GOODWILL, effective_at=naive)


def test_a_reservation_needs_a_book_that_knows_the_earlier_ones(driver: WalletDriver) -> None:
    driver.grant(10)
    with (
        ledger.open_book(keys=[(driver.wallet.pk, "k")], now=driver.now) as book,
        pytest.raises(LookupError, match="by key"),
    ):
        ask(book, ledger.reserve, driver.wallet.pk, "k", credits=1, feature="chat")


def test_what_expired_unused_does_not_become_debt_when_all_is_voided(driver: WalletDriver) -> None:
    given = driver.grant(10, days=1)
    driver.spend(3)
    driver.pass_time(days=2)
    driver.void(given, 10, rest_as_debt=True)

    driver.wallet.refresh_from_db()
    assert driver.wallet.debt == 3, "7 expired, 3 were used"
    assert driver.now > driver.wallet.created_at + timedelta(days=1)
