"""The ledger's statements: locks, reads and set-based writes, as SQL. No decision is made here.

Each function is one statement for any number of rows.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from credits.ledger.state import GrantState, OperationState, ReservationState, WalletState
from sql import arrays
from sql.statements import Row, execute, fetch, pipelined, run


def as_json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


def lock_wallets(wallet_ids: Sequence[int]) -> list[Row]:
    """Lock wallets in the order of their ids and return what they hold.

    NO KEY UPDATE is enough to keep other writers out, and lets rows that refer to the wallet be inserted meanwhile.
    Reading anything else belongs in a later statement: this one's snapshot is as old as its wait was long.
    """
    # A pipeline sends the transaction's beginning along.
    with pipelined():
        locked = execute(
            """
            SELECT w.id, w.organization_id, w.balance, w.reserved, w.debt, w.last_number, w.last_written_at,
                   p.overdraft_limit, p.reservation_seconds, w.recharging_until, w.watched_below,
                   coalesce(w.low_below, p.low_balance, 0), w.low_since, w.depleted_since
            FROM credits_wallet w JOIN credits_program p ON p.id = w.program_id
            WHERE w.id = ANY(%s::bigint[]) ORDER BY w.id FOR NO KEY UPDATE OF w
            """,
            [arrays.numbers(wallet_ids)],
        )
    return locked.fetchall()


GRANT_COLUMNS = """g.id, g.wallet_id, g.source, g.amount, g.remaining, g.reserved, g.priority, g.effective_at,
    g.expires_at, g.cost_minor, g.cost_currency, g.features, g.frozen_at, g.created_at"""


def _grant(row: Row) -> GrantState:
    features = None if row[11] is None else frozenset(row[11])
    return GrantState(*[*row[:11], features, *row[12:14]])


def read_grants(grant_ids: Iterable[UUID]) -> list[GrantState]:
    """Return these grants, open or not."""
    rows = fetch(f"SELECT {GRANT_COLUMNS} FROM credits_grant g WHERE g.id = ANY(%s::uuid[])", [arrays.ids(grant_ids)])
    return [_grant(row) for row in rows]


OPERATION_COLUMNS = """o.id, o.wallet_id, o.kind, o.content_hash, o.credits, o.first_number, o.number,
    o.balance_after, o.available_after, o.occurred_at, o.written_at, o.idempotency_key, o.subject"""


def read_after_lock(
    wallet_ids: Sequence[int], keys: Sequence[tuple[int, str]]
) -> tuple[datetime, list[GrantState], list[Row]]:
    """Return the database's clock now (not the transaction's beginning), the wallets' open grants, spendable or not,
    and the operations already written under these keys. Three statements in one round trip.

    LATERAL with the first row of the unique index from the key on keeps one look-up per key whatever the planner
    thinks of the table: asked for equality alone, it read all operations of a wallet that had become hot.
    """
    with pipelined():
        clock = execute("SELECT clock_timestamp()", [])
        grants = execute(
            f"SELECT {GRANT_COLUMNS} FROM credits_grant g WHERE g.wallet_id = ANY(%s::bigint[]) AND g.is_open",
            [arrays.numbers(wallet_ids)],
        )
        operations = execute(
            f"""
            SELECT o.* FROM unnest(%s::bigint[], %s::text[]) AS k(wallet_id, key)
            CROSS JOIN LATERAL (
                SELECT {OPERATION_COLUMNS} FROM credits_operation o
                WHERE (o.wallet_id, o.idempotency_key) >= (k.wallet_id, k.key)
                ORDER BY o.wallet_id, o.idempotency_key LIMIT 1
            ) o
            WHERE o.wallet_id = k.wallet_id AND o.idempotency_key = k.key
            """,
            [arrays.numbers(wallet_id for wallet_id, _ in keys), arrays.texts(key for _, key in keys)],
        )
    return clock.fetchall()[0][0], [_grant(row) for row in grants.fetchall()], operations.fetchall()


def read_usages(operation_ids: Sequence[UUID]) -> list[Row]:
    """Return, per usage or void operation, wallet and grant (None: debt), what its lines took less what was returned
    since, in the order in which it was taken."""
    return fetch(
        """
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
        SELECT w.id, w.wallet_id, w.kind, l.grant_id, coalesce(sum(-l.amount), 0)::bigint
        FROM wanted w LEFT JOIN lines l ON l.id = w.id
        GROUP BY w.id, w.wallet_id, w.kind, l.grant_id ORDER BY min(l.number)
        """,
        [arrays.ids(operation_ids)],
    )


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
    rows = fetch(
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
    return int(rows[0][0])


def read_expired(grant_id: UUID, wallet_id: int) -> int:
    """Return what has expired of a grant so far, in smallest units."""
    rows = fetch(
        """
        SELECT coalesce(sum(-credits), 0)::bigint FROM credits_operation
        WHERE wallet_id = %s AND subject = %s AND kind = 'expiry'
        """,
        [wallet_id, grant_id],
    )
    return int(rows[0][0])


RESERVATION_COLUMNS = """r.id, r.wallet_id, r.idempotency_key, r.content_hash, r.state, r.credits, r.available_after,
    r.feature, r.actor_id, r.actor_label, r.resource, r.created_at, r.expires_at,
    (SELECT array_agg(d.grant_id ORDER BY d.position) FROM credits_reservationdraw d WHERE d.reservation_id = r.id),
    (SELECT array_agg(d.credits ORDER BY d.position) FROM credits_reservationdraw d WHERE d.reservation_id = r.id),
    r.closed_at, r.operation_id"""


def _reservation(row: Row) -> ReservationState:
    content_hash, resource = bytes(row[3]), row[10]
    if isinstance(resource, str):  # Django's connections leave JSON as text.
        resource = json.loads(resource)
    draws = list(zip(row[13] or [], row[14] or [], strict=True))
    return ReservationState(*[*row[:3], content_hash, *row[4:10], resource, *row[11:13], draws, *row[15:17]])


def read_reservations(reservation_ids: Iterable[UUID]) -> list[ReservationState]:
    """Return these reservations with their draws."""
    rows = fetch(
        f"SELECT {RESERVATION_COLUMNS} FROM credits_reservation r WHERE r.id = ANY(%s::uuid[])",
        [arrays.ids(reservation_ids)],
    )
    return [_reservation(row) for row in rows]


def read_reservations_by_key(keys: Sequence[tuple[int, str]]) -> list[ReservationState]:
    """Return the reservations already made under these keys."""
    rows = fetch(
        f"""
        SELECT r.* FROM unnest(%s::bigint[], %s::text[]) AS k(wallet_id, key)
        CROSS JOIN LATERAL (
            SELECT {RESERVATION_COLUMNS} FROM credits_reservation r
            WHERE r.wallet_id = k.wallet_id AND r.idempotency_key = k.key LIMIT 1
        ) r
        """,
        [arrays.numbers(wallet_id for wallet_id, _ in keys), arrays.texts(key for _, key in keys)],
    )
    return [_reservation(row) for row in rows]


def read_overdue(wallet_ids: Sequence[int], at: datetime) -> list[ReservationState]:
    """Return the wallets' open reservations whose time is out."""
    rows = fetch(
        f"""
        SELECT {RESERVATION_COLUMNS} FROM credits_reservation r
        WHERE r.wallet_id = ANY(%s::bigint[]) AND r.state = 'open' AND r.expires_at <= %s ORDER BY r.id
        """,
        [arrays.numbers(wallet_ids), at],
    )
    return [_reservation(row) for row in rows]


