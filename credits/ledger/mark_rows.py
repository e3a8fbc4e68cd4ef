"""The statements of the marks on wallets, as SQL: what moves no credits. No decision is made here."""

from collections.abc import Sequence
from datetime import datetime

from credits import arrays
from credits.ledger.state import WalletState
from credits.statements import fetch, run


def set_recharging(wallet_id: int, until: datetime | None) -> None:
    run("UPDATE credits_wallet SET recharging_until = %s WHERE id = %s", [until, wallet_id])


def set_watch(wallet_id: int, below: int | None) -> None:
    run("UPDATE credits_wallet SET watched_below = %s WHERE id = %s", [below, wallet_id])


def set_low_below(wallet_id: int, below: int | None) -> None:
    run("UPDATE credits_wallet SET low_below = %s WHERE id = %s", [below, wallet_id])


def set_marks(wallets: Sequence[WalletState]) -> None:
    run(
        """
        UPDATE credits_wallet w SET low_since = n.low_since, depleted_since = n.depleted_since
        FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS n(id, low_since, depleted_since)
        WHERE w.id = n.id
        """,
        [
            arrays.numbers(w.id for w in wallets),
            arrays.instants(w.low_since for w in wallets),
            arrays.instants(w.depleted_since for w in wallets),
        ],
    )


def read_marks_that_do_not_fit(*, after: int, at: datetime, limit: int) -> list[int]:
    """Return the next wallets, in the order of their ids, whose marks seem not to fit what they hold."""
    rows = fetch(
        """
        SELECT w.id
        FROM credits_wallet w
        JOIN credits_program p ON p.id = w.program_id
        CROSS JOIN LATERAL (SELECT coalesce(w.low_below, p.low_balance, 0) AS below) m
        LEFT JOIN LATERAL (
            SELECT sum(g.remaining - g.reserved)::bigint AS credits,
                   max(greatest(g.effective_at, g.created_at)) AS since
            FROM credits_grant g
            WHERE g.wallet_id = w.id AND g.is_open AND g.remaining > g.reserved AND g.frozen_at IS NULL
              AND g.effective_at <= %s AND (g.expires_at IS NULL OR g.expires_at > %s)
        ) free ON true
        CROSS JOIN LATERAL (
            SELECT CASE WHEN w.debt > 0 THEN 0 ELSE coalesce(free.credits, 0) END AS available
        ) a
        WHERE w.id > %s AND w.last_number > 0 AND (
            (w.depleted_since IS NULL AND a.available + w.reserved = 0)
            OR (w.depleted_since IS NOT NULL AND a.available > 0 AND free.since > w.depleted_since)
            OR (w.low_since IS NULL AND a.available + w.reserved < m.below)
            OR (w.low_since IS NOT NULL AND a.available + w.reserved >= m.below AND free.since > w.low_since)
        )
        ORDER BY w.id LIMIT %s
        """,
        [at, at, after, limit],
    )
    return [wallet_id for (wallet_id,) in rows]
