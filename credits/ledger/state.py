"""What a book knows of the locked rows: plain values that the verbs decide on and change in memory.

Nothing here reads or writes the database; `book` loads these and `rows` writes them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any
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
    features: frozenset[str] | None
    frozen_at: datetime | None
    created_at: datetime
    is_new: bool = False
    is_changed: bool = False

    @property
    def is_free(self) -> bool:
        return self.cost_minor == 0

    @property
    def is_allowance(self) -> bool:
        """Whether a plan brought it. Invoiced customers' allowances may come in as bank transfers that cost nothing."""
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
    """A locked wallet with its open grants. `now` is read after the lock and never runs backwards within a wallet."""

    id: int
    organization_id: int
    balance: int
    reserved: int
    debt: int
    last_number: int
    overdraft_limit: int
    reservation_seconds: int
    now: datetime
    recharging_until: datetime | None = None
    watched_below: int | None = None
    # Below this the balance is low (0: never), and since when it is known to be low, or at its end.
    low_below: int = 0
    low_since: datetime | None = None
    depleted_since: datetime | None = None
    # Whether this book brought credits in, rather than back.
    topped_up: bool = False
    # Whether the wallet's allowance had just lapsed as the book was opened; None: not looked up.
    awaits_allowance: bool | None = None
    grants: dict[UUID, GrantState] = field(default_factory=dict)
    is_changed: bool = False
    # The spendable grants, first to be used first; made anew when something became free again.
    _ordered: list[GrantState] | None = None
    _available: int = 0

    def ordered(self) -> list[GrantState]:
        """Return the grants that can be spent now, in burn-down order."""
        if self._ordered is None:
            self._ordered = burndown.in_order(self.grants.values(), at=self.now)
            self._available = sum(grant.free for grant in self._ordered)
        return self._ordered

    def reorder(self) -> None:
        """Forget the order: a grant was added, or something became free or frozen."""
        self._ordered = None

    def drew(self, credits: int) -> None:
        """Note that `credits` were taken from spendable grants, and drop the first ones that are used up."""
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
        """For how long credits may still be on their way, in whole seconds; 0: none are."""
        if self.recharging_until is None or self.recharging_until <= self.now:
            return 0
        return ceil((self.recharging_until - self.now).total_seconds())

    @property
    def available(self) -> int:
        """What can be spent now, in smallest units, over all grants; nothing while there is debt."""
        self.ordered()
        return 0 if self.debt else self._available

    @property
    def left(self) -> int:
        """What can be spent now or may come back from reservations, in smallest units."""
        return self.available + self.reserved

    def was_topped_up_since(self, mark: datetime) -> bool:
        """Say whether credits came in after an instant: given by this book, or spendable only since then."""
        return self.topped_up or any(max(g.effective_at, g.created_at) > mark for g in self.ordered())


@dataclass(slots=True)
class EntryState:
    """A line to be written."""

    number: int
    grant_id: UUID | None
    kind: str
    amount: int
    balance_after: int


@dataclass(slots=True)
class OperationState:
    """An operation of this book, with its lines."""

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
    entries: list[EntryState] = field(default_factory=list)


@dataclass(slots=True)
class ReservationState:
    """A reservation of this book. `draws`: grant and amount, in burn-down order."""

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
    draws: list[tuple[UUID, int]]
    closed_at: datetime | None = None
    operation_id: UUID | None = None
    is_new: bool = False
    is_changed: bool = False
