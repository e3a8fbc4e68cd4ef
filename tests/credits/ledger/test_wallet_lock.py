"""Races for one wallet's credits, each beside its control: the same race with the wallet's lock taken out.

Without the lock most races end in a broken unique key (two entries of one number), the ledger's second defence; what
writes no entry, a reservation or a freeze, would be lost or given twice in silence.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from credits import ledger
from credits.models import Grant, Operation, Reservation, Source
from tests.support.credits.lock_controls import without_the_lock
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import WalletDriver, ask
from tests.support.races import run_many, run_together

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(results: list[Any]) -> Counter[str]:
    """Count what came out of a race, by type."""
    return Counter(type(result).__name__ for result in results)


def spends(driver: WalletDriver, name: str, credits: list[int]) -> Callable[[], list[Any]]:
    """Return a callable that spends these amounts in one book and answers what came of each."""

    def spend_all() -> list[Any]:
        answers: list[Any] = []
        keys = [(driver.wallet.pk, f"{name}-{turn}") for turn in range(len(credits))]
        with ledger.open_book(keys=keys, now=driver.now) as book:
            for (wallet_id, key), amount in zip(keys, credits, strict=True):
                try:
                    answers.append(ask(book, ledger.spend, wallet_id, key, credits=amount, feature="chat"))
                except ledger.InsufficientCredits as refused:
                    answers.append(refused)
        return answers

    return spend_all


def act(
    driver: WalletDriver, verb: Any, key: str, *, at: timedelta = timedelta(0), **request: Any
) -> Callable[[], Any]:
    """Return a callable that uses one verb in a book of its own."""

    def do() -> Any:
        with ledger.open_book(keys=[(driver.wallet.pk, key)], now=driver.now + at, reservations="by key") as book:
            return ask(book, verb, driver.wallet.pk, key, **request)

    return do


def unlocked(patch: pytest.MonkeyPatch, race: list[Callable[[], Any]]) -> Counter[str]:
    """Run a race without the wallet's lock: all have read before the first writes."""
    with without_the_lock(patch, meeting=len(race)):
        return kinds(run_together(race))


class TestSpends:
    def race(self, driver: WalletDriver, number: int) -> list[Callable[[], Any]]:
        driver.grant(30)
        return [act(driver, ledger.spend, f"spend-{n}", credits=10, feature="chat") for n in range(number)]

    def test_the_last_credits_are_spent_once(self, driver: WalletDriver) -> None:
        assert kinds(run_together(self.race(driver, 20))) == {"Recorded": 3, "InsufficientCredits": 17}
        driver.wallet.refresh_from_db()
        assert driver.wallet.balance == 0
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert unlocked(monkeypatch, self.race(driver, 5)) == {"Recorded": 1, "IntegrityError": 4}


