"""The ledger's statements: locks, reads and set-based writes, as SQL. No decision is made here.

Each function is one statement for any number of rows; their columns are the fields of `state`'s classes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from credits.ledger.state import (
    EntryState,
    GrantState,
    HeldReservation,
    OperationState,
    Recorded,
    TakenLine,
    WalletState,
)
from sql import arrays
from sql.rows import Columns, insert, update
from sql.statements import execute, fetch, pipelined

WALLET = Columns(
    WalletState,
    "w",
    now="w.last_written_at",
    overdraft_limit="p.overdraft_limit",
    reservation_seconds="p.reservation_seconds",
    low_below="coalesce(w.low_below, p.low_balance, 0)",
    ai_off_at_zero="p.at_zero = 'switch_off'",
)
LOCK_WALLETS = f"""
    SELECT {WALLET} FROM credits_wallet w JOIN credits_program p ON p.id = w.program_id
    WHERE w.id = ANY(%s::bigint[]) ORDER BY w.id FOR NO KEY UPDATE OF w
"""


def lock_wallets(wallet_ids: Sequence[int]) -> list[WalletState]:
    """Lock wallets in the order of their ids and return what they hold; their grants are to be read next.

    NO KEY UPDATE keeps other writers out, but not inserts of rows that refer to the wallet.
    Reading anything else belongs in a later statement: this one's snapshot is as old as its wait was long.
    """
    # A pipeline sends the transaction's beginning along.
    with pipelined():
        locked = execute(LOCK_WALLETS, [arrays.numbers(wallet_ids)])
    return WALLET.rows(locked)


GRANT = Columns(GrantState, "g")
READ_GRANTS = f"SELECT {GRANT} FROM credits_grant g WHERE g.id = ANY(%s::uuid[])"
READ_OPEN_GRANTS = f"SELECT {GRANT} FROM credits_grant g WHERE g.wallet_id = ANY(%s::bigint[]) AND g.is_open"


def read_grants(grant_ids: Iterable[UUID]) -> list[GrantState]:
    """Return these grants, open or not."""
    return GRANT.fetch(READ_GRANTS, [arrays.ids(grant_ids)])


RECORDED = Columns(Recorded, "o", was_replayed="true")
# LATERAL with the first row of the unique index from the key on keeps one look-up per key whatever the planner thinks
# of the table: asked for equality alone, it read all operations of a wallet that had become hot.
READ_RECORDED = f"""
    SELECT o.* FROM unnest(%s::bigint[], %s::text[]) AS k(wallet_id, key)
    CROSS JOIN LATERAL (
        SELECT {RECORDED} FROM credits_operation o
        WHERE (o.wallet_id, o.idempotency_key) >= (k.wallet_id, k.key)
        ORDER BY o.wallet_id, o.idempotency_key LIMIT 1
    ) o
    WHERE o.wallet_id = k.wallet_id AND o.idempotency_key = k.key
"""


def read_after_lock(
    wallet_ids: Sequence[int], keys: Sequence[tuple[int, str]]
) -> tuple[datetime, list[GrantState], list[Recorded]]:
    """Return the database's clock now (not the transaction's beginning), the wallets' open grants, spendable or not,
    and the operations already written under these keys. Three statements in one round trip."""
    with pipelined():
        clock = execute("SELECT clock_timestamp()", [])
        grants = execute(READ_OPEN_GRANTS, [arrays.numbers(wallet_ids)])
        recorded = execute(READ_RECORDED, _keys(keys))
    ((now,),) = clock.fetchall()
    return now, GRANT.rows(grants), RECORDED.rows(recorded)


def _keys(keys: Sequence[tuple[int, str]]) -> list[str]:
    return [arrays.numbers(wallet_id for wallet_id, _ in keys), arrays.texts(key for _, key in keys)]


TAKEN = Columns(
    TakenLine,
    "w",
    operation_id="w.id",
    grant_id="l.grant_id",
    credits="coalesce(sum(-l.amount), 0)::bigint",
)
READ_TAKEN = f"""
    WITH wanted AS (
        SELECT id, wallet_id, first_number, number, kind FROM credits_operation WHERE id = ANY(%s::uuid[])
    ), lines AS (
        SELECT w.id, w.wallet_id, e.grant_id, e.number, e.amount
        FROM wanted w JOIN credits_entry e
          ON e.wallet_id = w.wallet_id AND e.number BETWEEN w.first_number AND w.number
         AND e.kind IN ('usage', 'void', 'debt')
        UNION ALL
        SELECT w.id, w.wallet_id, e.grant_id, e.number, e.amount
        FROM wanted w
        JOIN credits_operation r ON r.wallet_id = w.wallet_id AND r.subject = w.id AND r.kind = 'return'
        JOIN credits_entry e ON e.wallet_id = r.wallet_id AND e.number BETWEEN r.first_number AND r.number
         AND e.kind = 'return'
    )
    SELECT {TAKEN} FROM wanted w LEFT JOIN lines l ON l.id = w.id
    GROUP BY w.id, w.wallet_id, w.kind, l.grant_id ORDER BY min(l.number)
