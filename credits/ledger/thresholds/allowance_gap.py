"""The allowance gap: a plan's allowance has expired and the next has not come yet.

Between the two, minutes or an hour, a balance is depleted or low by the calendar alone: nobody is notified, nothing is
switched off and no card is charged for it, unless the next allowance stays away for longer than is waited for.
"""

from datetime import datetime

from credits.ledger.book import Book
from credits.ledger.state import WalletState
from credits.ledger.thresholds import rows


def awaits_allowance(book: Book, wallet: WalletState) -> bool:
    """Return whether a wallet is in an allowance gap: an allowance expired with credits left shortly before, and no
    other has come since.

    The first call reads for all wallets of the book, in one statement.
    """
    if any(grant.is_allowance and not grant.is_expired(at=wallet.now) for grant in wallet.grants.values()):
        return False
    if wallet.awaits_allowance is None:
        waiting = rows.read_waiting([(each.id, each.now) for each in book.wallets.values()])
        for each in book.wallets.values():
            each.awaits_allowance = each.id in waiting
    return bool(wallet.awaits_allowance)


def is_at_its_end(book: Book, wallet_id: int) -> bool:
    """Return whether a wallet of the book has no credits left, none reserved, and is in no allowance gap.

    Raises UnknownWallet.
    """
    wallet = book.wallet(wallet_id)
    return wallet.left == 0 and not awaits_allowance(book, wallet)


def is_allowance_awaited(wallet_id: int, *, at: datetime) -> bool:
    """Return whether a wallet, as it is written, is in an allowance gap at an instant. Needs no book."""
    return bool(rows.read_waiting([(wallet_id, at)]))
