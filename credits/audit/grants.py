"""What must be true of a grant: it was given once, holds what its entries say, and ends when it should."""

from credits.audit.proof import Invariant

GRANTS = [
    Invariant(
        "grant_remaining_is_its_entries",
        "What is left of a grant is the sum of its entries.",
        """
        SELECT g.wallet_id, NULL::bigint AS number,
            format('grant %%s: remaining %%s, entries %%s', g.id, g.remaining, coalesce(e.total, 0)) AS what,
            abs(g.remaining - coalesce(e.total, 0)) AS off
        FROM grants g
        LEFT JOIN (
            SELECT grant_id, sum(amount) AS total FROM entries WHERE grant_id IS NOT NULL GROUP BY grant_id
        ) e ON e.grant_id = g.id
        WHERE g.remaining <> coalesce(e.total, 0)
        """,
    ),
    Invariant(
        "grant_is_in_bounds",
        "What is left of a grant is from zero to its amount, and what is reserved of it from zero to what is left.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('grant %%s: amount %%s, remaining %%s, reserved %%s', id, amount, remaining, reserved) AS what,
            greatest(-remaining, remaining - amount, -reserved, reserved - remaining, 1 - amount) AS off
        FROM grants
        WHERE amount <= 0 OR remaining < 0 OR remaining > amount OR reserved < 0 OR reserved > remaining
        """,
    ),
    Invariant(
        "grant_reserved_is_its_open_reservations",
        "What is reserved of a grant is what open reservations drew from it.",
        """
        SELECT g.wallet_id, NULL::bigint AS number,
            format('grant %%s: reserved %%s, drawn %%s', g.id, g.reserved, coalesce(d.held, 0)) AS what,
            abs(g.reserved - coalesce(d.held, 0)) AS off
        FROM grants g
        LEFT JOIN (
            SELECT grant_id, sum(credits) AS held FROM draws WHERE state = 'open' GROUP BY grant_id
        ) d ON d.grant_id = g.id
        WHERE g.reserved <> coalesce(d.held, 0)
        """,
    ),
    Invariant(
        "grant_is_open_while_it_holds_credits",
        "A grant is open if and only if something is left of it.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('grant %%s: %%s, remaining %%s', id, CASE WHEN is_open THEN 'open' ELSE 'closed' END, remaining)
                AS what,
            remaining AS off
        FROM grants WHERE is_open <> (remaining > 0)
        """,
    ),
    Invariant(
        "grant_was_given_once",
        "Every grant was given by exactly one operation, of its wallet and its source.",
        """
        SELECT g.wallet_id, NULL::bigint AS number,
            format('grant %%s: given by %%s operations', g.id, count(o.id)) AS what, abs(count(o.id) - 1) AS off
        FROM grants g
        LEFT JOIN credits_operation o ON o.kind = 'grant' AND o.subject = g.id AND o.wallet_id = g.wallet_id
            AND o.source = g.source
        GROUP BY g.id, g.wallet_id HAVING count(o.id) <> 1
        """,
    ),
    Invariant(
        "grant_operation_gives_its_whole_grant",
        "An operation that grants has one entry: the whole amount into the grant that it names.",
        """
        SELECT o.wallet_id, o.number,
            format('operation %%s: %%s entries, %%s into grant %%s of %%s', o.id, count(e.number),
                coalesce(sum(e.amount), 0), o.subject, g.amount) AS what,
            abs(coalesce(sum(e.amount), 0) - coalesce(g.amount, 0)) AS off
        FROM operations o
        LEFT JOIN credits_grant g ON g.id = o.subject
        LEFT JOIN credits_entry e ON e.wallet_id = o.wallet_id AND e.number BETWEEN o.first_number AND o.number
        WHERE o.kind = 'grant'
        GROUP BY o.id, o.wallet_id, o.number, o.subject, g.id, g.amount
        HAVING count(e.number) <> 1 OR g.id IS NULL OR bool_or(e.grant_id IS DISTINCT FROM o.subject)
            OR bool_or(e.kind <> 'grant') OR sum(e.amount) <> g.amount
        """,
    ),
    Invariant(
        "expiry_is_not_before_its_time",
        "Nothing expires before its grant does.",
        """
        SELECT e.wallet_id, e.number,
            format('grant %%s: expires %%s, written off %%s', g.id, coalesce(g.expires_at::text, 'never'), e.written_at)
                AS what,
            -e.amount AS off
        FROM entries e JOIN credits_grant g ON g.id = e.grant_id
        WHERE e.kind = 'expiry' AND (g.expires_at IS NULL OR e.written_at < g.expires_at)
        """,
    ),
    Invariant(
        "grant_is_voided_at_most_whole",
        "No more is voided of a grant, and not reinstated, than was given.",
        """
        SELECT g.wallet_id, NULL::bigint AS number,
            format('grant %%s: amount %%s, voided %%s', g.id, g.amount, -sum(v.credits)) AS what,
            -sum(v.credits) - g.amount AS off
        FROM (
            SELECT subject, credits FROM operations WHERE kind = 'void'
            UNION ALL
            SELECT o.subject, r.credits FROM operations r
            JOIN credits_operation o ON o.id = r.subject AND o.kind = 'void' WHERE r.kind = 'return'
        ) v JOIN credits_grant g ON g.id = v.subject
        GROUP BY g.id, g.wallet_id, g.amount HAVING -sum(v.credits) > g.amount
        """,
    ),
    Invariant(
        "grant_belongs_to_a_wallet",
        "Every grant belongs to a wallet.",
        """
        SELECT g.wallet_id, NULL::bigint AS number, format('grant %%s: no such wallet', g.id) AS what, g.amount AS off
        FROM grants g WHERE NOT EXISTS (SELECT FROM credits_wallet w WHERE w.id = g.wallet_id)
        """,
    ),
    Invariant(
        "grant_expires_after_it_begins",
        "A grant expires after it begins.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('grant %%s: from %%s until %%s', id, effective_at, expires_at) AS what, amount AS off
        FROM grants WHERE expires_at <= effective_at
        """,
    ),
    Invariant(
        "expired_credits_are_swept",
        "What has expired is written off within 26 hours.",
        """
        SELECT wallet_id, NULL::bigint AS number,
            format('grant %%s: expired %%s, unswept %%s', id, expires_at, remaining - reserved) AS what,
            extract(epoch FROM %(now)s - expires_at) AS off
        FROM grants WHERE is_open AND remaining > reserved AND expires_at < %(now)s - interval '26 hours'
        """,
        is_liveness=True,
    ),
]
