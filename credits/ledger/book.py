"""The book: locked wallets, what they hold, and the operations made on them until they are written.

Verbs are in `spends`, `grants` and `reservations`, the lock in `opening`, SQL in `rows`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from credits.ledger import rows
from credits.ledger.requests import NO_CAUSE, OWN_KEYS, Cause, IdempotencyConflict, check_key, hash_content
from credits.ledger.state import (
    EntryState,
    GrantState,
    HeldReservation,
    OperationState,
    Recorded,
    TakenLine,
    WalletState,
)
from credits.ledger.writing import write_all
from credits.models import EntryKind, new_id


class UnknownWallet(LookupError):
    """No such wallet."""


@dataclass(slots=True)
class Book:
    """Locked wallets and the operations made on them. Made by `open_book` alone.

    `reservations_by_key` is filled where the book was opened with reservations="by key". `expired` and `timed_out`
    count the grants and reservations that were closed because their time is over, `changed` the wallets whose
    thresholds changed.
    """

    wallets: dict[int, WalletState]
    _keys: set[tuple[int, str]]
    _recorded: dict[tuple[int, str], Recorded]
    reservations_by_key: dict[tuple[int, str], HeldReservation] = field(default_factory=dict)
    # Whether earlier reservations were read by their keys.
    knows_reservations: bool = False
    expired: int = 0
    timed_out: int = 0
    changed: int = 0
    _reservations: dict[UUID, HeldReservation] = field(default_factory=dict)
    _operations: list[OperationState] = field(default_factory=list)
    _taken: dict[UUID, list[TakenLine]] = field(default_factory=dict)
    _writes_too: list[Callable[[], None]] = field(default_factory=list)

    def wallet(self, wallet_id: int) -> WalletState:
        """Return a locked wallet. Raises UnknownWallet."""
        try:
            return self.wallets[wallet_id]
        except KeyError:
            raise UnknownWallet(wallet_id) from None

    def replay(self, wallet_id: int, key: str, content_hash: bytes) -> Recorded | None:
        """Return what was recorded under this key, earlier or in this book, or None if it is new.

        Raises IdempotencyConflict where the content differs, and (defects of the caller) LookupError where the book
        was opened without this key, ValueError where the key is empty, too long or one of the ledger's own.
        """
        check_key(key)
        if (wallet_id, key) not in self._keys:
            message = f"The book was not opened for the key “{key}”."
            raise LookupError(message)
        recorded = self._recorded.get((wallet_id, key))
        if recorded is not None and recorded.content_hash != content_hash:
            raise IdempotencyConflict(key)
        return None if recorded is None else recorded._replace(was_replayed=True)

    def begin(
        self,
        wallet: WalletState,
        kind: EntryKind,
        *,
        key: str,
        content_hash: bytes,
        cause: Cause = NO_CAUSE,
        subject: UUID | None = None,
        source: str = "",
    ) -> OperationState:
        """Start an operation; `finish` ends it."""
        return OperationState(
            id=new_id(),
            wallet_id=wallet.id,
            kind=kind.value,
            source=source,
            idempotency_key=key,
            content_hash=content_hash,
            first_number=wallet.last_number + 1,
            occurred_at=cause.occurred_at or wallet.now,
            written_at=wallet.now,
            actor_id=cause.actor_id,
            actor_label=cause.actor_label,
            feature=cause.feature,
            resource=cause.resource,
            memo=cause.memo,
            subject=subject,
        )

    def move(
        self, wallet: WalletState, operation: OperationState, kind: EntryKind, amount: int, grant: GrantState | None
    ) -> None:
        """Make one entry: `amount` (signed) into or out of a grant, or, without one, out of or into debt."""
        if grant is None:
            wallet.debt -= amount
        else:
            grant.remaining += amount
            grant.is_changed = True
        wallet.balance += amount
        wallet.last_number += 1
        wallet.is_changed = True
        operation.entries.append(
            EntryState(
                wallet_id=wallet.id,
                number=wallet.last_number,
                operation_id=operation.id,
                grant_id=grant.id if grant else None,
                kind=kind.value,
                amount=amount,
                balance_after=wallet.balance,
                occurred_at=operation.occurred_at,
                written_at=operation.written_at,
            )
        )

    def finish(self, wallet: WalletState, operation: OperationState, *, tidy: bool = False) -> Recorded:
        """End an operation and return it as its replays will.

        tidy: the operation made credits free; what has expired of them expires, and debt is repaid from them, before
        `available_after` is read.
        """
        operation.credits = sum(entry.amount for entry in operation.entries)
        operation.number = wallet.last_number
        operation.balance_after = wallet.balance
        wallet.is_changed = True
        self._operations.append(operation)
        if tidy:
            wallet.reorder()
            self.tidy(wallet)
        operation.available_after = wallet.available
        recorded = operation.recorded()
        self._recorded[wallet.id, operation.idempotency_key] = recorded
        return recorded

    def tidy(self, wallet: WalletState) -> None:
        """Bring the wallet up to date: expire what has expired, then repay debt from what can be spent."""
        for grant in list(wallet.grants.values()):
            if grant.free > 0 and grant.is_expired(at=wallet.now):
                self._expire(wallet, grant)
        if wallet.debt:
            self._repay(wallet)

    def _expire(self, wallet: WalletState, grant: GrantState) -> None:
        operation = self._own_operation(wallet, EntryKind.EXPIRY, subject=grant.id)
        self.move(wallet, operation, EntryKind.EXPIRY, -grant.free, grant)
        self.expired += 1
        wallet.reorder()
        self.finish(wallet, operation)

    def _repay(self, wallet: WalletState) -> None:
        payers = list(wallet.ordered())
        if not payers:
            return
        operation = self._own_operation(wallet, EntryKind.REPAYMENT)
        for grant in payers:
            paid = min(grant.free, wallet.debt)
            if paid == 0:
                break
            self.move(wallet, operation, EntryKind.REPAYMENT, -paid, grant)
            self.move(wallet, operation, EntryKind.REPAYMENT, paid, None)
        wallet.reorder()
        self.finish(wallet, operation)

    def _own_operation(self, wallet: WalletState, kind: EntryKind, subject: UUID | None = None) -> OperationState:
        """Start an operation that the ledger makes by itself; its key is the running number, which comes once."""
        key = f"{OWN_KEYS}{kind.value}:{wallet.last_number + 1}"
        return self.begin(
            wallet,
            kind,
            key=key,
            content_hash=hash_content(key=key),
            cause=Cause(actor_label="Drawdown"),
            subject=subject,
        )

    def load_grants(self, grant_ids: Iterable[UUID]) -> None:
        """Bring grants that are used up into the book, because credits are about to go back to them."""
        missing = {grant_id for grant_id in grant_ids if all(grant_id not in w.grants for w in self.wallets.values())}
        if missing:
            for grant in rows.read_grants(missing):
                if grant.wallet_id in self.wallets:
                    self.wallets[grant.wallet_id].grants[grant.id] = grant

    def load_reservations(self, reservation_ids: Iterable[UUID]) -> None:
        """Bring reservations, and the grants that they drew from, into the book, in two statements for any number."""
        missing = [reservation_id for reservation_id in reservation_ids if reservation_id not in self._reservations]
        if missing:
            mine = [r for r in rows.read_reservations(missing) if r.wallet_id in self.wallets]
            self._reservations.update({r.id: r for r in mine})
            self.load_grants(grant_id for r in mine if r.state == "open" for grant_id in r.grant_ids)

    def reservation(self, reservation_id: UUID) -> HeldReservation | None:
        """Return a loaded reservation of a locked wallet, or None."""
        return self._reservations.get(reservation_id)

    def replayed_reservation(self, wallet_id: int, key: str, content_hash: bytes) -> HeldReservation | None:
        """Return the reservation made under this key, or None. Raises as `replay` does."""
        self.replay(wallet_id, key, content_hash)
        if not self.knows_reservations:
            message = 'The book was not opened with reservations="by key".'
            raise LookupError(message)
        reservation = self.reservations_by_key.get((wallet_id, key))
        if reservation is not None and reservation.content_hash != content_hash:
            raise IdempotencyConflict(key)
        return reservation

    def add_reservation(self, reservation: HeldReservation) -> None:
        """Keep a new reservation."""
        reservation.is_new = True
        self._reservations[reservation.id] = reservation
        self.reservations_by_key[reservation.wallet_id, reservation.idempotency_key] = reservation
        self.wallets[reservation.wallet_id].is_changed = True

    def load_taken(self, operation_ids: Iterable[UUID]) -> None:
        """Bring usages and voids into the book: what they took from which grant, less what was returned."""
        missing = [operation_id for operation_id in operation_ids if operation_id not in self._taken]
        if missing:
            for line in rows.read_taken(missing):
                self._taken.setdefault(line.operation_id, []).append(line)
            self.load_grants(line.grant_id for lines in self._taken.values() for line in lines if line.grant_id)

    def taken(self, operation_id: UUID) -> list[TakenLine] | None:
        """Return what a loaded usage or void took, or None."""
        return self._taken.get(operation_id)

    def set_taken(self, operation_id: UUID, lines: list[TakenLine]) -> None:
        """Record what is left of a usage or void after a return."""
        self._taken[operation_id] = lines

    def repayments(self, wallet: WalletState) -> list[tuple[UUID, int]]:
        """Return what each grant has repaid of the wallet's debt, net, in this book too, the latest repayer first."""
        repaid = dict(reversed(rows.read_repayments(wallet.id)))
        for entry in self._entries(wallet, EntryKind.REPAYMENT):
            if entry.grant_id is not None:
                repaid[entry.grant_id] = repaid.pop(entry.grant_id, 0) - entry.amount
        return list(reversed(repaid.items()))

    def voided(self, wallet: WalletState, grant_id: UUID) -> int:
        """Return what was voided of a grant and not reinstated, debt included, in smallest units.

        Voids of this book count. Reinstatements count once they are written, so the answer is never too low.
        """
        here = [o for o in self._operations if o.kind == EntryKind.VOID.value and o.subject == grant_id]
        return rows.read_voided(grant_id, wallet.id) - sum(operation.credits for operation in here)

    def expired_of(self, wallet: WalletState, grant_id: UUID) -> int:
        """Return what has expired of a grant, in smallest units."""
        here = [o for o in self._operations if o.kind == EntryKind.EXPIRY.value and o.subject == grant_id]
        return rows.read_expired(grant_id, wallet.id) - sum(operation.credits for operation in here)

    def drew_on(self, wallet: WalletState) -> bool:
        """Say whether this book did anything to a wallet other than bring credits in."""
        operations = (operation for operation in self._operations if operation.wallet_id == wallet.id)
        changed = (grant.is_changed and not grant.is_new for grant in wallet.grants.values())
        return any(operation.kind != EntryKind.GRANT.value for operation in operations) or any(changed)

    def _entries(self, wallet: WalletState, kind: EntryKind) -> Iterable[EntryState]:
        own = (operation for operation in self._operations if operation.wallet_id == wallet.id)
        return (entry for operation in own for entry in operation.entries if entry.kind == kind.value)

    def write_too(self, write: Callable[[], None]) -> None:
        """Have `write` send its statements with the book's own, in the same transaction and round trip."""
        self._writes_too.append(write)

    def write(self) -> None:
        """Write everything that the verbs did: one statement per table, all in one round trip."""
        write_all(self.wallets.values(), self._operations, self._reservations.values(), self._writes_too)
