"""The locked rows in memory: plain values that the verbs decide on and change.

Nothing here reads or writes the database: `rows` does both. What a constructor takes are the columns of the row (see
`sql.rows`); fields with `init=False` are the book's own.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID

from credits import burndown
from credits.models import Source


@dataclass(slots=True, eq=False)
class GrantState:
    """A locked grant. Amounts in smallest units."""

    id: UUID
    wallet_id: int
    source: str
    amount: int
    remaining: int
    reserved: int
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    cost_minor: int
    cost_currency: str
    features: Collection[str] | None
    frozen_at: datetime | None
    created_at: datetime
    is_new: bool = field(default=False, init=False)
    is_changed: bool = field(default=False, init=False)

    @property
    def is_free(self) -> bool:
        return self.cost_minor == 0

    @property
    def is_allowance(self) -> bool:
        """Whether a plan gave it. Allowances of invoiced customers may be bank transfers that cost nothing."""
        is_plans = self.source == Source.PLAN or (self.source == Source.BANK_TRANSFER and self.is_free)
        return is_plans and self.expires_at is not None

    @property
    def is_frozen(self) -> bool:
        return self.frozen_at is not None

    @property
    def free(self) -> int:
        return self.remaining - self.reserved

    def is_expired(self, *, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


@dataclass(slots=True, eq=False)
class WalletState:
    """A locked wallet with its open grants.

    `now`: when it was last written to, and, once the book is open, the clock that was read after the lock; it never
    runs backwards within a wallet. `low_below`: below this the balance is low (0: never). `low_since`,
    `depleted_since`: since when it is known to be low, or depleted.
    """

    id: int
    organization_id: int
    balance: int
    reserved: int
    debt: int
    last_number: int
    overdraft_limit: int
    reservation_seconds: int
    now: datetime
    recharging_until: datetime | None
    watched_below: int | None
    low_below: int
    low_since: datetime | None
    depleted_since: datetime | None
    # Whether the program turns AI off in all services when nothing is left.
    ai_off_at_zero: bool
    # Whether this book was asked for more than there is.
    was_short: bool = field(default=False, init=False)
    # Whether this book added new credits, as opposed to returning some.
    topped_up: bool = field(default=False, init=False)
    # Whether the wallet was in an allowance gap as the book was opened; None: not read yet.
    awaits_allowance: bool | None = field(default=None, init=False)
    grants: dict[UUID, GrantState] = field(default_factory=dict, init=False)
    is_changed: bool = field(default=False, init=False)
    # The spendable grants in burn-down order; None: to be sorted again.
    _ordered: list[GrantState] | None = field(default=None, init=False)
    _available: int = field(default=0, init=False)

    def ordered(self) -> list[GrantState]:
        """Return the grants that can be spent now, in burn-down order."""
        if self._ordered is None:
            self._ordered = burndown.in_order(self.grants.values(), at=self.now)
            self._available = sum(grant.free for grant in self._ordered)
        return self._ordered

    def reorder(self) -> None:
        """Have the grants sorted again: one was added, frozen or thawed, or credits became free."""
        self._ordered = None

    def drew(self, credits: int) -> None:
        """Count `credits` as taken from spendable grants, and drop the first ones that are used up."""
        self._available -= credits
        ordered = self.ordered()
        used_up = 0
        for grant in ordered:
            if grant.free > 0:
                break
            used_up += 1
        if used_up:
            del ordered[:used_up]

    @property
    def recharging_seconds(self) -> int:
        """How long an auto-recharge under way may still take, in whole seconds; 0: none is."""
        if self.recharging_until is None or self.recharging_until <= self.now:
            return 0
        return ceil((self.recharging_until - self.now).total_seconds())

    @property
    def available(self) -> int:
        """What can be spent now, in smallest units, from all grants; nothing while there is debt."""
        self.ordered()
        return 0 if self.debt else self._available

    @property
    def left(self) -> int:
        """What can be spent now or may come back from reservations, in smallest units."""
        return self.available + self.reserved

    def was_topped_up_since(self, instant: datetime) -> bool:
        """Return whether credits were added after an instant: given by this book, or spendable only since then."""
        return self.topped_up or any(max(g.effective_at, g.created_at) > instant for g in self.ordered())


@dataclass(slots=True)
class EntryState:
    """An entry to be written. `grant_id` None: into or out of debt."""

    wallet_id: int
    number: int
    operation_id: UUID
    grant_id: UUID | None
    kind: str
    amount: int
    balance_after: int
    occurred_at: datetime
    written_at: datetime


class Recorded(NamedTuple):
    """An operation as the ledger has it. Credits in smallest units; `credits` is signed.

    `subject`: what it acts upon, such as the grant that it gave. `was_replayed`: an earlier call wrote it, and this one
    wrote nothing.
    """

    id: UUID
    wallet_id: int
    kind: str
    content_hash: bytes
    credits: int
    first_number: int
    number: int
    balance_after: int
    available_after: int
    occurred_at: datetime
    written_at: datetime
    idempotency_key: str
    subject: UUID | None
    was_replayed: bool


@dataclass(slots=True)
class OperationState:
    """An operation of this book, with its entries."""

    id: UUID
    wallet_id: int
    kind: str
    idempotency_key: str
    content_hash: bytes
    first_number: int
    occurred_at: datetime
    written_at: datetime
    source: str = ""
    actor_id: int | None = None
    actor_label: str = ""
    feature: str = ""
    resource: dict[str, Any] | None = None
    memo: str = ""
    subject: UUID | None = None
    credits: int = 0
    number: int = 0
    balance_after: int = 0
    available_after: int = 0
    entries: list[EntryState] = field(default_factory=list, init=False)

    def recorded(self) -> Recorded:
        """Return it as its replays will, but for `was_replayed`."""
        return Recorded(
            id=self.id,
            wallet_id=self.wallet_id,
            kind=self.kind,
            content_hash=self.content_hash,
            credits=self.credits,
            first_number=self.first_number,
            number=self.number,
            balance_after=self.balance_after,
            available_after=self.available_after,
            occurred_at=self.occurred_at,
            written_at=self.written_at,
            idempotency_key=self.idempotency_key,
            subject=self.subject,
            was_replayed=False,
        )


class TakenLine(NamedTuple):
    """What a usage or void took from one grant (None: what became debt), less what was returned since."""

    operation_id: UUID
    wallet_id: int
    kind: str
    grant_id: UUID | None
    credits: int


@dataclass(slots=True)
class HeldReservation:
    """A reservation of this book. It drew `amounts` from the grants `grant_ids`, in burn-down order."""

    id: UUID
    wallet_id: int
    idempotency_key: str
    content_hash: bytes
    state: str
    credits: int
    available_after: int
    feature: str
    actor_id: int | None
    actor_label: str
    resource: dict[str, Any] | None
    created_at: datetime
    expires_at: datetime
    grant_ids: list[UUID]
    amounts: list[int]
    closed_at: datetime | None = None
    operation_id: UUID | None = None
    is_new: bool = field(default=False, init=False)
    is_changed: bool = field(default=False, init=False)

    @property
    def draws(self) -> list[tuple[UUID, int]]:
        """Each grant and what was drawn from it, in smallest units."""
        return list(zip(self.grant_ids, self.amounts, strict=True))
