"""Changes of a balance: it fell below its threshold, came to its end, or got credits again; each found once.

What is known is kept on the wallet (`low_since`, `depleted_since`) and judged on the locked wallet whenever a book is
left. What time alone changed is found by the next book or by `sweeps.sweep_thresholds`. Only a top-up clears either, so
a refund around the threshold finds nothing twice; a fall between two allowances of a plan waits for the second. What is
published of it belongs in `publishing`, other settings of the wallet in `settings`.
"""

from enum import StrEnum
from functools import partial

from credits.ledger.book import Book
from credits.ledger.state import WalletState
from credits.ledger.thresholds import rows
from credits.ledger.thresholds.allowance_gap import awaits_allowance


class Change(StrEnum):
    """What has just come true of a balance."""

    LOW = "low"
    DEPLETED = "depleted"
    RESTORED = "restored"


def judge(wallet: WalletState) -> list[Change]:
    """Set since when the wallet is low and depleted, and return what that means. Touches nothing else.

    What reservations hold may come back, so it counts as left. A wallet that never held credits changes nothing.
    """
    left = wallet.left
    if left == 0 and wallet.last_number == sum(grant.effective_at > wallet.now for grant in wallet.grants.values()):
        return []  # All that was ever written are grants still to begin.
    changes = []
    if wallet.depleted_since is None:
        if left == 0:
            wallet.depleted_since = wallet.now
            changes.append(Change.DEPLETED)
    elif wallet.available > 0 and wallet.was_topped_up_since(wallet.depleted_since):
        wallet.depleted_since = None
        changes.append(Change.RESTORED)
    if wallet.low_since is None:
        if left < wallet.low_below:
            wallet.low_since = wallet.now
            changes.append(Change.LOW)
    elif left >= wallet.low_below and wallet.was_topped_up_since(wallet.low_since):
        wallet.low_since = None
    return changes


def find(book: Book, fresh: set[int]) -> list[tuple[WalletState, Change]]:
    """Judge the wallets of a book that is about to be written, have what changed written too, and return it.

    fresh: wallets that held nothing before this book: first credits that are fewer than the threshold are no fall.
    """
    moved: list[WalletState] = []
    found: list[tuple[WalletState, Change]] = []
    for wallet in book.wallets.values():
        before = wallet.low_since, wallet.depleted_since
        changes = judge(wallet)
        if wallet.id not in fresh and {Change.DEPLETED, Change.LOW} & set(changes):
            changes = _postpone(wallet, changes) if awaits_allowance(book, wallet) else changes
        if (wallet.low_since, wallet.depleted_since) != before:
            moved.append(wallet)
            found += [(wallet, each) for each in changes if each != Change.LOW or wallet.id not in fresh]
    if moved:
        book.changed = len(moved)
        book.write_too(partial(rows.set_changes, moved))
    return found


def _postpone(wallet: WalletState, changes: list[Change]) -> list[Change]:
    """Take back a fall, so that a later book judges again; return what else has come true."""
    if Change.DEPLETED in changes:
        wallet.depleted_since = None
    if Change.LOW in changes:
        wallet.low_since = None
    return [change for change in changes if change == Change.RESTORED]
