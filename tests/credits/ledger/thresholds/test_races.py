"""Fifty spends through the threshold at once notify once; the controls show what the state and the lock are for."""

from functools import partial

import pytest
from django.db import IntegrityError

from credits import ledger
from credits.ledger.thresholds import rows
from credits.models import Program
from notices.models import Notice
from tests.support import factories
from tests.support.credits.lock_controls import without_the_lock
from tests.support.credits.wallet_driver import WalletDriver, ask
from tests.support.races import run_together
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def program() -> Program:
    return factories.program(low_balance=500)


def spend(driver: WalletDriver, key: str) -> ledger.Recorded:
    with ledger.open_book(keys=[(driver.wallet.pk, key)], now=driver.now) as book:
        recorded: ledger.Recorded = ask(book, ledger.spend, driver.wallet.pk, key, credits=10, feature="chat")
    return recorded


def race(driver: WalletDriver, times: int) -> list[object]:
    return run_together([partial(spend, driver, f"spend {turn}") for turn in range(times)])


def test_fifty_spends_through_the_threshold_give_one_notice(driver: WalletDriver) -> None:
    driver.grant(750)
    assert all(isinstance(result, ledger.Recorded) for result in race(driver, 50))
    assert [notice.details["available"] for notice in Notice.objects.all()] == [490]
    assert WebhookEvent.objects.count() == 1


def test_control_without_the_state_every_spend_below_it_notifies(
    driver: WalletDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.grant(540)
    monkeypatch.setattr(rows, "set_changes", lambda wallets: None)
    race(driver, 10)
    assert Notice.objects.count() == 6


def test_control_without_the_lock_two_spends_break_the_books(
    driver: WalletDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.grant(505)
    with without_the_lock(monkeypatch, meeting=2):
        results = race(driver, 2)
    assert sorted(type(result).__name__ for result in results) == [IntegrityError.__name__, "Recorded"]
