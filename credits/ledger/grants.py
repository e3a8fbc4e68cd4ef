"""Giving credits, and voiding, freezing and thawing them."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from credits.ledger.book import Book
from credits.ledger.requests import Cause, check_credits, check_room
from credits.ledger.spends import give_back
from credits.ledger.state import GrantState, Recorded, WalletState
from credits.models import EntryKind, Program, Source, Wallet, new_id
from organizations.models import Organization

MAX_PRIORITY = 100


class UnknownGrant(LookupError):
    """No such grant in this wallet."""


class AlreadyVoided(Exception):
    """More would be voided than the grant's amount less what was voided before (smallest units)."""

    def __init__(self, *, asked: int, voidable: int) -> None:
        super().__init__(f"{asked} asked, {voidable} voidable")
        self.asked = asked
        self.voidable = voidable


def open_wallet(*, organization: Organization, program: Program, now: datetime | None = None) -> Wallet:
    """Give the organization an empty wallet under a program, or return the one that it has.

    A second call changes nothing, also not the program.
    """
    with transaction.atomic():
        instant = now or timezone.now()
        wallet, _ = Wallet.objects.get_or_create(
            organization=organization,
            defaults={"program": program, "created_at": instant, "last_written_at": instant},
        )
    return wallet


def grant(
    book: Book,
    *,
    wallet_id: int,
    credits: int,
    source: Source,
    key: str,
    content_hash: bytes,
    cause: Cause,
    effective_at: datetime | None = None,
    expires_at: datetime | None = None,
    priority: int = 50,
    cost_minor: int = 0,
    cost_currency: str = "",
    features: frozenset[str] | None = None,
) -> Recorded:
    """Give a block of credits (smallest units). `subject` of the answer is the grant's id.

    effective_at: from when it can be spent (now if None); expires_at: until when, exclusive (never if None).
    priority: 0 to 100, lower is used first. cost_minor: what was paid, in the currency's minor unit. features: the
    only features that it pays for, or None for all. Debt is repaid from it at once. A replay gives nothing.

    Raises IdempotencyConflict, UnknownWallet, WalletFull, ValueError for an amount, a period or terms that make no
    sense.
    """
    wallet = book.wallet(wallet_id)
    replayed = book.replay(wallet_id, key, content_hash)
    if replayed is not None:
        return replayed
    check_credits(credits)
    check_room(wallet, credits)
    _check_terms(priority, cost_minor, cost_currency, features)
    begins = effective_at or wallet.now
    if begins.tzinfo is None or (expires_at is not None and expires_at.tzinfo is None):
        message = "A grant begins and expires at instants with a time zone."
        raise ValueError(message)
    if expires_at is not None and expires_at <= max(begins, wallet.now):
        message = "A grant must expire after it begins, and not before now."
        raise ValueError(message)
    state = GrantState(
        id=new_id(),
        wallet_id=wallet_id,
        source=source.value,
        amount=credits,
        remaining=0,
        reserved=0,
        priority=priority,
        effective_at=begins,
        expires_at=expires_at,
        cost_minor=cost_minor,
        cost_currency=cost_currency,
        features=features,
        frozen_at=None,
        created_at=wallet.now,
    )
    state.is_new = True
    operation = book.begin(
        wallet, EntryKind.GRANT, key=key, content_hash=content_hash, cause=cause, subject=state.id, source=source.value
    )
    wallet.grants[state.id] = state
    wallet.topped_up |= begins <= wallet.now
    book.move(wallet, operation, EntryKind.GRANT, credits, state)
    return book.finish(wallet, operation, tidy=True)


def _check_terms(priority: int, cost_minor: int, cost_currency: str, features: frozenset[str] | None) -> None:
    """Refuse here what the database would refuse later, together with everything else in the book."""
    if not 0 <= priority <= MAX_PRIORITY:
        message = f"The priority of a grant is from 0 to {MAX_PRIORITY}, not {priority}."
    elif cost_minor < 0 or (cost_minor and not cost_currency):
        message = "What a grant cost is not negative, and has a currency."
    elif features is not None and not features:
        message = "A grant is for at least one feature, or for all (None)."
    else:
        return
    raise ValueError(message)