class TestReservations:
    def race(self, driver: WalletDriver, number: int) -> list[Callable[[], Any]]:
        driver.grant(30)
        return [act(driver, ledger.reserve, f"reserve-{n}", credits=10, feature="chat") for n in range(number)]

    def test_the_last_credits_are_reserved_once(self, driver: WalletDriver) -> None:
        assert kinds(run_together(self.race(driver, 12))) == {"Reserved": 3, "InsufficientCredits": 9}
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock_they_are_promised_to_everyone(
        self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert unlocked(monkeypatch, self.race(driver, 5)) == {"Reserved": 5}
        assert Reservation.objects.filter(wallet=driver.wallet, state="open").count() * 10 > 30
        with pytest.raises(AssertionError):
            check_wallet(driver.wallet.pk)


class TestBatchAgainstSingles:
    def race(self, driver: WalletDriver, singles: int) -> list[Callable[[], Any]]:
        driver.grant(30)
        batch = spends(driver, "batch", [1, 3] * 10)
        return [batch, *[act(driver, ledger.spend, f"single-{n}", credits=1, feature="chat") for n in range(singles)]]

    def test_each_is_decided_on_what_the_others_left(self, driver: WalletDriver) -> None:
        batch, *singles = run_together(self.race(driver, 15))
        spent = -sum(done.credits for done in [*batch, *singles] if isinstance(done, ledger.Recorded))
        assert kinds([*batch, *singles]).keys() == {"Recorded", "InsufficientCredits"}
        driver.wallet.refresh_from_db()
        assert driver.wallet.balance == 30 - spent == 0  # somebody always wanted the last one
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert unlocked(monkeypatch, self.race(driver, 3))["IntegrityError"] == 3


class TestSameKey:
    def race(self, driver: WalletDriver, number: int) -> list[Callable[[], Any]]:
        driver.grant(100)
        return [act(driver, ledger.spend, "the same", credits=1, feature="chat")] * number

    def test_fifty_times_at_once_it_is_done_once(self, driver: WalletDriver) -> None:
        results = run_together(self.race(driver, 50))
        assert kinds(results) == {"Recorded": 50}
        assert len({result.id for result in results}) == 1
        assert sum(not result.was_replayed for result in results) == 1
        assert {result.available_after for result in results} == {99}
        assert Operation.objects.filter(wallet=driver.wallet, kind="usage").count() == 1
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert unlocked(monkeypatch, self.race(driver, 5)) == {"Recorded": 1, "IntegrityError": 4}

    def test_a_reservation_too_is_made_once(self, driver: WalletDriver) -> None:
        driver.grant(100)
        results = run_many(act(driver, ledger.reserve, "the same", credits=1, feature="chat"), 20)
        assert len({result.id for result in results}) == 1
        assert sum(not result.was_replayed for result in results) == 1
        check_wallet(driver.wallet.pk)


class TestGrantAgainstSpend:
    def race(self, driver: WalletDriver) -> list[Callable[[], Any]]:
        driver.grant(5)
        return [
            act(driver, ledger.grant, "grant", credits=10, source=Source.GOODWILL),
            act(driver, ledger.spend, "spend", credits=5, feature="chat"),
        ]

    def test_neither_is_lost(self, driver: WalletDriver) -> None:
        assert kinds(run_together(self.race(driver))) == {"Recorded": 2}
        driver.wallet.refresh_from_db()
        assert (driver.wallet.balance, driver.wallet.last_number) == (10, 3)
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert unlocked(monkeypatch, self.race(driver)) == {"Recorded": 1, "IntegrityError": 1}


class TestVoidAgainstSpend:
    def race(self, driver: WalletDriver) -> list[Callable[[], Any]]:
        grant = driver.grant(10)
        return [
            act(driver, ledger.void, "void", grant_id=grant, credits=None),
            act(driver, ledger.spend, "spend", credits=10, feature="chat"),
        ]

    def test_a_credit_is_voided_or_spent(self, driver: WalletDriver) -> None:
        void, spend = run_together(self.race(driver))
        spent = isinstance(spend, ledger.Recorded)
        assert spent or isinstance(spend, ledger.InsufficientCredits)
        assert void.credits == (0 if spent else -10)
        driver.wallet.refresh_from_db()
        assert driver.wallet.balance == 0
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert unlocked(monkeypatch, self.race(driver)) == {"Recorded": 1, "IntegrityError": 1}


class TestReturns:
    def race(self, driver: WalletDriver, number: int) -> list[Callable[[], Any]]:
        driver.grant(10)
        usage = driver.spend(10)
        driver.give_back(usage, 7)
        return [act(driver, ledger.return_usage, f"return-{n}", usage_id=usage.id, credits=3) for n in range(number)]

    def test_the_last_returnable_part_is_returned_once(self, driver: WalletDriver) -> None:
        assert kinds(run_together(self.race(driver, 8))) == {"Recorded": 1, "ReturnTooLarge": 7}
        driver.wallet.refresh_from_db()
        assert driver.wallet.balance == 10
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert unlocked(monkeypatch, self.race(driver, 2)) == {"Recorded": 1, "IntegrityError": 1}


class TestFreezeAgainstSpend:
    def race(self, driver: WalletDriver) -> tuple[UUID, list[Callable[[], Any]]]:
        disputed = driver.grant(10)
        return disputed, [
            lambda: driver.freeze(disputed),
            act(driver, ledger.spend, "spend", credits=4, feature="chat"),
        ]

    def test_the_freeze_is_not_lost(self, driver: WalletDriver) -> None:
        disputed, race = self.race(driver)
        assert kinds(run_together(race)).keys() <= {"NoneType", "Recorded", "InsufficientCredits"}
        assert Grant.objects.get(pk=disputed).frozen_at == driver.now
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock_one_of_them_is_overwritten(
        self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disputed, race = self.race(driver)
        assert unlocked(monkeypatch, race) == {"NoneType": 1, "Recorded": 1}
        grant = Grant.objects.get(pk=disputed)
        assert (grant.frozen_at is None) or grant.remaining == 10


def test_the_second_defence_is_the_number_of_an_entry(driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.grant(10)
    race = [act(driver, ledger.spend, f"spend-{n}", credits=1, feature="chat") for n in range(2)]
    with without_the_lock(monkeypatch, meeting=2):
        (error,) = [result for result in run_together(race) if isinstance(result, IntegrityError)]
    assert "credits_entry_pkey" in str(error)
    check_wallet(driver.wallet.pk)  # nothing of the one that lost was written
