"""The ledger: the only writer of wallets, grants, operations, entries and reservations.

Every change happens in a book: `open_book` locks the wallets, then reads the clock and what they hold; the verbs decide
in plain Python; leaving the block writes everything in the transaction of the lock, in a fixed number of statements
however many verbs were used. An exception writes nothing.

    with ledger.open_book(keys=[(wallet_id, key)]) as book:
        ledger.spend(book, wallet_id=wallet_id, credits=25, feature="report", …)
"""

from credits.ledger.book import Book, UnknownWallet
from credits.ledger.grants import AlreadyVoided, UnknownGrant, freeze, grant, open_wallet, reinstate, thaw, void
from credits.ledger.opening import ClockSteppedBack, open_book
from credits.ledger.requests import Cause, IdempotencyConflict, WalletFull, hash_content
from credits.ledger.reservations import (
    MAX_RESERVATION_SECONDS,
    ReservationClosed,
    Reserved,
    Settled,
    UnknownReservation,
    release,
    reserve,
    settle,
)
from credits.ledger.spends import InsufficientCredits, ReturnTooLarge, UnknownUsage, return_usage, spend
from credits.ledger.state import Recorded
from credits.ledger.sweeps import release_timed_out, sweep_expired, sweep_thresholds
from credits.ledger.thresholds.allowance_gap import is_allowance_awaited, is_at_its_end
from credits.ledger.thresholds.settings import set_low_balance, set_recharging, set_watch

__all__ = [
    "MAX_RESERVATION_SECONDS",
    "AlreadyVoided",
    "Book",
    "Cause",
    "ClockSteppedBack",
    "IdempotencyConflict",
    "InsufficientCredits",
    "Recorded",
    "ReservationClosed",
    "Reserved",
    "ReturnTooLarge",
    "Settled",
    "UnknownGrant",
    "UnknownReservation",
    "UnknownUsage",
    "UnknownWallet",
    "WalletFull",
    "freeze",
    "grant",
    "hash_content",
    "is_allowance_awaited",
    "is_at_its_end",
    "open_book",
    "open_wallet",
    "reinstate",
    "release",
    "release_timed_out",
    "reserve",
    "return_usage",
    "set_low_balance",
    "set_recharging",
    "set_watch",
    "settle",
    "spend",
    "sweep_expired",
    "sweep_thresholds",
    "thaw",
    "void",
]
