"""The allowance gap: a fall because a plan's month is over is notified only if the next allowance does not come."""

from datetime import timedelta
from typing import Any

import pytest

from credits import ledger
from credits.models import Source, Wallet
from notices.models import Notice
from organizations.models import User
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db

WAITED_FOR = timedelta(hours=3)
SECOND = timedelta(seconds=1)


@pytest.fixture
def driver() -> WalletDriver:
    """Acme's plan brought 1,000 credits for 30 days; its balance is low below 200."""
    program = factories.program(low_balance=200)
    driver = WalletDriver(factories.wallet(factories.organization(), program))
    driver.grant(1_000, source=Source.PLAN, days=30)
    return driver


def notified() -> list[str]:
    """What people were notified of, in order."""
    return list(Notice.objects.order_by("pk").values_list("kind", flat=True))


def sweep(driver: WalletDriver) -> int:
    """What the schedule does; how many wallets changed."""
    ledger.sweep_expired(now=driver.now)
    return ledger.sweep_thresholds(now=driver.now)


def test_an_allowance_that_lapses_and_comes_again_notifies_of_nothing(driver: WalletDriver) -> None:
    driver.pass_time(days=30, minutes=1)
    assert [sweep(driver) for _ in range(2)] == [0, 0]
    driver.spend(0)
    driver.pass_time(hours=1)
    driver.grant(1_000, source=Source.PLAN, days=30)
    driver.spend(100)
    assert (notified(), WebhookEvent.objects.count()) == ([], 0)
    wallet = Wallet.objects.get()
    assert (wallet.low_since, wallet.depleted_since) == (None, None)


def test_one_that_does_not_come_is_notified_three_hours_after_the_lapse_once(driver: WalletDriver) -> None:
    driver.pass_time(days=30)
    lapsed_at = driver.now
    for waited, moved in ((SECOND, 0), (WAITED_FOR - SECOND, 0), (WAITED_FOR, 1), (WAITED_FOR + SECOND, 0)):
        driver.now = lapsed_at + waited
        assert sweep(driver) == moved
    assert notified() == ["balance.depleted"]
    assert Wallet.objects.get().depleted_since == lapsed_at + WAITED_FOR


def test_the_next_book_notifies_it_too(driver: WalletDriver) -> None:
    driver.pass_time(days=30, hours=3)
    driver.spend(0)
    assert notified() == ["balance.depleted"]


def test_what_was_used_up_before_the_lapse_is_notified_at_once(driver: WalletDriver) -> None:
    driver.pass_time(days=29, hours=23)
    driver.spend(1_000)
    assert notified() == ["balance.depleted"]
    driver.pass_time(hours=2)
    assert sweep(driver) == 0


def test_bought_credits_used_up_after_an_allowance_that_lapsed_empty_are_notified_of_at_once(
    driver: WalletDriver,
) -> None:
    driver.spend(1_000)
    driver.pass_time(minutes=1)
    driver.grant(500)
    driver.pass_time(days=30, minutes=1)
    driver.spend(500)
    assert notified() == ["balance.depleted", "balance.restored", "balance.depleted"]


def test_a_low_balance_waits_likewise(driver: WalletDriver) -> None:
    driver.grant(150)
    driver.pass_time(days=30)
    lapsed_at = driver.now
    assert sweep(driver) == 0
    driver.spend(10)
    assert notified() == []
    driver.now = lapsed_at + WAITED_FOR
    assert [sweep(driver) for _ in range(2)] == [1, 0]
    assert notified() == ["balance.low"]


def test_the_new_allowance_is_notified_of_at_once_when_it_is_used_up(driver: WalletDriver) -> None:
    driver.pass_time(days=30, minutes=1)
    sweep(driver)
    driver.grant(1_000, source=Source.PLAN, days=30)
    driver.spend(1_000)
    assert notified() == ["balance.depleted"]


def test_a_new_allowance_below_the_threshold_is_notified_of_in_its_own_book(driver: WalletDriver) -> None:
    driver.pass_time(days=30, minutes=1)
    driver.grant(50, source=Source.PLAN, days=30)
    assert notified() == ["balance.low"]


def test_an_invoiced_allowance_counts_although_it_comes_in_as_a_bank_transfer(driver: WalletDriver) -> None:
    driver.spend(1_000)
    driver.pass_time(days=30)
    driver.grant(1_000, source=Source.BANK_TRANSFER, days=1)
    driver.pass_time(days=1)
    sweep(driver)
    assert notified() == ["balance.depleted", "balance.restored"]


@pytest.mark.parametrize("paid", [{"source": Source.PROMOTION}, {"source": Source.BANK_TRANSFER, "cost_minor": 100}])
def test_other_credits_that_expire_are_notified_of_at_once(driver: WalletDriver, paid: dict[str, Any]) -> None:
    driver.spend(1_000)
    driver.pass_time(minutes=1)
    driver.grant(300, days=1, cost_currency="EUR" if "cost_minor" in paid else "", **paid)
    driver.pass_time(days=1)
    sweep(driver)
    assert notified() == ["balance.depleted", "balance.restored", "balance.depleted"]


def test_an_allowance_that_was_reserved_as_it_lapsed_is_waited_for_once_it_is_released(driver: WalletDriver) -> None:
    driver.pass_time(days=29, hours=23)
    held = driver.reserve(1_000, seconds=86_400)
    driver.pass_time(hours=1, minutes=1)
    driver.release(held)
    assert (notified(), sweep(driver)) == ([], 0)


def test_the_wallets_of_one_book_are_judged_each_by_itself(driver: WalletDriver) -> None:
    other = WalletDriver(
        factories.wallet(factories.organization(User.objects.get(), slug="globex"), driver.wallet.program),
        now=driver.now,
    )
    other.grant(1_000, days=30)
    driver.pass_time(days=30)
    assert ledger.sweep_expired(now=driver.now) == 2
    assert list(Notice.objects.values_list("organization__slug", "kind")) == [("globex", "balance.depleted")]
