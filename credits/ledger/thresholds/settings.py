"""Settings of a wallet that other apps make and the ledger reads with its lock. They move no credits."""

from datetime import datetime
from functools import partial

from credits.ledger.book import Book
from credits.ledger.thresholds import rows
from credits.models import MAX_BALANCE, Program


def set_recharging(book: Book, *, wallet_id: int, until: datetime | None) -> None:
    """Set until when an auto-recharge under way may take (None: none is), for the answers of spends refused by then.

    Raises UnknownWallet.
    """
    book.wallet(wallet_id).recharging_until = until
    book.write_too(partial(rows.set_recharging, wallet_id, until))


def set_watch(book: Book, *, wallet_id: int, below: int | None) -> None:
    """Have `FELL_BELOW_WATCH` published when what can be spent falls below an amount (smallest units; None: never).

    Raises UnknownWallet.
    """
    book.wallet(wallet_id).watched_below = below
    book.write_too(partial(rows.set_watch, wallet_id, below))


def set_low_balance(book: Book, *, wallet_id: int, below: int | None) -> None:
    """Set below which amount the balance is low (smallest units; None: the program's threshold; 0: never).

    If the balance is below it, that is published at once, as the book is left, unless it is known to be low already;
    if not, it counts as not low, and its next fall is published. The same figure again changes nothing.

    Raises UnknownWallet, ValueError for a figure out of bounds.
    """
    wallet = book.wallet(wallet_id)
    if below is not None and (type(below) is not int or not 0 <= below <= MAX_BALANCE):
        message = f"A balance is low below 0 (never) to {MAX_BALANCE} smallest units, not {below}."
        raise ValueError(message)
    if below is None:
        wallet.low_below = Program.objects.values_list("low_balance", flat=True).get(wallets=wallet_id) or 0
    else:
        wallet.low_below = below
    book.write_too(partial(rows.set_low_below, wallet_id, below))
    if wallet.low_since is not None and wallet.left >= wallet.low_below:
        wallet.low_since = None
        book.write_too(partial(rows.set_changes, [wallet]))