def insert_grants(grants: Sequence[GrantState]) -> None:
    # Restricting features is an array per row, which unnest would flatten: it travels as text and is cast.
    run(
        """
        INSERT INTO credits_grant (id, wallet_id, source, amount, remaining, reserved, priority, effective_at,
            expires_at, cost_minor, cost_currency, features, frozen_at, is_open, created_at)
        SELECT id, wallet_id, source, amount, remaining, reserved, priority, effective_at, expires_at, cost_minor,
            cost_currency, features::varchar[], frozen_at, remaining > 0, created_at
        FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::int[],
            %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[],
            %s::timestamptz[])
          AS g(id, wallet_id, source, amount, remaining, reserved, priority, effective_at, expires_at, cost_minor,
            cost_currency, features, frozen_at, created_at)
        """,
        [
            arrays.ids(g.id for g in grants),
            arrays.numbers(g.wallet_id for g in grants),
            arrays.texts(g.source for g in grants),
            arrays.numbers(g.amount for g in grants),
            arrays.numbers(g.remaining for g in grants),
            arrays.numbers(g.reserved for g in grants),
            arrays.numbers(g.priority for g in grants),
            arrays.instants(g.effective_at for g in grants),
            arrays.instants(g.expires_at for g in grants),
            arrays.numbers(g.cost_minor for g in grants),
            arrays.texts(g.cost_currency for g in grants),
            arrays.texts(None if g.features is None else arrays.texts(sorted(g.features)) for g in grants),
            arrays.instants(g.frozen_at for g in grants),
            arrays.instants(g.created_at for g in grants),
        ],
    )


def update_grants(grants: Sequence[GrantState]) -> None:
    run(
        """
        UPDATE credits_grant g SET remaining = n.remaining, reserved = n.reserved, is_open = n.remaining > 0,
            frozen_at = n.frozen_at
        FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::timestamptz[]) AS n(id, remaining, reserved, frozen_at)
        WHERE g.id = n.id
        """,
        [
            arrays.ids(g.id for g in grants),
            arrays.numbers(g.remaining for g in grants),
            arrays.numbers(g.reserved for g in grants),
            arrays.instants(g.frozen_at for g in grants),
        ],
    )


