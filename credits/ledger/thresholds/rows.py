"""The statements of a wallet's thresholds and settings, as SQL: what moves no credits. No decision is made here."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from credits.ledger.state import WalletState
from sql import arrays
from sql.rows import update
from sql.statements import fetch, run

# How long the next allowance of a plan is waited for: Stripe collects an invoice after an hour.
WAITED_FOR = timedelta(hours=3)
IS_ALLOWANCE = "(g.source = 'plan' OR (g.source = 'bank_transfer' AND g.cost_minor = 0))"


def awaits_allowance(wallet: str, at: str) -> str:
    """Return the condition that a wallet is in an allowance gap: a plan's allowance expired with credits left shortly
    before an instant, and no other has come. An expired grant that still holds credits is one yet to be swept.

    wallet, at: SQL of the wallet's id and of the instant.
    """
    return f"""(
        EXISTS (
            SELECT FROM credits_grant g
            WHERE g.wallet_id = {wallet} AND {IS_ALLOWANCE}
              AND g.expires_at <= {at} AND g.expires_at > {at} - interval '{WAITED_FOR.total_seconds()} seconds'
              AND (g.remaining > 0 OR EXISTS (
                  SELECT FROM credits_operation o
                  WHERE o.wallet_id = g.wallet_id AND o.subject = g.id AND o.kind = 'expiry'
              ))
        ) AND NOT EXISTS (
            SELECT FROM credits_grant g
            WHERE g.wallet_id = {wallet} AND {IS_ALLOWANCE} AND g.expires_at > {at}
        )
    )"""


def read_waiting(wallets: Sequence[tuple[int, datetime]]) -> set[int]:
    """Return those of the wallets, each with an instant of its own, that are in an allowance gap then."""
    rows = fetch(
        f"""
        SELECT w.id FROM unnest(%s::bigint[], %s::timestamptz[]) AS w(id, at)
        WHERE {awaits_allowance("w.id", "w.at")}
        """,
        [arrays.numbers(wallet_id for wallet_id, _ in wallets), arrays.instants(at for _, at in wallets)],
    )
    return {wallet_id for (wallet_id,) in rows}


def set_recharging(wallet_id: int, until: datetime | None) -> None:
    run("UPDATE credits_wallet SET recharging_until = %s WHERE id = %s", [until, wallet_id])


def set_watch(wallet_id: int, below: int | None) -> None:
    run("UPDATE credits_wallet SET watched_below = %s WHERE id = %s", [below, wallet_id])


def set_low_below(wallet_id: int, below: int | None) -> None:
    run("UPDATE credits_wallet SET low_below = %s WHERE id = %s", [below, wallet_id])


set_changes = update("credits_wallet", WalletState, "low_since", "depleted_since")


def read_changed(*, after: int, at: datetime, limit: int) -> list[int]:
    """Return the next wallets, in the order of their ids, whose balance seems to have changed without being known to.

    Those in an allowance gap have not.
    """
    rows = fetch(
        f"""
        SELECT w.id
        FROM credits_wallet w
        JOIN credits_program p ON p.id = w.program_id
        CROSS JOIN LATERAL (SELECT coalesce(w.low_below, p.low_balance, 0) AS below) m
        LEFT JOIN LATERAL (
            SELECT sum(g.remaining - g.reserved)::bigint AS credits,
                   max(greatest(g.effective_at, g.created_at)) AS since
            FROM credits_grant g
            WHERE g.wallet_id = w.id AND g.is_open AND g.remaining > g.reserved AND g.frozen_at IS NULL
              AND g.effective_at <= %(at)s AND (g.expires_at IS NULL OR g.expires_at > %(at)s)
        ) free ON true
        CROSS JOIN LATERAL (
            SELECT CASE WHEN w.debt > 0 THEN 0 ELSE coalesce(free.credits, 0) END AS available
        ) a
        WHERE w.id > %(after)s AND w.last_number > 0 AND (
            (w.depleted_since IS NOT NULL AND a.available > 0 AND free.since > w.depleted_since)
            OR (w.low_since IS NOT NULL AND a.available + w.reserved >= m.below AND free.since > w.low_since)
            OR (
                (
                    (w.depleted_since IS NULL AND a.available + w.reserved = 0)
                    OR (w.low_since IS NULL AND a.available + w.reserved < m.below)
                )
                AND NOT {awaits_allowance("w.id", "%(at)s")}
            )
        )
        ORDER BY w.id LIMIT %(limit)s
        """,
        {"at": at, "after": after, "limit": limit},
    )
    return [wallet_id for (wallet_id,) in rows]
