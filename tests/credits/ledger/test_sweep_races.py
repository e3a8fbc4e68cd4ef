"""Expiry and time-outs against the verbs that want the same credits, in both orders and without the lock."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from credits import ledger
from credits.ledger import rows
from credits.models import Entry, Reservation
from tests.credits.ledger.test_wallet_lock import act, kinds
from tests.support.credits.lock_controls import paused_after_reading, without_the_lock
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import WalletDriver
from tests.support.races import run_many, run_together

pytestmark = pytest.mark.django_db(transaction=True)

MICROSECOND = timedelta(microseconds=1)
PATIENCE = 20


def kinds_of_entries(driver: WalletDriver) -> list[str]:
    return list(Entry.objects.filter(wallet=driver.wallet).order_by("number").values_list("kind", flat=True))


def one_then_other(patch: pytest.MonkeyPatch, one: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """Let `one` read with its locks held, then start `other`, then let `one` go on."""
    with paused_after_reading(patch) as (has_read, let_go_on):
        other_began = threading.Event()

        def then_other() -> Any:
            assert has_read.wait(PATIENCE)
            other_began.set()
            return other()

        def let_one_go_on() -> None:
            assert other_began.wait(PATIENCE)
            let_go_on()

        return run_together([one, then_other, let_one_go_on])[:2]


class TestSpendAgainstExpiry:
    """A spend in the last microsecond of a grant, and the sweep at its expiry."""

    def race(self, driver: WalletDriver) -> tuple[Callable[[], Any], Callable[[], Any]]:
        driver.grant(10, days=1)
        last_moment = timedelta(days=1) - MICROSECOND
        spend = act(driver, ledger.spend, "spend", at=last_moment, credits=10, feature="chat")
        return spend, lambda: ledger.sweep_expired(now=driver.now + timedelta(days=1))

    def test_a_credit_is_spent_or_expired_never_both_or_neither(self, driver: WalletDriver) -> None:
        spend, sweep = self.race(driver)
        spent, swept = run_together([spend, sweep])
        assert (type(spent).__name__, swept) in {("Recorded", 0), ("InsufficientCredits", 1)}
        assert len(kinds_of_entries(driver)) == 2
        check_wallet(driver.wallet.pk)

    def test_the_spend_first(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        spent, swept = one_then_other(monkeypatch, *self.race(driver))
        assert (spent.credits, swept) == (-10, 0)
        assert kinds_of_entries(driver) == ["grant", "usage"]
        check_wallet(driver.wallet.pk)

    def test_the_sweep_first(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        spend, sweep = self.race(driver)
        swept, refused = one_then_other(monkeypatch, sweep, spend)
        assert (type(refused).__name__, swept) == ("InsufficientCredits", 1)
        assert kinds_of_entries(driver) == ["grant", "expiry"]
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        race = self.race(driver)
        with without_the_lock(monkeypatch, meeting=2):
            results = run_together(race)
        assert kinds(results)["IntegrityError"] == 1


class TestSettleAgainstTimeOut:
    """A settlement in the last microsecond of a reservation, and the sweep at its end."""

    def race(self, driver: WalletDriver) -> tuple[Callable[[], Any], Callable[[], Any]]:
        driver.grant(10)
        reserved = driver.reserve(10, seconds=60)
        last_moment = timedelta(seconds=60) - MICROSECOND
        settle = act(driver, ledger.settle, "settle", at=last_moment, reservation_id=reserved.id, credits=6)
        return settle, lambda: ledger.release_timed_out(now=driver.now + timedelta(seconds=60))

    def check(self, driver: WalletDriver, settled: Any, released: int) -> None:
        state = Reservation.objects.get(wallet=driver.wallet).state
        assert (type(settled).__name__, released, state) in {
            ("Settled", 0, "settled"),
            ("ReservationClosed", 1, "timed_out"),
        }
        driver.wallet.refresh_from_db()
        assert driver.wallet.balance == (4 if released == 0 else 10)
        check_wallet(driver.wallet.pk)

    def test_it_is_settled_or_timed_out(self, driver: WalletDriver) -> None:
        self.check(driver, *run_together(self.race(driver)))

    def test_the_settlement_first(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        settled, released = one_then_other(monkeypatch, *self.race(driver))
        assert released == 0
        self.check(driver, settled, released)

    def test_the_time_out_first(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        settle, sweep = self.race(driver)
        released, settled = one_then_other(monkeypatch, sweep, settle)
        assert released == 1
        self.check(driver, settled, released)

    def test_control_without_the_lock_both_believe_it_is_theirs(
        self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settle, sweep = self.race(driver)
        both_have_read = threading.Barrier(2, timeout=PATIENCE)
        read_reservations = rows.read_reservations

        def read_together(*arguments: Any) -> Any:
            found = read_reservations(*arguments)
            both_have_read.wait()
            return found

        # The reservation is read after the wallet: neither may have ended it by then.
        monkeypatch.setattr(rows, "read_reservations", read_together)
        with without_the_lock(monkeypatch, meeting=2):
            settled, released = run_together([settle, sweep])
        assert (type(settled).__name__, released) == ("Settled", 1)


class TestSweeps:
    def test_two_at_once_expire_everything_once(self, driver: WalletDriver) -> None:
        for _ in range(3):
            driver.grant(10, days=1)
        driver.pass_time(days=1)
        assert sum(run_many(lambda: ledger.sweep_expired(now=driver.now), 4)) == 3
        assert kinds_of_entries(driver) == ["grant"] * 3 + ["expiry"] * 3
        check_wallet(driver.wallet.pk)

    def test_two_at_once_release_everything_once(self, driver: WalletDriver) -> None:
        driver.grant(10)
        for _ in range(3):
            driver.reserve(2, seconds=60)
        driver.pass_time(seconds=60)
        assert sum(run_many(lambda: ledger.release_timed_out(now=driver.now), 4)) == 3
        check_wallet(driver.wallet.pk)

    def test_control_without_the_lock(self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        driver.grant(10, days=1)
        driver.pass_time(days=1)
        with without_the_lock(monkeypatch, meeting=2):
            results = run_many(lambda: ledger.sweep_expired(now=driver.now), 2)
        assert kinds(results) == {"int": 1, "IntegrityError": 1}
