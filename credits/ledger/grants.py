"""Grants: given, voided, reinstated, frozen and thawed. Opening a wallet."""

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
    """More was asked for than the grant's amount less what was voided before. Amounts in smallest units."""

    def __init__(self, *, asked: int, voidable: int) -> None:
        super().__init__(f"{asked} asked, {voidable} voidable")
        self.asked = asked
        self.voidable = voidable


def open_wallet(*, organization: Organization, program: Program, now: datetime | None = None) -> Wallet:
    """Return the organization's wallet; without one, make an empty one under the program.

    now: for tests and imports. A replay changes nothing, whatever program it names.
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

    effective_at: from when it can be spent (None: now); expires_at: until when, exclusive (None: never); both aware.
    priority: 0 to 100, lower is used first. cost_minor: what was paid, in the currency's minor unit. features: the
    only features that it pays for (None: all). Debt is repaid from it at once. A replay returns what the first call
    recorded and gives nothing.

    Raises IdempotencyConflict, UnknownWallet, WalletFull, and ValueError for an amount, a period or terms out of
    bounds.
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
    """Take back what is free of a grant: not spent, expired or reserved.

    credits: smallest units; None: all that is free. If less is free, the rest is left alone; with `rest_as_debt` it
    becomes debt, except for what expired. The answer's `credits` is what was taken (0 or negative). A replay returns
    what the first call recorded and takes nothing.

    Raises UnknownGrant, AlreadyVoided (more than was given), IdempotencyConflict, UnknownWallet, and ValueError for an
    amount out of bounds.
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
        # What expired was never used, so it becomes no debt.
        debt = min(wanted, voidable - book.expired_of(wallet, grant_id)) - taken
        if debt > 0:
            book.move(wallet, operation, EntryKind.DEBT, -debt, None)
    return book.finish(wallet, operation, tidy=True)


def reinstate(
    book: Book, *, wallet_id: int, void_id: UUID, credits: int, key: str, content_hash: bytes, cause: Cause
) -> Recorded:
    """Return what a void took, all or a part (smallest units): a refund failed, or a dispute was won.

    Works as `spends.return_usage` does: what had become debt lowers the debt, and what goes back to an expired grant
    expires at once. A replay returns what the first call recorded and moves nothing.

    Raises UnknownUsage (no such void), ReturnTooLarge, IdempotencyConflict, UnknownWallet, WalletFull, ValueError.
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
    """Keep a grant from being spent until it is thawed. Returns whether that changed anything.

    Raises UnknownGrant, UnknownWallet.
    """
    wallet = book.wallet(wallet_id)
    state = _loaded(book, wallet, grant_id)
    was_thawed = not state.is_frozen
    if was_thawed:
        state.frozen_at = wallet.now
        state.is_changed = True
        wallet.reorder()
    return was_thawed


def thaw(book: Book, *, wallet_id: int, grant_id: UUID) -> bool:
    """Let a frozen grant be spent again; debt is repaid from it first. Returns whether that changed anything.

    Raises UnknownGrant, UnknownWallet.
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