def update_wallets(wallets: Sequence[WalletState]) -> None:
    run(
        """
        UPDATE credits_wallet w SET balance = n.balance, reserved = n.reserved, debt = n.debt,
            last_number = n.last_number, last_written_at = n.written_at
        FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])
          AS n(id, balance, reserved, debt, last_number, written_at)
        WHERE w.id = n.id
        """,
        [
            arrays.numbers(w.id for w in wallets),
            arrays.numbers(w.balance for w in wallets),
            arrays.numbers(w.reserved for w in wallets),
            arrays.numbers(w.debt for w in wallets),
            arrays.numbers(w.last_number for w in wallets),
            arrays.instants(w.now for w in wallets),
        ],
    )


def insert_operations(operations: Sequence[OperationState]) -> None:
    run(
        """
        INSERT INTO credits_operation (id, wallet_id, kind, source, idempotency_key, content_hash, credits,
            first_number, number, balance_after, available_after, occurred_at, written_at, actor_id, actor_label,
            feature, resource, memo, subject)
        SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::bigint[],
            %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[],
            %s::bigint[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::uuid[])
        """,
        [
            arrays.ids(o.id for o in operations),
            arrays.numbers(o.wallet_id for o in operations),
            arrays.texts(o.kind for o in operations),
            arrays.texts(o.source for o in operations),
            arrays.texts(o.idempotency_key for o in operations),
            arrays.hashes(o.content_hash for o in operations),
            arrays.numbers(o.credits for o in operations),
            arrays.numbers(o.first_number for o in operations),
            arrays.numbers(o.number for o in operations),
            arrays.numbers(o.balance_after for o in operations),
            arrays.numbers(o.available_after for o in operations),
            arrays.instants(o.occurred_at for o in operations),
            arrays.instants(o.written_at for o in operations),
            arrays.numbers(o.actor_id for o in operations),
            arrays.texts(o.actor_label for o in operations),
            arrays.texts(o.feature for o in operations),
            arrays.texts(as_json(o.resource) for o in operations),
            arrays.texts(o.memo for o in operations),
            arrays.ids(o.subject for o in operations),
        ],
    )


def insert_entries(operations: Sequence[OperationState]) -> None:
    lines = [(o, e) for o in operations for e in o.entries]
    if not lines:
        return
    run(
        """
        INSERT INTO credits_entry (wallet_id, number, operation_id, grant_id, kind, amount, balance_after,
            occurred_at, written_at)
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[],
            %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        """,
        [
            arrays.numbers(o.wallet_id for o, _ in lines),
            arrays.numbers(e.number for _, e in lines),
            arrays.ids(o.id for o, _ in lines),
            arrays.ids(e.grant_id for _, e in lines),
            arrays.texts(e.kind for _, e in lines),
            arrays.numbers(e.amount for _, e in lines),
            arrays.numbers(e.balance_after for _, e in lines),
            arrays.instants(o.occurred_at for o, _ in lines),
            arrays.instants(o.written_at for o, _ in lines),
        ],
    )


def insert_reservations(reservations: Sequence[ReservationState]) -> None:
    run(
        """
        INSERT INTO credits_reservation (id, wallet_id, idempotency_key, content_hash, state, credits,
            available_after, feature, actor_id, actor_label, resource, created_at, expires_at)
        SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[], %s::text[], %s::bigint[],
            %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::jsonb[], %s::timestamptz[], %s::timestamptz[])
        """,
        [
            arrays.ids(r.id for r in reservations),
            arrays.numbers(r.wallet_id for r in reservations),
            arrays.texts(r.idempotency_key for r in reservations),
            arrays.hashes(r.content_hash for r in reservations),
            arrays.texts("open" for _ in reservations),
            arrays.numbers(r.credits for r in reservations),
            arrays.numbers(r.available_after for r in reservations),
            arrays.texts(r.feature for r in reservations),
            arrays.numbers(r.actor_id for r in reservations),
            arrays.texts(r.actor_label for r in reservations),
            arrays.texts(as_json(r.resource) for r in reservations),
            arrays.instants(r.created_at for r in reservations),
            arrays.instants(r.expires_at for r in reservations),
        ],
    )
    draws = [(r.id, position, *draw) for r in reservations for position, draw in enumerate(r.draws)]
    run(
        """
        INSERT INTO credits_reservationdraw (reservation_id, position, grant_id, credits)
        SELECT * FROM unnest(%s::uuid[], %s::int[], %s::uuid[], %s::bigint[])
        """,
        [
            arrays.ids(draw[0] for draw in draws),
            arrays.numbers(draw[1] for draw in draws),
            arrays.ids(draw[2] for draw in draws),
            arrays.numbers(draw[3] for draw in draws),
        ],
    )


def update_reservations(reservations: Sequence[ReservationState]) -> None:
    run(
        """
        UPDATE credits_reservation r SET state = n.state, closed_at = n.closed_at, operation_id = n.operation_id
        FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::uuid[]) AS n(id, state, closed_at, operation_id)
        WHERE r.id = n.id
        """,
        [
            arrays.ids(r.id for r in reservations),
            arrays.texts(r.state for r in reservations),
            arrays.instants(r.closed_at for r in reservations),
            arrays.ids(r.operation_id for r in reservations),
        ],
    )
