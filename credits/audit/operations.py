"""What must be true of operations: each moved what its entries say, once, and acts upon something that exists."""

from credits.audit.proof import Invariant

OPERATIONS = [
    Invariant(
        "operation_belongs_to_a_wallet",
        "Every operation belongs to a wallet.",
        """
        SELECT o.wallet_id, o.number, format('operation %%s: no such wallet', o.id) AS what, abs(o.credits) AS off
        FROM operations o LEFT JOIN credits_wallet w ON w.id = o.wallet_id WHERE w.id IS NULL
        """,
    ),
    Invariant(
        "operation_numbers_tile_its_wallets",
        "Operations follow one another in their wallet: the next begins where the one before ended.",
        """
        SELECT wallet_id, first_number AS number,
            format('operation %%s has %%s to %%s, the one before ends at %%s', id, first_number, number, before)
                AS what,
            abs(first_number - before - 1) AS off
        FROM (
            SELECT id, wallet_id, first_number, number,
                lag(number, 1, 0::bigint) OVER (PARTITION BY wallet_id ORDER BY number, first_number) AS before
            FROM operations WHERE first_number <= number
        ) o WHERE first_number <> before + 1
        UNION ALL
        SELECT w.id, w.last_number, format('the last operation ends at %%s', coalesce(o.number, 0)),
            abs(w.last_number - coalesce(o.number, 0))
        FROM wallets w
        LEFT JOIN LATERAL (
            SELECT number FROM credits_operation WHERE wallet_id = w.id ORDER BY number DESC LIMIT 1
        ) o ON true
        WHERE w.last_number <> coalesce(o.number, 0)
        """,
    ),
    Invariant(
        "operation_credits_are_its_entries",
        "An operation's credits are the sum of its entries.",
        """
        SELECT o.wallet_id, o.number,
            format('operation %%s: %%s, entries %%s', o.id, o.credits, coalesce(e.total, 0)) AS what,
            abs(o.credits - coalesce(e.total, 0)) AS off
        FROM operations o
        LEFT JOIN (SELECT operation_id, sum(amount) AS total FROM entries GROUP BY operation_id) e
            ON e.operation_id = o.id
        WHERE o.credits <> coalesce(e.total, 0)
        """,
    ),
    Invariant(
        "operation_balance_is_its_last_entrys",
        "The balance after an operation is that after its last entry, or after the entry before where it has none.",
        """
        SELECT o.wallet_id, o.number,
            format('operation %%s: %%s, entry %%s', o.id, o.balance_after, coalesce(e.balance_after, 0)) AS what,
            abs(o.balance_after - coalesce(e.balance_after, 0)) AS off
        FROM operations o LEFT JOIN credits_entry e ON e.wallet_id = o.wallet_id AND e.number = o.number
        WHERE o.balance_after <> coalesce(e.balance_after, 0)
        """,
    ),
    Invariant(
        "operation_key_is_used_once",
        "An idempotency key is used once in a wallet.",
        """
        SELECT wallet_id, min(number) AS number, format('key %%s: %%s operations', idempotency_key, count(*)) AS what,
            count(*) AS off
        FROM operations GROUP BY wallet_id, idempotency_key HAVING count(*) > 1
        """,
    ),
    Invariant(
        "operation_names_the_grant_that_it_moves",
        "An operation that grants, expires or voids names the one grant that its entries move.",
        """
        SELECT o.wallet_id, o.number, format('%%s names %%s', o.kind, coalesce(o.subject::text, 'nothing')) AS what,
            abs(o.credits) AS off
        FROM operations o
        LEFT JOIN credits_grant g ON g.id = o.subject AND g.wallet_id = o.wallet_id
        WHERE o.kind IN ('grant', 'expiry', 'void') AND (
            g.id IS NULL OR EXISTS (
                SELECT FROM credits_entry e
                WHERE e.wallet_id = o.wallet_id AND e.number BETWEEN o.first_number AND o.number
                    AND e.kind = o.kind AND e.grant_id IS DISTINCT FROM o.subject
            )
        )
        """,
    ),
    Invariant(
        "operation_has_a_cause",
        "What was given or voided says by whom, through what or why; a usage has its event for that.",
        """
        SELECT wallet_id, number, format('%%s %%s: no cause', kind, id) AS what, abs(credits) AS off
        FROM operations WHERE kind IN ('grant', 'void') AND actor_id IS NULL AND actor_label = '' AND memo = ''
        """,
    ),
    Invariant(
        "operation_names_a_source_if_it_grants",
        "An operation that grants says from which source, and no other does.",
        """
        SELECT wallet_id, number, format('%%s from “%%s”', kind, source) AS what, abs(credits) AS off
        FROM operations WHERE (kind = 'grant') <> (source <> '')
        """,
    ),
    Invariant(
        "operation_happened_before_it_was_written",
        "Nothing is written before it happened; clocks may differ by five minutes.",
        """
        SELECT wallet_id, number, format('operation %%s: happened %%s, written %%s', id, occurred_at, written_at)
                AS what,
            extract(epoch FROM occurred_at - written_at) AS off
        FROM operations WHERE occurred_at > written_at + interval '5 minutes'
        """,
    ),
    Invariant(
        "return_names_a_usage_or_void",
        "A return names a usage or a void of its wallet that was written before it.",
        """
        SELECT r.wallet_id, r.number, format('return of %%s', coalesce(r.subject::text, 'nothing')) AS what,
            abs(r.credits) AS off
        FROM operations r
        LEFT JOIN credits_operation u ON u.id = r.subject AND u.wallet_id = r.wallet_id AND u.kind IN ('usage', 'void')
            AND u.number < r.first_number
        WHERE r.kind = 'return' AND u.id IS NULL
        """,
    ),
    Invariant(
        "returns_are_at_most_what_was_taken",
        "No more goes back to a grant, or off the debt, than the usage or void took there.",
        """
        SELECT r.wallet_id, NULL::bigint AS number,
            format('operation %%s: %%s returned of %%s, grant %%s', r.subject, r.given, coalesce(t.taken, 0),
                coalesce(r.grant_id::text, 'none')) AS what,
            r.given - coalesce(t.taken, 0) AS off
        FROM (
            SELECT o.wallet_id, o.subject, e.grant_id, sum(e.amount) AS given
            FROM operations o JOIN credits_entry e ON e.wallet_id = o.wallet_id
                AND e.number BETWEEN o.first_number AND o.number AND e.kind = 'return'
            WHERE o.kind = 'return' GROUP BY o.wallet_id, o.subject, e.grant_id
        ) r
        LEFT JOIN LATERAL (
            SELECT -sum(e.amount) AS taken
            FROM credits_operation u JOIN credits_entry e ON e.wallet_id = u.wallet_id
                AND e.number BETWEEN u.first_number AND u.number AND e.kind IN ('usage', 'void', 'debt')
            WHERE u.id = r.subject AND e.grant_id IS NOT DISTINCT FROM r.grant_id
        ) t ON true
        WHERE r.given > coalesce(t.taken, 0)
        """,
    ),
]
