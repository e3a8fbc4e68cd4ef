"""Changes of a balance: it fell below its threshold, came to its end, or got credits again; each found once.

What is known is kept on the wallet (`low_since`, `depleted_since`) and judged on the locked wallet whenever a book is
left: so also what time alone did is found, by the next book or by `sweeps.sweep_marks`. Only a top-up ends either, so a
refund around the threshold finds nothing twice; a fall between two allowances of a plan waits for the second. What is
published of it belongs in `publishing`, other settings of the wallet in `settings`.
"""

from enum import StrEnum
from functools import partial

from credits.ledger.book import Book
from credits.ledger.state import WalletState
from credits.ledger.thresholds import rows
from credits.ledger.thresholds.allowance_gap import awaits_allowance


class Crossing(StrEnum):
    """What has just come true of a balance."""

    LOW = "low"
    DEPLETED = "depleted"
    RESTORED = "restored"


def judge(wallet: WalletState) -> list[Crossing]:
    """Move the marks to where the balance is, and return what that means. Touches nothing but the two marks.

    What reservations hold may come back, so it counts as left. A wallet that never held credits crosses nothing.
    """
    left = wallet.left
    if left == 0 and wallet.last_number == sum(grant.effective_at > wallet.now for grant in wallet.grants.values()):
        return []  # All that was ever written are grants still to begin.
    crossed = []
    if wallet.depleted_since is None:
        if left == 0:
            wallet.depleted_since = wallet.now
            crossed.append(Crossing.DEPLETED)
    elif wallet.available > 0 and wallet.was_topped_up_since(wallet.depleted_since):
        wallet.depleted_since = None
        crossed.append(Crossing.RESTORED)
    if wallet.low_since is None:
        if left < wallet.low_below:
            wallet.low_since = wallet.now
            crossed.append(Crossing.LOW)
    elif left >= wallet.low_below and wallet.was_topped_up_since(wallet.low_since):
        wallet.low_since = None
    return crossed


def find(book: Book, fresh: set[int]) -> list[tuple[WalletState, Crossing]]:
    """Judge the wallets of a book that is about to be written; have moved marks written too; return what to tell.

    fresh: wallets that held nothing before this book: first credits that are fewer than the mark are no fall.
    """
    moved: list[WalletState] = []
    told: list[tuple[WalletState, Crossing]] = []
    for wallet in book.wallets.values():
        before = wallet.low_since, wallet.depleted_since
        crossed = judge(wallet)
        if wallet.id not in fresh and {Crossing.DEPLETED, Crossing.LOW} & set(crossed):
            crossed = _put_off(wallet, crossed) if awaits_allowance(book, wallet) else crossed
        if (wallet.low_since, wallet.depleted_since) != before:
            moved.append(wallet)
            told += [(wallet, each) for each in crossed if each != Crossing.LOW or wallet.id not in fresh]
    if moved:
        book.marked = len(moved)
        book.write_too(partial(rows.set_marks, moved))
    return told


def _put_off(wallet: WalletState, crossed: list[Crossing]) -> list[Crossing]:
    """Take back the marks of a fall, so that a later book judges again; return what else has come true."""
    if Crossing.DEPLETED in crossed:
        wallet.depleted_since = None
    if Crossing.LOW in crossed:
        wallet.low_since = None
    return [crossing for crossing in crossed if crossing == Crossing.RESTORED]
