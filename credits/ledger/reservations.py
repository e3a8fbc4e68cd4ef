"""Reservations: credits set aside before the work, settled, released or timed out after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from credits import burndown
from credits.ledger import rows
from credits.ledger.book import Book
from credits.ledger.requests import Cause, IdempotencyConflict, check_credits
from credits.ledger.spends import plan_draws
from credits.ledger.state import HeldReservation, OperationState, Recorded, WalletState
from credits.models import EntryKind, ReservationState, new_id

MAX_RESERVATION_SECONDS = 86_400


class UnknownReservation(LookupError):
    """No such reservation in this wallet."""


class ReservationClosed(Exception):
    """The reservation was settled, released or timed out before. `state` says which."""

    def __init__(self, state: str) -> None:
        super().__init__(f"The reservation is {state}.")
        self.state = state


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation. Credits in smallest units; `available_after`: what could be spent once it was made."""

    id: UUID
    wallet_id: int
    state: str
    credits: int
    available_after: int
    created_at: datetime
    expires_at: datetime
    was_replayed: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling did, in smallest units: `charged` from grants and as debt (`debt` of it), `uncollected` not at all.

    On a replay `debt` and `uncollected` are None: read the usage event.
    """

    operation: Recorded
    charged: int
    debt: int | None
    uncollected: int | None


def _answer(reservation: HeldReservation, *, was_replayed: bool) -> Reserved:
    return Reserved(
        id=reservation.id,
        wallet_id=reservation.wallet_id,
        state=reservation.state,
        credits=reservation.credits,
        available_after=reservation.available_after,
        created_at=reservation.created_at,
        expires_at=reservation.expires_at,
        was_replayed=was_replayed,
    )


def reserve(
    book: Book,
    *,
    wallet_id: int,
    credits: int,
    feature: str,
    key: str,
    content_hash: bytes,
    cause: Cause,
    seconds: int | None = None,
) -> Reserved:
    """Set credits (smallest units) aside from the grants that a spend would take: all of them, or none.

    seconds: until it times out, 1 to 86,400; None: the program's default. The book must have been opened with
    reservations="by key". A replay returns the reservation as it is now and reserves nothing.

    Raises InsufficientCredits, IdempotencyConflict, UnknownWallet, and ValueError for an amount or a time out of
    bounds.
    """
    wallet = book.wallet(wallet_id)
    earlier = book.replayed_reservation(wallet_id, key, content_hash)
    if earlier is not None:
        return _answer(earlier, was_replayed=True)
    check_credits(credits)
    lasting = wallet.reservation_seconds if seconds is None else seconds
    if not 1 <= lasting <= MAX_RESERVATION_SECONDS:
        message = f"A reservation lasts 1 to {MAX_RESERVATION_SECONDS} seconds, not {lasting}."
        raise ValueError(message)
    draws = plan_draws(wallet, credits=credits, feature=feature)
    for grant, held in draws:
        grant.reserved += held
        grant.is_changed = True
    wallet.reserved += credits
    wallet.drew(credits)
    reservation = HeldReservation(
        id=new_id(),
        wallet_id=wallet_id,
        idempotency_key=key,
        content_hash=content_hash,
        state=ReservationState.OPEN.value,
        credits=credits,
        available_after=wallet.available,
        feature=feature,
        actor_id=cause.actor_id,
        actor_label=cause.actor_label,
        resource=cause.resource,
        created_at=wallet.now,
        expires_at=wallet.now + timedelta(seconds=lasting),
        grant_ids=[grant.id for grant, _ in draws],
        amounts=[held for _, held in draws],
    )
    book.add_reservation(reservation)
    return _answer(reservation, was_replayed=False)


def settle(
    book: Book, *, wallet_id: int, reservation_id: UUID, credits: int, key: str, content_hash: bytes, cause: Cause
) -> Settled:
    """End a reservation with what the work cost (smallest units, 0 or more).

    Takes from what was set aside first and returns the rest; what the work cost beyond that is drawn from the balance,
    then becomes debt up to the program's overdraft limit, then stays uncollected. A grant that has expired since still
    pays what was set aside from it; what goes back to it expires at once. A reservation is settled once: a replay
    returns what the first call recorded and takes nothing; other content raises IdempotencyConflict.

    Raises UnknownReservation, ReservationClosed (released or timed out), IdempotencyConflict, UnknownWallet, and
    ValueError for an amount out of bounds.
    """
    wallet = book.wallet(wallet_id)
    replayed = book.replay(wallet_id, key, content_hash)
    if replayed is not None:
        return Settled(operation=replayed, charged=-replayed.credits, debt=None, uncollected=None)
    reservation = _open_reservation(book, wallet_id, reservation_id)
    if credits:
        check_credits(credits)
    operation = book.begin(wallet, EntryKind.USAGE, key=key, content_hash=content_hash, cause=cause)
    missing = _take_reserved(book, wallet, operation, reservation, credits)
    _close(wallet, reservation, ReservationState.SETTLED)
    reservation.operation_id = operation.id
    debt, uncollected = _take_beyond(book, wallet, operation, missing, reservation.feature)
    recorded = book.finish(wallet, operation, tidy=True)
    return Settled(operation=recorded, charged=credits - uncollected, debt=debt, uncollected=uncollected)


def _take_reserved(
    book: Book, wallet: WalletState, operation: OperationState, reservation: HeldReservation, credits: int
) -> int:
    """Take up to `credits` from what was set aside and free the rest; return what is still missing."""
    for grant_id, held in reservation.draws:
        grant = wallet.grants[grant_id]
        taken = min(held, credits)
        grant.reserved -= held
        grant.is_changed = True
        wallet.reserved -= held
        credits -= taken
        if taken:
            book.move(wallet, operation, EntryKind.USAGE, -taken, grant)
    return credits


def _take_beyond(
    book: Book, wallet: WalletState, operation: OperationState, credits: int, feature: str
) -> tuple[int, int]:
    """Take what a settlement needs beyond its reservation; return what became debt and what stays uncollected."""
    if not wallet.debt:
        draws, credits = burndown.draw(wallet.ordered(), credits=credits, feature=feature)
        for grant, taken in draws:
            book.move(wallet, operation, EntryKind.USAGE, -taken, grant)
        wallet.reorder()
    debt = min(credits, max(0, wallet.overdraft_limit - wallet.debt))
    if debt:
        book.move(wallet, operation, EntryKind.DEBT, -debt, None)
    return debt, credits - debt


def release(book: Book, *, wallet_id: int, reservation_id: UUID) -> Reserved:
    """End a reservation without a charge: all of it goes back to its grants, and expires with those that have expired.

    A replay, also after the time-out, returns the reservation as it is now and does nothing.
    Raises UnknownReservation, ReservationClosed (it was settled), UnknownWallet.
    """
    wallet = book.wallet(wallet_id)
    reservation = _loaded(book, wallet_id, reservation_id)
    if reservation.state == ReservationState.SETTLED.value:
        raise ReservationClosed(reservation.state)
    was_closed = reservation.state != ReservationState.OPEN.value
    if not was_closed:
        _give_back(book, wallet, reservation, ReservationState.RELEASED)
    return _answer(reservation, was_replayed=was_closed)


def time_out(book: Book, wallets: Sequence[WalletState]) -> None:
    """Release the reservations that have timed out, each by its wallet's clock."""
    overdue = rows.read_overdue([wallet.id for wallet in wallets], max(wallet.now for wallet in wallets))
    book.load_reservations(r.id for r in overdue)
    for row in overdue:
        wallet, reservation = book.wallet(row.wallet_id), book.reservation(row.id)
        if reservation is not None and reservation.expires_at <= wallet.now:
            _give_back(book, wallet, reservation, ReservationState.TIMED_OUT)
            book.timed_out += 1


