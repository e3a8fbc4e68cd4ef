"""Marks on a wallet that other rooms leave and the ledger reads under its lock anyway: they move no credits."""

from datetime import datetime
from functools import partial

from credits.ledger import rows
from credits.ledger.book import Book


def set_recharging(book: Book, *, wallet_id: int, until: datetime | None) -> None:
    """Say until when credits are on their way by themselves (None: none are), for spends that are refused meanwhile.

    Raises UnknownWallet.
    """
    book.wallet(wallet_id).recharging_until = until
    book.write_too(partial(rows.set_recharging, wallet_id, until))


def set_watch(book: Book, *, wallet_id: int, below: int | None) -> None:
    """Have the signal `balance_changed` sent when what is available falls below so much (smallest units; None: never).

    Raises UnknownWallet.
    """
    book.wallet(wallet_id).watched_below = below
    book.write_too(partial(rows.set_watch, wallet_id, below))
