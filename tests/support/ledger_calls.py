"""A hand at the ledger for tests: every act is a book of its own, at the desk's time, under a key of its own."""

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
class Desk:
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
def busy_acme(*, decimals: int = 0) -> Desk:
    """Alice's organization acme with a life that has every kind of entry in it; see `busy`."""
    return busy(factories.organization(), factories.program(overdraft_limit=200, decimals=decimals))


def busy(organization: Organization, program: Program) -> Desk:
    """Live a life that has every kind of entry in it: what an auditor has to get through without a word.

    Expects a program with an overdraft limit of 100 or more.
    """
    desk = Desk(factories.wallet(organization, program))
    plan = desk.grant(100, source=Source.PLAN, days=30)
    desk.grant(500, source=Source.CARD, cost_minor=1_000, cost_currency="EUR")
    desk.grant(40, source=Source.PROMOTION, priority=10, features=frozenset({"report"}), days=3)
    disputed = desk.grant(60, source=Source.CARD, cost_minor=100, cost_currency="EUR", priority=90)
    desk.spend(120)
    desk.spend(15, "other")
    desk.spend(0)
    _live_with_reservations(desk)
    desk.pass_time(days=31)
    desk.freeze(disputed)
    desk.void(plan)
    _live_in_debt(desk)
    desk.grant(5, days=1)
    desk.pass_time(days=2)
    voided = desk.grant(300, source=Source.CARD, cost_minor=300, cost_currency="EUR")
    taken = desk.void(voided, 300)
    desk.reinstate(taken, 300)
    desk.void(voided, 100)
    desk.reserve(20)
    desk.spend(7)
    return desk


def _live_with_reservations(desk: Desk) -> None:
    settled, released, late = desk.reserve(30), desk.reserve(10), desk.reserve(25, seconds=60)
    over_the_end = desk.reserve(50, seconds=86_400)
    part = desk.settle(settled, 20)
    desk.give_back(part.operation, 5)
    desk.release(released)
    desk.pass_time(minutes=2)
    desk.spend(1)
    assert late.state == "open"
    desk.grant(10, days=1, priority=0)
    held = desk.reserve(8, seconds=86_400)
    desk.pass_time(hours=23, minutes=50)
    desk.release(over_the_end)
    desk.pass_time(minutes=9, seconds=59)
    desk.settle(held, 3)


def _live_in_debt(desk: Desk) -> None:
    desk.wallet.refresh_from_db()
    rest = desk.wallet.balance - 60
    reserved = desk.reserve(rest)
    owing = desk.settle(reserved, rest + 80)
    assert owing.debt == 80
    desk.grant(200, source=Source.GOODWILL)
    desk.give_back(owing.operation, 50)
    desk.give_back(owing.operation, 60)
