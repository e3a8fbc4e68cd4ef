"""The allowance gap: a plan's allowance has expired and the next has not come yet.

Between the two, minutes or an hour, a balance is depleted or low by the calendar alone: nobody is notified, nothing is
switched off and no card is charged for it, unless the next allowance stays away for longer than is waited for.
"""

from datetime import datetime

from credits.ledger.book import Book
from credits.ledger.state import WalletState
from credits.ledger.thresholds import rows


def awaits_allowance(book: Book, wallet: WalletState) -> bool:
    """Return whether a wallet's allowance lapsed unused a short while ago, and no other has come since.

    The first question reads for all wallets of the book, in one statement.
    """
    if any(grant.is_allowance and not grant.is_expired(at=wallet.now) for grant in wallet.grants.values()):
        return False
    if wallet.awaits_allowance is None:
        waiting = rows.read_waiting([(each.id, each.now) for each in book.wallets.values()])
        for each in book.wallets.values():
            each.awaits_allowance = each.id in waiting
    return bool(wallet.awaits_allowance)


def is_at_its_end(book: Book, wallet_id: int) -> bool:
    """Return whether nothing is left in a wallet of the book, nothing may come back from reservations, and no allowance
    is waited for. Raises UnknownWallet."""
    wallet = book.wallet(wallet_id)
    return wallet.left == 0 and not awaits_allowance(book, wallet)


def is_allowance_awaited(wallet_id: int, *, at: datetime) -> bool:
    """Say at an instant, without a book or in one, what `awaits_allowance` says of what is written."""
    return bool(rows.read_waiting([(wallet_id, at)]))