def _loaded(book: Book, wallet_id: int, reservation_id: UUID) -> HeldReservation:
    book.load_reservations([reservation_id])
    reservation = book.reservation(reservation_id)
    if reservation is None or reservation.wallet_id != wallet_id:
        raise UnknownReservation(reservation_id)
    return reservation


def _open_reservation(book: Book, wallet_id: int, reservation_id: UUID) -> HeldReservation:
    reservation = _loaded(book, wallet_id, reservation_id)
    if reservation.state == ReservationState.SETTLED.value:
        # Its key is the reservation's own, so a settlement that is no replay differs in content.
        raise IdempotencyConflict(f"settle:{reservation_id}")
    if reservation.state != ReservationState.OPEN.value:
        raise ReservationClosed(reservation.state)
    return reservation


def _close(wallet: WalletState, reservation: HeldReservation, state: ReservationState) -> None:
    reservation.state = state.value
    reservation.closed_at = wallet.now
    reservation.is_changed = True
    wallet.is_changed = True
    wallet.reorder()


def _give_back(book: Book, wallet: WalletState, reservation: HeldReservation, state: ReservationState) -> None:
    for grant_id, held in reservation.draws:
        grant = wallet.grants[grant_id]
        grant.reserved -= held
        grant.is_changed = True
        wallet.reserved -= held
    _close(wallet, reservation, state)
    book.tidy(wallet)
