"""Sweeps: what nobody opened is brought to the present, once, in any number of wallets at a time."""

from datetime import timedelta

import pytest

from credits import ledger
from credits.models import Entry, EntryKind, Grant
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet, written
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


@pytest.fixture
def drivers() -> list[WalletDriver]:
    alice, program = factories.person(), factories.program()
    slugs = ("acme", "globex", "initech")
    return [WalletDriver(factories.wallet(factories.organization(alice, slug=slug), program)) for slug in slugs]


def test_it_expires_what_is_due_and_nothing_else(drivers: list[WalletDriver]) -> None:
    driver = drivers[0]
    due, coming, never = driver.grant(10, days=1), driver.grant(20, days=2), driver.grant(30)
    driver.pass_time(days=1)
    assert ledger.sweep_expired(now=driver.now) == 1
    assert [Grant.objects.get(pk=grant).remaining for grant in (due, coming, never)] == [0, 20, 30]
    check_wallet(driver.wallet.pk)


def test_a_microsecond_before_nothing_is_due(drivers: list[WalletDriver]) -> None:
    drivers[0].grant(10, days=1)
    before = written(drivers[0].wallet.pk)
    assert ledger.sweep_expired(now=drivers[0].now + timedelta(days=1) - timedelta(microseconds=1)) == 0
    assert written(drivers[0].wallet.pk) == before


def test_again_it_finds_nothing(drivers: list[WalletDriver]) -> None:
    drivers[0].grant(10, days=1)
    now = drivers[0].now + timedelta(days=3)
    assert ledger.sweep_expired(now=now) == 1
    before = written(drivers[0].wallet.pk)
    assert ledger.sweep_expired(now=now) == 0
    assert written(drivers[0].wallet.pk) == before


@pytest.mark.parametrize("at_a_time", [1, 2, 500])
def test_it_goes_through_all_wallets_however_many_at_a_time(drivers: list[WalletDriver], at_a_time: int) -> None:
    for number, driver in enumerate(drivers, start=1):
        for _ in range(number):
            driver.grant(10, days=1)
    reported: list[int] = []
    now = drivers[0].now + timedelta(days=1)
    assert ledger.sweep_expired(now=now, wallets_at_a_time=at_a_time, report=reported.append) == 6
    assert sum(reported) == 6
    for driver in drivers:
        check_wallet(driver.wallet.pk)
    assert Entry.objects.filter(kind=EntryKind.EXPIRY).count() == 6


def test_only_the_part_that_is_not_reserved_expires_and_the_rest_when_it_comes_back(
    drivers: list[WalletDriver],
) -> None:
    driver = drivers[0]
    grant = driver.grant(10, days=1)
    driver.pass_time(hours=23, minutes=59)
    driver.reserve(4, seconds=600)
    driver.pass_time(minutes=1)
    assert ledger.sweep_expired(now=driver.now) == 1
    assert (Grant.objects.get(pk=grant).remaining, Grant.objects.get(pk=grant).reserved) == (4, 4)
    assert ledger.sweep_expired(now=driver.now) == 0
    driver.pass_time(minutes=10)
    assert ledger.sweep_expired(now=driver.now) == 1  # opening the wallet timed the reservation out first
    assert Grant.objects.get(pk=grant).remaining == 0
    check_wallet(driver.wallet.pk)


@pytest.mark.parametrize("at_a_time", [1, 200])
def test_reservations_of_all_wallets_time_out(drivers: list[WalletDriver], at_a_time: int) -> None:
    for driver in drivers:
        driver.grant(10)
        driver.reserve(3, seconds=60)
        driver.reserve(3, seconds=60)
        driver.reserve(3, seconds=61)
    now = drivers[0].now + timedelta(seconds=60)
    assert ledger.release_timed_out(now=now, wallets_at_a_time=at_a_time) == 6
    assert ledger.release_timed_out(now=now, wallets_at_a_time=at_a_time) == 0
    for driver in drivers:
        driver.wallet.refresh_from_db()
        assert driver.wallet.reserved == 3
        check_wallet(driver.wallet.pk)


def test_without_a_time_the_clock_decides(drivers: list[WalletDriver]) -> None:
    drivers[0].grant(10, days=1)  # given and expired long before today
    assert ledger.sweep_expired() == 1
