"""Drives one wallet through the ledger: each act of a test is a book of its own, at its own time, with a new key."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from credits import ledger
from credits.models import Program, Source, Wallet
from organizations.models import Organization
from tests.support import factories
from tests.support.database import built_once

DAY = timedelta(days=1)


@dataclass
class WalletDriver:
    """One wallet and a clock that tests move. Amounts in smallest units."""

    wallet: Wallet
    now: datetime = factories.OPENED_AT
    acts: int = 0

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def grant(self, credits: int, *, source: Source = Source.GOODWILL, days: int | None = None, **terms: Any) -> UUID:
        """Give credits that last so many days (for ever if None); answer the grant's id."""
        expires_at = None if days is None else self.now + days * DAY
        operation: ledger.Recorded = self._do(
            ledger.grant, credits=credits, source=source, expires_at=expires_at, **terms
        )
        assert operation.subject is not None
        return operation.subject

    def spend(self, credits: int, feature: str = "report") -> ledger.Recorded:
        recorded: ledger.Recorded = self._do(ledger.spend, feature, credits=credits, feature=feature)
        return recorded

    def give_back(self, usage: ledger.Recorded, credits: int) -> ledger.Recorded:
        recorded: ledger.Recorded = self._do(ledger.return_usage, usage_id=usage.id, credits=credits)
        return recorded

    def void(self, grant_id: UUID, credits: int | None = None, *, rest_as_debt: bool = False) -> ledger.Recorded:
        recorded: ledger.Recorded = self._do(ledger.void, grant_id=grant_id, credits=credits, rest_as_debt=rest_as_debt)
        return recorded

    def reinstate(self, voided: ledger.Recorded, credits: int) -> ledger.Recorded:
        recorded: ledger.Recorded = self._do(ledger.reinstate, void_id=voided.id, credits=credits)
        return recorded

    def reserve(self, credits: int, feature: str = "report", *, seconds: int = 900) -> ledger.Reserved:
        reserved: ledger.Reserved = self._do(ledger.reserve, feature, credits=credits, feature=feature, seconds=seconds)
        return reserved

    def settle(self, reserved: ledger.Reserved, credits: int) -> ledger.Settled:
        settled: ledger.Settled = self._do(ledger.settle, "report", reservation_id=reserved.id, credits=credits)
        return settled

    def release(self, reserved: ledger.Reserved) -> None:
        with self._open("") as book:
            ledger.release(book, wallet_id=self.wallet.pk, reservation_id=reserved.id)

    def freeze(self, grant_id: UUID) -> None:
        with self._open("") as book:
            ledger.freeze(book, wallet_id=self.wallet.pk, grant_id=grant_id)

    def thaw(self, grant_id: UUID) -> None:
        with self._open("") as book:
            ledger.thaw(book, wallet_id=self.wallet.pk, grant_id=grant_id)

    def _do(self, verb: Any, caused_by: str = "", /, **request: Any) -> Any:
        self.acts += 1
        key = f"act-{self.acts}"
        with self._open(key) as book:
            return verb(
                book,
                wallet_id=self.wallet.pk,
                key=key,
                content_hash=ledger.hash_content(**request),
                cause=ledger.Cause(actor_label="test", feature=caused_by),
                **request,
            )

    def _open(self, key: str) -> Any:
        return ledger.open_book(keys=[(self.wallet.pk, key)], now=self.now, reservations="by key")


def ask(book: ledger.Book, verb: Any, wallet_id: int, key: str, **request: Any) -> Any:
    """Use a verb in a book that is open, under a key and the hash of what is asked for."""
    content_hash = ledger.hash_content(**request)
    return verb(book, wallet_id=wallet_id, key=key, content_hash=content_hash, cause=ledger.Cause(), **request)


@built_once
def busy_acme(*, decimals: int = 0) -> WalletDriver:
    """Alice's organization acme with a history that has every kind of entry in it; see `busy`."""
    return busy(factories.organization(), factories.program(overdraft_limit=200, decimals=decimals))


def busy(organization: Organization, program: Program) -> WalletDriver:
    """Make a history with every kind of entry in it, in which an auditor must find nothing wrong.

    Expects a program with an overdraft limit of 100 or more.
    """
    driver = WalletDriver(factories.wallet(organization, program))
    plan = driver.grant(100, source=Source.PLAN, days=30)
    driver.grant(500, source=Source.CARD, cost_minor=1_000, cost_currency="EUR")
    driver.grant(40, source=Source.PROMOTION, priority=10, features=frozenset({"report"}), days=3)
    disputed = driver.grant(60, source=Source.CARD, cost_minor=100, cost_currency="EUR", priority=90)
    driver.spend(120)
    driver.spend(15, "other")
    driver.spend(0)
    _live_with_reservations(driver)
    driver.pass_time(days=31)
    driver.freeze(disputed)
    driver.void(plan)
    _live_in_debt(driver)
    driver.grant(5, days=1)
    driver.pass_time(days=2)
    voided = driver.grant(300, source=Source.CARD, cost_minor=300, cost_currency="EUR")
    taken = driver.void(voided, 300)
    driver.reinstate(taken, 300)
    driver.void(voided, 100)
    driver.reserve(20)
    driver.spend(7)
    return driver


def _live_with_reservations(driver: WalletDriver) -> None:
    settled, released, late = driver.reserve(30), driver.reserve(10), driver.reserve(25, seconds=60)
    over_the_end = driver.reserve(50, seconds=86_400)
    part = driver.settle(settled, 20)
    driver.give_back(part.operation, 5)
    driver.release(released)
    driver.pass_time(minutes=2)
    driver.spend(1)
    assert late.state == "open"
    driver.grant(10, days=1, priority=0)
    held = driver.reserve(8, seconds=86_400)
    driver.pass_time(hours=23, minutes=50)
    driver.release(over_the_end)
    driver.pass_time(minutes=9, seconds=59)
    driver.settle(held, 3)


def _live_in_debt(driver: WalletDriver) -> None:
    driver.wallet.refresh_from_db()
    rest = driver.wallet.balance - 60
    reserved = driver.reserve(rest)
    settled = driver.settle(reserved, rest + 80)
    assert settled.debt == 80
    driver.grant(200, source=Source.GOODWILL)
    driver.give_back(settled.operation, 50)
    driver.give_back(settled.operation, 60)