def void(
    book: Book,
    *,
    wallet_id: int,
    grant_id: UUID,
    credits: int | None,
    key: str,
    content_hash: bytes,
    cause: Cause,
    rest_as_debt: bool = False,
) -> Recorded:
    """Take back credits of a grant: what nobody spent, expired or reserved.

    credits: smallest units, or None for all that is free. Where less is free, the rest is left, or, with
    `rest_as_debt`, becomes debt, as far as it was used rather than expired. The answer's `credits` says what was taken
    (negative; 0 where nothing was left). A replay takes nothing.

    Raises UnknownGrant, AlreadyVoided (more than was ever given), IdempotencyConflict, UnknownWallet.
    """
    wallet = book.wallet(wallet_id)
    replayed = book.replay(wallet_id, key, content_hash)
    if replayed is not None:
        return replayed
    state = _loaded(book, wallet, grant_id)
    wanted = state.free if credits is None else credits
    voidable = wanted
    if credits is not None:
        check_credits(credits)
        voidable = state.amount - book.voided(wallet, grant_id)
        if credits > voidable:
            raise AlreadyVoided(asked=credits, voidable=voidable)
    taken = min(wanted, state.free)
    operation = book.begin(wallet, EntryKind.VOID, key=key, content_hash=content_hash, cause=cause, subject=grant_id)
    if taken:
        book.move(wallet, operation, EntryKind.VOID, -taken, state)
    if rest_as_debt and wanted > taken:
        # What expired was not used, so it is not owed.
        owed = min(wanted, voidable - book.expired_of(wallet, grant_id)) - taken
        if owed > 0:
            book.move(wallet, operation, EntryKind.DEBT, -owed, None)
    return book.finish(wallet, operation, tidy=True)


def reinstate(
    book: Book, *, wallet_id: int, void_id: UUID, credits: int, key: str, content_hash: bytes, cause: Cause
) -> Recorded:
    """Give back what a void took, all or a part (smallest units): a refund failed, a dispute was won after all.

    Works as `spends.return_usage` does: what had become debt lowers the debt, what the grant gets back expires at
    once if the grant has. A replay gives nothing. Raises UnknownUsage, ReturnTooLarge, IdempotencyConflict,
    UnknownWallet, WalletFull, ValueError.
    """
    reinstated = give_back(
        book,
        EntryKind.VOID,
        wallet_id=wallet_id,
        operation_id=void_id,
        credits=credits,
        key=key,
        content_hash=content_hash,
        cause=cause,
    )
    book.wallet(wallet_id).topped_up |= not reinstated.was_replayed
    return reinstated


def freeze(book: Book, *, wallet_id: int, grant_id: UUID) -> bool:
    """Keep a grant from being spent, until thawed. Returns whether it was not frozen before. Raises UnknownGrant."""
    wallet = book.wallet(wallet_id)
    state = _loaded(book, wallet, grant_id)
    was_thawed = not state.is_frozen
    if was_thawed:
        state.frozen_at = wallet.now
        state.is_changed = True
        wallet.reorder()
    return was_thawed


def thaw(book: Book, *, wallet_id: int, grant_id: UUID) -> bool:
    """Let a frozen grant be spent again; debt is repaid from it first. Returns whether it was frozen.

    Raises UnknownGrant.
    """
    wallet = book.wallet(wallet_id)
    state = _loaded(book, wallet, grant_id)
    was_frozen = state.is_frozen
    if was_frozen:
        state.frozen_at = None
        state.is_changed = True
        wallet.topped_up = True
        wallet.reorder()
        book.tidy(wallet)
    return was_frozen


def _loaded(book: Book, wallet: WalletState, grant_id: UUID) -> GrantState:
    book.load_grants([grant_id])
    try:
        return wallet.grants[grant_id]
    except KeyError:
        raise UnknownGrant(grant_id) from None
