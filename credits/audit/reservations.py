"""What must be true of reservations: their state, what they drew, and what ended them agree."""

from credits.audit.proof import Invariant

RESERVATIONS = [
    Invariant(
        "reservation_is_settled_by_a_usage",
        "A reservation is settled if and only if a usage of its wallet, and no other reservation's, settled it.",
        """
        SELECT r.wallet_id, o.number,
            format('reservation %%s: %%s, operation %%s', r.id, r.state, coalesce(r.operation_id::text, 'none'))
                AS what,
            r.credits AS off
        FROM reservations r
        LEFT JOIN credits_operation o ON o.id = r.operation_id AND o.wallet_id = r.wallet_id AND o.kind = 'usage'
        WHERE (r.state = 'settled') <> (o.id IS NOT NULL) OR (r.operation_id IS NOT NULL AND o.id IS NULL)
            OR (r.operation_id IS NOT NULL AND EXISTS (
                SELECT FROM credits_reservation x WHERE x.operation_id = r.operation_id AND x.id <> r.id
            ))
        """,
    ),
    Invariant(
        "reservation_is_closed_with_a_time",
        "A reservation is open if and only if it has no time of closing; none closes before it was made.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('reservation %%s: %%s, closed %%s', id, state, coalesce(closed_at::text, 'never')) AS what,
            credits AS off
        FROM reservations
        WHERE (state = 'open') <> (closed_at IS NULL) OR closed_at < created_at
            OR state NOT IN ('open', 'settled', 'released', 'timed_out')
        """,
    ),
    Invariant(
        "reservation_times_out_in_its_time",
        "No reservation times out before its time.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('reservation %%s: times out %%s, closed %%s', id, expires_at, closed_at) AS what, credits AS off
        FROM reservations WHERE state = 'timed_out' AND closed_at < expires_at
        """,
    ),
    Invariant(
        "reservation_draws_sum_to_its_credits",
        "A reservation's draws add up to its credits.",
        """
        SELECT r.wallet_id, NULL::bigint AS number,
            format('reservation %%s: %%s, draws %%s', r.id, r.credits, coalesce(d.total, 0)) AS what,
            abs(r.credits - coalesce(d.total, 0)) AS off
        FROM reservations r
        LEFT JOIN (SELECT reservation_id, sum(credits) AS total FROM draws GROUP BY reservation_id) d
            ON d.reservation_id = r.id
        WHERE r.credits <> coalesce(d.total, 0)
        """,
    ),
    Invariant(
        "reservation_draws_from_its_wallets_grants",
        "A reservation draws from grants of its wallet.",
        """
        SELECT d.wallet_id, NULL::bigint AS number,
            format('reservation %%s, draw %%s: grant %%s of wallet %%s', d.reservation_id, d.position, d.grant_id,
                coalesce(g.wallet_id::text, 'none')) AS what,
            d.credits AS off
        FROM draws d LEFT JOIN credits_grant g ON g.id = d.grant_id
        WHERE d.wallet_id IS NULL OR g.wallet_id IS DISTINCT FROM d.wallet_id
        """,
    ),
    Invariant(
        "reservation_draws_within_validity",
        "A reservation draws from grants that are valid when it is made.",
        """
        SELECT d.wallet_id, NULL::bigint AS number,
            format('reservation %%s at %%s: grant %%s (%%s to %%s)', d.reservation_id, d.created_at, g.id,
                g.effective_at, coalesce(g.expires_at::text, 'no end')) AS what,
            d.credits AS off
        FROM draws d JOIN credits_grant g ON g.id = d.grant_id
        WHERE d.created_at < g.effective_at OR d.created_at >= g.expires_at
        """,
    ),
    Invariant(
        "settlement_of_expired_credits_is_within_the_draw",
        "Of a grant that expired meanwhile, a settlement takes no more than was reserved of it.",
        """
        SELECT d.wallet_id, min(e.number) AS number,
            format('reservation %%s: %%s drawn of grant %%s, %%s taken', d.reservation_id, d.credits, d.grant_id,
                -sum(e.amount)) AS what,
            -sum(e.amount) - d.credits AS off
        FROM draws d
        JOIN credits_grant g ON g.id = d.grant_id
        JOIN credits_operation o ON o.id = d.operation_id AND o.written_at >= g.expires_at
        JOIN credits_entry e ON e.wallet_id = o.wallet_id AND e.number BETWEEN o.first_number AND o.number
            AND e.grant_id = d.grant_id AND e.kind = 'usage'
        GROUP BY d.wallet_id, d.reservation_id, d.grant_id, d.credits HAVING -sum(e.amount) > d.credits
        """,
    ),
    Invariant(
        "reservation_belongs_to_a_wallet",
        "Every reservation belongs to a wallet.",
        """
        SELECT r.wallet_id, NULL::bigint AS number, format('reservation %%s: no such wallet', r.id) AS what,
            r.credits AS off
        FROM reservations r WHERE NOT EXISTS (SELECT FROM credits_wallet w WHERE w.id = r.wallet_id)
        """,
    ),
    Invariant(
        "reservation_key_is_used_once",
        "An idempotency key makes one reservation in a wallet.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('key %%s: %%s reservations', idempotency_key, count(*)) AS what, count(*) AS off
        FROM reservations GROUP BY wallet_id, idempotency_key HAVING count(*) > 1
        """,
    ),
    Invariant(
        "reservation_ends_in_time",
        "A reservation whose time is out is released within two minutes.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('reservation %%s: timed out %%s, still open', id, expires_at) AS what,
            extract(epoch FROM %(now)s - expires_at) AS off
        FROM reservations WHERE state = 'open' AND expires_at < %(now)s - interval '2 minutes'
        """,
        is_liveness=True,
    ),
]
