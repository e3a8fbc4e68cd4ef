"""Opening a book: the transaction, the lock, then the clock.

The clock and what the wallets hold are read by later statements than the lock, because a statement that waits for a
lock has the snapshot and the clock of its beginning. Then reservations time out, grants expire, the verbs decide, and
everything is written.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from django.db import connection, transaction

from credits.ledger import rows
from credits.ledger.book import Book, UnknownWallet
from credits.ledger.reservations import time_out
from credits.ledger.thresholds import changes, publishing
from credits.ledger.thresholds.events import EMPTIED, FELL_BELOW_WATCH

# A clock that was set back by less counts as stopped until it catches up; by more, the ledger refuses to write.
TOLERATED_STEP_BACK = timedelta(minutes=1)


class ClockSteppedBack(Exception):
    """The database's clock is more than a minute before the wallet's last entry. Nothing was written."""


@contextmanager
def open_book(
    *,
    keys: Iterable[tuple[int, str]],
    now: datetime | None = None,
    reservations: Literal["by key", "none"] = "none",
) -> Iterator[Book]:
    """Lock wallets and open the book on them, in a transaction of its own or in the caller's.

    keys: the wallet and the idempotency key of every operation that may be made; an empty key where none is. The
    wallets are locked in the order of their ids. now: the instant to judge by (aware), for tests and imports; None: the
    database's clock, read after the lock. reservations: "by key" if reservations may be made under the keys.

    Leaving the block writes everything; an exception writes nothing. Raises UnknownWallet, ClockSteppedBack, and
    Django's OperationalError where a lock was not granted in time.
    """
    wanted = set(keys)
    with transaction.atomic():
        connection.ensure_connection()
        book = _load(wanted, now)
        if reservations == "by key":
            book.knows_reservations = True
            for reservation in rows.read_reservations_by_key(sorted(wanted)):
                book.reservations_by_key[reservation.wallet_id, reservation.idempotency_key] = reservation
        holding = [wallet for wallet in book.wallets.values() if wallet.reserved]
        if holding:
            # Credits of a reservation that has timed out are free again, swept or not.
            time_out(book, holding)
        for wallet in book.wallets.values():
            book.tidy(wallet)
        above = [w for w in book.wallets.values() if w.watched_below is not None and w.available >= w.watched_below]
        fresh = {wallet.id for wallet in book.wallets.values() if wallet.last_number == 0}
        yield book
        found = changes.find(book, fresh)
        emptied = publishing.emptied(book, found)
        book.write()
        publishing.publish_changes(found)
        publishing.publish_facts(EMPTIED, emptied)
        fell = [w for w in above if w.watched_below is not None and w.available < w.watched_below]
        publishing.publish_facts(FELL_BELOW_WATCH, fell)


def _load(keys: set[tuple[int, str]], now: datetime | None) -> Book:
    wallet_ids = sorted({wallet_id for wallet_id, _ in keys})
    locked = rows.lock_wallets(wallet_ids)
    if len(locked) != len(wallet_ids):
        raise UnknownWallet(sorted(set(wallet_ids) - {wallet.id for wallet in locked}))
    clock, grants, operations = rows.read_after_lock(wallet_ids, sorted(keys))
    wallets = {wallet.id: wallet for wallet in locked}
    for wallet in locked:
        wallet.now = _not_before(wallet.now, now or clock)
    for grant in grants:
        wallets[grant.wallet_id].grants[grant.id] = grant
    recorded = {(operation.wallet_id, operation.idempotency_key): operation for operation in operations}
    return Book(wallets=wallets, _keys=keys, _recorded=recorded)


def _not_before(last_written_at: datetime, clock: datetime) -> datetime:
    if last_written_at - clock > TOLERATED_STEP_BACK:
        message = f"The clock says {clock}, but the wallet was written to at {last_written_at}."
        raise ClockSteppedBack(message)
    return max(last_written_at, clock)
