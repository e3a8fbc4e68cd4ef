"""Writing what a book did: one statement per table for any number of rows, all in one round trip. Decides nothing."""

from collections.abc import Callable, Collection, Iterable, Sequence

from credits.ledger import rows
from credits.ledger.state import HeldReservation, OperationState, WalletState
from sql.statements import pipelined


def write_all(
    wallets: Collection[WalletState],
    operations: Sequence[OperationState],
    reservations: Collection[HeldReservation],
    writes_too: Iterable[Callable[[], None]],
) -> None:
    """Write what is new or changed of the wallets, their grants, operations, entries and reservations.

    writes_too: each sends statements of its own, in the same round trip. Inside the book's transaction. Raises
    Django's database errors.
    """
    grants = [grant for wallet in wallets for grant in wallet.grants.values()]
    new_grants = [grant for grant in grants if grant.is_new]
    changed_grants = [grant for grant in grants if grant.is_changed and not grant.is_new]
    changed_wallets = [wallet for wallet in wallets if wallet.is_changed]
    new_reservations = [r for r in reservations if r.is_new]
    changed_reservations = [r for r in reservations if r.is_changed and not r.is_new]
    entries = [entry for operation in operations for entry in operation.entries]
    with pipelined():
        if new_grants:
            rows.insert_grants(new_grants)
        if changed_grants:
            rows.update_grants(changed_grants)
        if operations:
            rows.insert_operations(operations)
        if entries:
            rows.insert_entries(entries)
        if new_reservations:
            rows.insert_reservations(new_reservations)
            rows.insert_draws([draw for reservation in new_reservations for draw in rows.draws_of(reservation)])
        if changed_reservations:
            rows.update_reservations(changed_reservations)
        if changed_wallets:
            rows.update_wallets(changed_wallets)
        for write in writes_too:
            write()
