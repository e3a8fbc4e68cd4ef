"""Spending credits, and returning what was spent."""

from uuid import UUID

from credits import burndown
from credits.ledger.book import Book
from credits.ledger.requests import Cause, check_credits, check_room
from credits.ledger.state import GrantState, OperationState, Recorded, TakenLine, WalletState
from credits.models import EntryKind


class InsufficientCredits(Exception):
    """The grants that allow the feature don't cover the spend. Amounts in smallest units.

    available: what these grants hold free. reserved: what open reservations of the wallet hold. recharging_seconds:
    how long an auto-recharge under way may still take; 0: none is.
    """

    def __init__(self, *, needed: int, available: int, reserved: int, recharging_seconds: int = 0) -> None:
        super().__init__(f"{needed} needed, {available} available, {reserved} reserved")
        self.needed = needed
        self.available = available
        self.reserved = reserved
        self.recharging_seconds = recharging_seconds


class UnknownUsage(LookupError):
    """No such usage in this wallet."""


class ReturnTooLarge(Exception):
    """More was asked for than the usage took less what was returned before. Amounts in smallest units."""

    def __init__(self, *, asked: int, returnable: int) -> None:
        super().__init__(f"{asked} asked, {returnable} returnable")
        self.asked = asked
        self.returnable = returnable


def plan_draws(wallet: WalletState, *, credits: int, feature: str) -> list[tuple[GrantState, int]]:
    """Return which grants pay how much of an amount (smallest units). Raises InsufficientCredits."""
    spendable = [] if wallet.debt else wallet.ordered()
    draws, missing = burndown.draw(spendable, credits=credits, feature=feature)
    if missing:
        wallet.was_short = True
        raise InsufficientCredits(
            needed=credits,
            available=credits - missing,
            reserved=wallet.reserved,
            recharging_seconds=wallet.recharging_seconds,
        )
    return draws


def spend(
    book: Book, *, wallet_id: int, credits: int, feature: str, key: str, content_hash: bytes, cause: Cause
) -> Recorded:
    """Take credits for the use of a feature: all of them, or none.

    credits: smallest units, 0 (a use that costs nothing) to MAX_CREDITS. They come from the grants that allow the
    feature, in burn-down order. A replay returns what the first call recorded and takes nothing.

    Raises InsufficientCredits (nothing was taken, and the book can still be used), IdempotencyConflict, UnknownWallet,
    and ValueError for an amount out of bounds.
    """
    wallet = book.wallet(wallet_id)
    replayed = book.replay(wallet_id, key, content_hash)
    if replayed is not None:
        return replayed
    if credits:
        check_credits(credits)
    draws = plan_draws(wallet, credits=credits, feature=feature)
    operation = book.begin(wallet, EntryKind.USAGE, key=key, content_hash=content_hash, cause=cause)
    for grant, taken in draws:
        book.move(wallet, operation, EntryKind.USAGE, -taken, grant)
    wallet.drew(credits)
    return book.finish(wallet, operation)


def return_usage(
    book: Book, *, wallet_id: int, usage_id: UUID, credits: int, key: str, content_hash: bytes, cause: Cause
) -> Recorded:
    """Return all or a part of what a usage took to the grants that it came from, the last one drawn from first.

    credits: smallest units, above zero. What had become debt lowers the debt; if that debt was repaid since, the
    repayment is reversed first. What goes back to an expired grant expires at once, with its entry. A replay returns
    what the first call recorded and moves nothing.

    Raises UnknownUsage, ReturnTooLarge, IdempotencyConflict, UnknownWallet, WalletFull, ValueError.
    """
    return give_back(
        book,
        EntryKind.USAGE,
        wallet_id=wallet_id,
        operation_id=usage_id,
        credits=credits,
        key=key,
        content_hash=content_hash,
        cause=cause,
    )


def give_back(
    book: Book,
    kind: EntryKind,
    *,
    wallet_id: int,
    operation_id: UUID,
    credits: int,
    key: str,
    content_hash: bytes,
    cause: Cause,
) -> Recorded:
    """Return what an operation of this kind took; see `return_usage` and `grants.reinstate`."""
    wallet = book.wallet(wallet_id)
    replayed = book.replay(wallet_id, key, content_hash)
    if replayed is not None:
        return replayed
    check_credits(credits)
    book.load_taken([operation_id])
    lines = book.taken(operation_id)
    if not lines or (lines[0].wallet_id, lines[0].kind) != (wallet_id, kind.value):
        raise UnknownUsage(operation_id)
    returnable = sum(line.credits for line in lines)
    if credits > returnable:
        raise ReturnTooLarge(asked=credits, returnable=returnable)
    check_room(wallet, credits)
    operation = book.begin(
        wallet, EntryKind.RETURN, key=key, content_hash=content_hash, cause=cause, subject=operation_id
    )
    book.set_taken(operation_id, _give_back(book, wallet, operation, lines, credits))
    return book.finish(wallet, operation, tidy=True)


def _give_back(
    book: Book, wallet: WalletState, operation: OperationState, lines: list[TakenLine], credits: int
) -> list[TakenLine]:
    """Move `credits` back to the lines' grants, last first; return the lines less what went back."""
    left: list[TakenLine] = []
    for line in reversed(lines):
        given = min(credits, line.credits)
        credits -= given
        left.append(line._replace(credits=line.credits - given))
        if given == 0:
            continue
        if line.grant_id is None:
            _undo_repayments(book, wallet, operation, given - wallet.debt)
            book.move(wallet, operation, EntryKind.RETURN, given, None)
        else:
            book.move(wallet, operation, EntryKind.RETURN, given, wallet.grants[line.grant_id])
    return left[::-1]


def _undo_repayments(book: Book, wallet: WalletState, operation: OperationState, credits: int) -> None:
    """Move `credits` back to the grants that repaid debt, the latest first; they become debt again."""
    if credits <= 0:
        return
    repayments = book.repayments(wallet)
    book.load_grants(grant_id for grant_id, _ in repayments)
    for grant_id, repaid in repayments:
        undone = min(credits, repaid)
        credits -= undone
        if undone:
            book.move(wallet, operation, EntryKind.REPAYMENT, undone, wallet.grants[grant_id])
            book.move(wallet, operation, EntryKind.REPAYMENT, -undone, None)