"""


def read_taken(operation_ids: Sequence[UUID]) -> list[TakenLine]:
    """Return, per usage or void operation, wallet and grant, what its entries took less what was returned since, in the
    order in which it was taken."""
    return TAKEN.fetch(READ_TAKEN, [arrays.ids(operation_ids)])


def read_repayments(wallet_id: int) -> list[tuple[UUID, int]]:
    """Return what each grant has repaid of the wallet's debt, net, the latest repayer first."""
    rows = fetch(
        """
        SELECT grant_id, (-sum(amount))::bigint FROM credits_entry
        WHERE wallet_id = %s AND kind = 'repayment' AND grant_id IS NOT NULL
        GROUP BY grant_id HAVING sum(amount) < 0 ORDER BY max(number) DESC
        """,
        [wallet_id],
    )
    return [(grant_id, credits) for grant_id, credits in rows]


def read_voided(grant_id: UUID, wallet_id: int) -> int:
    """Return what was voided of a grant and not reinstated, that which became debt included, in smallest units."""
    ((voided,),) = fetch(
        """
        WITH voids AS (
            SELECT id, credits FROM credits_operation WHERE wallet_id = %s AND subject = %s AND kind = 'void'
        )
        SELECT coalesce(sum(-credits), 0)::bigint FROM (
            SELECT credits FROM voids
            UNION ALL
            SELECT r.credits FROM credits_operation r JOIN voids v ON r.subject = v.id
            WHERE r.wallet_id = %s AND r.kind = 'return'
        ) moved
        """,
        [wallet_id, grant_id, wallet_id],
    )
    return int(voided)


def read_expired(grant_id: UUID, wallet_id: int) -> int:
    """Return what has expired of a grant so far, in smallest units."""
    ((expired,),) = fetch(
        """
        SELECT coalesce(sum(-credits), 0)::bigint FROM credits_operation
        WHERE wallet_id = %s AND subject = %s AND kind = 'expiry'
        """,
        [wallet_id, grant_id],
    )
    return int(expired)


DRAWN = """ARRAY(
    SELECT d.{column} FROM credits_reservationdraw d WHERE d.reservation_id = r.id ORDER BY d.position
)"""
RESERVATION = Columns(
    HeldReservation,
    "r",
    # Django's connections leave JSON as text, and nobody reads it back.
    resource="NULL",
    grant_ids=DRAWN.format(column="grant_id"),
    amounts=DRAWN.format(column="credits"),
)
READ_RESERVATIONS = f"SELECT {RESERVATION} FROM credits_reservation r WHERE r.id = ANY(%s::uuid[])"
READ_RESERVATIONS_BY_KEY = f"""
    SELECT r.* FROM unnest(%s::bigint[], %s::text[]) AS k(wallet_id, key)
    CROSS JOIN LATERAL (
        SELECT {RESERVATION} FROM credits_reservation r
        WHERE r.wallet_id = k.wallet_id AND r.idempotency_key = k.key LIMIT 1
    ) r
"""
READ_OVERDUE = f"""
    SELECT {RESERVATION} FROM credits_reservation r
    WHERE r.wallet_id = ANY(%s::bigint[]) AND r.state = 'open' AND r.expires_at <= %s ORDER BY r.id
"""


def read_reservations(reservation_ids: Iterable[UUID]) -> list[HeldReservation]:
    """Return these reservations with their draws."""
    return RESERVATION.fetch(READ_RESERVATIONS, [arrays.ids(reservation_ids)])


def read_reservations_by_key(keys: Sequence[tuple[int, str]]) -> list[HeldReservation]:
    """Return the reservations already made under these keys."""
    return RESERVATION.fetch(READ_RESERVATIONS_BY_KEY, _keys(keys))


def read_overdue(wallet_ids: Sequence[int], at: datetime) -> list[HeldReservation]:
    """Return the wallets' open reservations whose time is out."""
    return RESERVATION.fetch(READ_OVERDUE, [arrays.numbers(wallet_ids), at])


class Draw(NamedTuple):
    """What a reservation draws from one grant, in smallest units."""

    reservation_id: UUID
    position: int
    grant_id: UUID
    credits: int


def draws_of(reservation: HeldReservation) -> list[Draw]:
    """Return a reservation's draws as rows, in their order."""
    return [Draw(reservation.id, position, *draw) for position, draw in enumerate(reservation.draws)]


insert_grants = insert("credits_grant", GrantState, is_open="n.remaining > 0")
update_grants = update("credits_grant", GrantState, "remaining", "reserved", "frozen_at", is_open="n.remaining > 0")
update_wallets = update(
    "credits_wallet", WalletState, "balance", "reserved", "debt", "last_number", last_written_at="n.now"
)
insert_operations = insert("credits_operation", OperationState)
insert_entries = insert("credits_entry", EntryState)
insert_draws = insert("credits_reservationdraw", Draw)
insert_reservations = insert("credits_reservation", HeldReservation, leaving_out=("grant_ids", "amounts"))
update_reservations = update("credits_reservation", HeldReservation, "state", "closed_at", "operation_id")
