"""Sweeps: expiry, time-outs and thresholds of wallets that no call has opened since.

They open books and nothing else, since opening a book brings its wallets up to date. A sweep that was killed can be run
again, and two at once do everything once.
"""

from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from credits.ledger.opening import open_book
from credits.ledger.thresholds import rows
from credits.models import Grant, Reservation, ReservationState


def sweep_expired(
    *, now: datetime | None = None, wallets_at_a_time: int = 50, report: Callable[[int], None] = lambda _: None
) -> int:
    """Write the expiry of all credits that have expired and are not reserved. Returns how many grants that were.

    now: for tests. wallets_at_a_time: per transaction, few so that no spend waits long. report: called with the number
    of grants after each transaction.
    """
    instant = now or timezone.now()
    swept = 0
    last_wallet = 0
    while True:
        wallet_ids = list(
            Grant.objects.filter(is_open=True, expires_at__lte=instant, remaining__gt=0, wallet_id__gt=last_wallet)
            .order_by("wallet_id")
            .values_list("wallet_id", flat=True)
            .distinct()[:wallets_at_a_time]
        )
        if not wallet_ids:
            return swept
        with open_book(keys=[(wallet_id, "") for wallet_id in wallet_ids], now=now) as book:
            expired = book.expired
        swept += expired
        last_wallet = wallet_ids[-1]
        report(expired)


def release_timed_out(*, now: datetime | None = None, wallets_at_a_time: int = 50) -> int:
    """Release every reservation that has timed out. Returns how many."""
    instant = now or timezone.now()
    released = 0
    last_wallet = 0
    while True:
        wallet_ids = list(
            Reservation.objects.filter(state=ReservationState.OPEN, expires_at__lte=instant, wallet_id__gt=last_wallet)
            .order_by("wallet_id")
            .values_list("wallet_id", flat=True)
            .distinct()[:wallets_at_a_time]
        )
        if not wallet_ids:
            return released
        with open_book(keys=[(wallet_id, "") for wallet_id in wallet_ids], now=now) as book:
            released += book.timed_out
        last_wallet = wallet_ids[-1]


def sweep_thresholds(*, now: datetime | None = None, wallets_at_a_time: int = 50) -> int:
    """Find balances that became low, depleted or restored by time, or by a change of the program's threshold.

    Returns how many wallets changed. What is published of it is published once: the book judges under the lock.
    """
    instant = now or timezone.now()
    moved = 0
    last_wallet = 0
    while True:
        wallet_ids = rows.read_changed(after=last_wallet, at=instant, limit=wallets_at_a_time)
        if not wallet_ids:
            return moved
        with open_book(keys=[(wallet_id, "") for wallet_id in wallet_ids], now=now) as book:
            pass
        moved += book.changed
        last_wallet = wallet_ids[-1]
