"""A wallet in the ledger beside the same wallet in the reference: every act is done on both and compared at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from credits import ledger
from credits.models import Program, Reservation, Source, Wallet
from organizations.models import Organization
from sql.statements import fetch
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.reference.model import Lot, Reference, ReferenceRefused

REFUSALS = (
    ledger.AlreadyVoided,
    ledger.ClockSteppedBack,
    ledger.IdempotencyConflict,
    ledger.InsufficientCredits,
    ledger.ReservationClosed,
    ledger.ReturnTooLarge,
    ledger.UnknownGrant,
    ledger.UnknownReservation,
    ledger.UnknownUsage,
    ValueError,
)
FIGURES = {
    "InsufficientCredits": ("needed", "available", "reserved"),
    "ReturnTooLarge": ("asked", "returnable"),
    "AlreadyVoided": ("asked", "voidable"),
}
_slugs = count()
Do = Callable[[ledger.Book], Any]
Names = dict[str, UUID]


@dataclass
class Act:
    """One verb with its arguments, for the ledger and for the reference. `name`: of what it makes, if anything."""

    twin: "Twin"
    key: str
    on_ledger: Do
    on_reference: Callable[[Reference], Any]


@dataclass
class Twin:
    """One wallet, twice. Things are named by the key of the act that made them."""

    wallet_id: int
    reference: Reference
    grants: Names = field(default_factory=dict)
    holds: Names = field(default_factory=dict)
    usages: Names = field(default_factory=dict)
    voids: Names = field(default_factory=dict)
    asked: list[Callable[[int], Act]] = field(default_factory=list)
    _keys: "count[int]" = field(default_factory=count)

    @classmethod
    def open(cls, program: Program, now: datetime) -> "Twin":
        slug = f"twin-{next(_slugs)}"
        organization = Organization.objects.create(slug=slug, name=slug, country="JP", currency="JPY")
        wallet = Wallet.objects.create(organization=organization, program=program, created_at=now, last_written_at=now)
        reference = Reference(program.overdraft_limit, program.reservation_seconds, now=now, written_at=now)
        reference.low_below = program.low_balance or 0
        return cls(wallet.pk, reference)

    def _remember(self, make: Callable[[str, int], Act]) -> Act:
        """Make an act under a new key; it can be asked again, `more` credits making it another request."""
        key = f"act {next(self._keys)}"
        self.asked.append(lambda more: make(key, more))
        return make(key, 0)

    def _recorded(self, verb: Any, key: str, made: Names, content: Any, **request: Any) -> Do:
        def do(book: ledger.Book) -> Any:
            known = key in self.reference.answers
            answer = verb(
                book,
                wallet_id=self.wallet_id,
                key=key,
                content_hash=ledger.hash_content(content=content),
                cause=ledger.Cause(),
                **request,
            )
            if isinstance(answer, ledger.Reserved):
                made[key] = answer.id
                assert answer.was_replayed == known
                return answer.credits, answer.available_after, answer.expires_at
            recorded = answer.operation if isinstance(answer, ledger.Settled) else answer
            if isinstance(answer, ledger.Settled):
                self._check_settled(answer, request["credits"])
            made[key] = (recorded.subject or recorded.id) if verb is ledger.grant else recorded.id
            assert recorded.was_replayed == known
            return recorded.credits, recorded.balance_after, recorded.number, recorded.available_after

        return do

    @staticmethod
    def _check_settled(settled: ledger.Settled, credits: int) -> None:
        assert settled.charged == -settled.operation.credits
        if not settled.operation.was_replayed:
            assert settled.charged + (settled.uncollected or 0) == credits

    def grant(self, credits: int, *, begins: timedelta, lasts: timedelta | None, **terms: Any) -> Act:
        effective_at = self.reference.now + begins
        expires_at = None if lasts is None else effective_at + lasts

        def make(key: str, more: int) -> Act:
            content = ("grant", credits + more, effective_at, expires_at, terms)
            lot = Lot(
                amount=credits + more,
                priority=terms["priority"],
                effective_at=effective_at,
                expires_at=expires_at,
                cost=terms["cost_minor"],
                features=terms["features"],
                created_at=effective_at,
                serial=0,
            )
            # Never a plan's: the reference tells every fall at once (see test_crossings_lapses).
            source = Source.CARD if terms["cost_minor"] else Source.GOODWILL
            request = {"credits": credits + more, "effective_at": effective_at, "expires_at": expires_at}
            paid = {"cost_currency": "EUR" if terms["cost_minor"] else "", "source": source}
            on_ledger = self._recorded(ledger.grant, key, self.grants, content, **request, **paid, **terms)
            return Act(self, key, on_ledger, lambda reference: reference.grant(key, content, lot))

        return self._remember(make)

    def spend(self, credits: int, feature: str) -> Act:
        def make(key: str, more: int) -> Act:
            content = ("spend", credits + more, feature)
            request = {"credits": credits + more, "feature": feature}
            on_ledger = self._recorded(ledger.spend, key, self.usages, content, **request)
            return Act(self, key, on_ledger, lambda r: r.spend(key, content, credits + more, feature))

        return self._remember(make)

    def reserve(self, credits: int, feature: str, seconds: int | None) -> Act:
        def make(key: str, more: int) -> Act:
            content = ("reserve", credits + more, feature, seconds)
            request = {"credits": credits + more, "feature": feature, "seconds": seconds}
            on_ledger = self._recorded(ledger.reserve, key, self.holds, content, **request)
            return Act(self, key, on_ledger, lambda r: r.reserve(key, content, credits + more, feature, seconds))

        return self._remember(make)

    def settle(self, pick: int, credits: int) -> Act:
        name, hold_id = picked(self.holds, pick)

        def make(key: str, more: int) -> Act:
            content = ("settle", name, credits + more)
            request = {"reservation_id": hold_id, "credits": credits + more}
            on_ledger = self._recorded(ledger.settle, key, self.usages, content, **request)
            return Act(self, key, on_ledger, lambda r: r.settle(key, content, name, credits + more))

        return self._remember(make)

    def give_back(self, pick: int, credits: int) -> Act:
        name, usage_id = picked(self.usages, pick)

        def make(key: str, more: int) -> Act:
            content = ("give back", name, credits + more)
            request = {"usage_id": usage_id, "credits": credits + more}
            on_ledger = self._recorded(ledger.return_usage, key, {}, content, **request)
            return Act(self, key, on_ledger, lambda r: r.give_back(key, content, f"used {name}", credits + more))

        return self._remember(make)

    def void(self, pick: int, credits: int | None, *, rest_as_debt: bool) -> Act:
        name, grant_id = picked(self.grants, pick)

        def make(key: str, more: int) -> Act:
            asked = None if credits is None else credits + more
            content = ("void", name, asked, more, rest_as_debt)
            request = {"grant_id": grant_id, "credits": asked, "rest_as_debt": rest_as_debt}
            on_ledger = self._recorded(ledger.void, key, self.voids, content, **request)
            return Act(self, key, on_ledger, lambda r: r.void(key, content, name, asked, rest_as_debt=rest_as_debt))

        return self._remember(make)

    def reinstate(self, pick: int, credits: int) -> Act:
        name, void_id = picked(self.voids, pick)

        def make(key: str, more: int) -> Act:
            content = ("reinstate", name, credits + more)
            request = {"void_id": void_id, "credits": credits + more}
            on_ledger = self._recorded(ledger.reinstate, key, {}, content, **request)
            return Act(self, key, on_ledger, lambda r: r.give_back(key, content, f"void {name}", credits + more))

        return self._remember(make)

    def release(self, pick: int) -> Act:
        name, hold_id = picked(self.holds, pick)
        return Act(
            self,
            "release",
            lambda book: ledger.release(book, wallet_id=self.wallet_id, reservation_id=hold_id).state,
            lambda reference: reference.release(name),
        )

    def freeze(self, pick: int, *, frozen: bool) -> Act:
        name, grant_id = picked(self.grants, pick)
        verb = ledger.freeze if frozen else ledger.thaw
        return Act(
            self,
            "freeze",
            lambda book: verb(book, wallet_id=self.wallet_id, grant_id=grant_id),
            lambda reference: reference.freeze(name, frozen=frozen),
        )

    def ask_again(self, pick: int, more: int) -> Act:
        return self.asked[pick % len(self.asked)](more) if self.asked else self.spend(0, "chat")

    def instants(self) -> list[datetime]:
        """Return the instants still to come at which something begins, expires or times out."""
        lots = self.reference.lots.values()
        held = [hold.until for hold in self.reference.holds.values() if hold.state == "open"]
        known = [lot.effective_at for lot in lots] + [lot.expires_at for lot in lots if lot.expires_at] + held
        return sorted(instant for instant in known if instant > self.reference.now)

    def snapshot(self) -> tuple[Reference, Names, Names, Names, Names]:
        return self.reference.copy(), dict(self.grants), dict(self.holds), dict(self.usages), dict(self.voids)

    def check_end(self) -> None:
        """Compare what is not compared after every step, and check the rows against each other."""
        states = dict(Reservation.objects.filter(wallet_id=self.wallet_id).values_list("id", "state"))
        assert states == {self.holds[name]: hold.state for name, hold in self.reference.holds.items()}
        check_wallet(self.wallet_id)


def picked(names: Names, pick: int) -> tuple[str, UUID]:
    """Return one of the things by number, the latest for 0, or something unknown if there are none."""
    if not names:
        return "nothing", uuid4()
    name = list(names)[-1 - pick % len(names)]
    return name, names[name]


def perform(twins: Sequence[Twin], acts: Sequence[Act], *, clock: datetime, is_caught: bool) -> None:
    """Do the acts in one book, on the ledger and on the reference, and compare outcomes and what is left.

    is_caught: a refused act is caught inside the book, which goes on and is written; otherwise the book is abandoned.
    """
    touched = list({act.twin.wallet_id: act.twin for act in acts}.values())
    before = [twin.snapshot() for twin in touched]
    keys = [(act.twin.wallet_id, act.key) for act in acts]
    expected = _outcome(lambda: _wake(touched, clock))
    refused: Exception | None = None
    try:
        with ledger.open_book(keys=keys, now=clock, reservations="by key") as book:
            assert expected is None
            for act in acts:
                refused = _both(act, book)
                if refused and not is_caught:
                    raise refused
            for twin in touched:
                state = book.wallet(twin.wallet_id)
                assert (state.available, state.now) == (twin.reference.available, twin.reference.now)
                twin.reference.leave()
    except REFUSALS as refusal:
        if refusal is not refused and expected != (type(refusal).__name__,):
            raise
        for twin, snapshot in zip(touched, before, strict=True):
            twin.reference, twin.grants, twin.holds, twin.usages, twin.voids = snapshot
    compare(twins)


def _wake(twins: Sequence[Twin], clock: datetime) -> None:
    for twin in twins:
        twin.reference.wake(clock)


def _both(act: Act, book: ledger.Book) -> Exception | None:
    """Do an act on both and compare; return the refusal if it was refused."""
    refused: Exception | None = None
    try:
        actual = act.on_ledger(book)
    except REFUSALS as refusal:
        refused = refusal
        kind = type(refusal).__name__
        actual = (kind, *[getattr(refusal, name) for name in FIGURES.get(kind, ())])
    assert actual == _outcome(lambda: act.on_reference(act.twin.reference))
    return refused


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ReferenceRefused as refused:
        return refused.kind, *refused.figures


def compare(twins: Sequence[Twin]) -> None:
    """Compare the wallets and grants in the database with the references."""
    ids = [twin.wallet_id for twin in twins]
    wallets = fetch(
        """
        SELECT id, balance, debt, reserved, last_number, last_written_at, low_since, depleted_since
        FROM credits_wallet WHERE id = ANY(%s)
        """,
        [ids],
    )
    grants = fetch(
        "SELECT id, remaining, reserved, frozen_at IS NOT NULL FROM credits_grant WHERE wallet_id = ANY(%s)", [ids]
    )
    references = [(twin.wallet_id, twin.reference) for twin in twins]
    assert sorted(wallets) == sorted(
        (i, r.balance, r.debt, r.reserved, r.number, r.written_at, *r.marks) for i, r in references
    )
    assert sorted(grants) == sorted(
        (twin.grants[name], lot.places["free"] + lot.held, lot.held, lot.is_frozen)
        for twin in twins
        for name, lot in twin.reference.lots.items()
    )


def programs() -> list[Program]:
    """Return the terms that twins live under: without debt, with a little, and with much of it."""
    return [
        factories.program(f"overdraft-{limit}", overdraft_limit=limit, reservation_seconds=300, low_balance=low)
        for limit, low in ((0, 5), (7, None), (40, 15))
    ]
