"""What must be true of entries: numbered without gaps, adding up, each in its place and of a kind that fits there."""

from credits.audit.proof import Invariant

ENTRIES = [
    Invariant(
        "entry_numbers_have_no_gaps",
        "A wallet's entries are numbered 1, 2, 3… without a gap.",
        """
        SELECT wallet_id, number, format('follows %%s', before) AS what, abs(number - before - 1) AS off
        FROM (
            SELECT wallet_id, number, lag(number, 1, 0::bigint) OVER (PARTITION BY wallet_id ORDER BY number) AS before
            FROM entries
        ) e WHERE number <> before + 1
        """,
    ),
    Invariant(
        "entry_balance_runs",
        "The balance after an entry is the balance before it and the entry's amount.",
        """
        SELECT wallet_id, number, format('%%s and %%s make %%s', before, amount, balance_after) AS what,
            abs(balance_after - before - amount) AS off
        FROM (
            SELECT wallet_id, number, amount, balance_after,
                lag(balance_after, 1, 0::bigint) OVER (PARTITION BY wallet_id ORDER BY number) AS before
            FROM entries
        ) e WHERE balance_after <> before + amount
        """,
    ),
    Invariant(
        "entry_clock_runs_forward",
        "No entry was written before the one before it.",
        """
        SELECT wallet_id, number, format('written %%s, the one before %%s', written_at, before) AS what,
            extract(epoch FROM before - written_at) AS off
        FROM (
            SELECT wallet_id, number, written_at,
                lag(written_at) OVER (PARTITION BY wallet_id ORDER BY number) AS before
            FROM entries
        ) e WHERE written_at < before
        """,
    ),
    Invariant(
        "entry_belongs_to_a_wallet",
        "Every entry belongs to a wallet.",
        """
        SELECT e.wallet_id, min(e.number) AS number, format('%%s entries, no such wallet', count(*)) AS what,
            count(*) AS off
        FROM (SELECT wallet_id, number FROM entries) e LEFT JOIN credits_wallet w ON w.id = e.wallet_id
        WHERE w.id IS NULL GROUP BY e.wallet_id
        """,
    ),
    Invariant(
        "entry_belongs_to_an_operation",
        "Every entry belongs to an operation of its wallet that counts it among its own.",
        """
        SELECT e.wallet_id, e.number,
            CASE WHEN o.id IS NULL THEN format('no operation %%s', e.operation_id)
                ELSE format('operation %%s has %%s to %%s of wallet %%s', o.id, o.first_number, o.number, o.wallet_id)
            END AS what, abs(e.amount) AS off
        FROM entries e LEFT JOIN credits_operation o ON o.id = e.operation_id
        WHERE o.id IS NULL OR o.wallet_id <> e.wallet_id OR e.number NOT BETWEEN o.first_number AND o.number
        """,
    ),
    Invariant(
        "entry_clocks_are_its_operations",
        "An entry happened and was written when its operation was.",
        """
        SELECT e.wallet_id, e.number,
            format('happened %%s and written %%s, operation %%s and %%s',
                e.occurred_at, e.written_at, o.occurred_at, o.written_at) AS what,
            abs(extract(epoch FROM e.written_at - o.written_at))
                + abs(extract(epoch FROM e.occurred_at - o.occurred_at)) AS off
        FROM entries e JOIN credits_operation o ON o.id = e.operation_id
        WHERE e.occurred_at <> o.occurred_at OR e.written_at <> o.written_at
        """,
    ),
    Invariant(
        "entry_belongs_to_a_grant_of_its_wallet",
        "Every entry that names a grant names one of its wallet.",
        """
        SELECT e.wallet_id, e.number,
            CASE WHEN g.id IS NULL THEN format('no grant %%s', e.grant_id)
                ELSE format('grant %%s is of wallet %%s', g.id, g.wallet_id) END AS what, abs(e.amount) AS off
        FROM entries e LEFT JOIN credits_grant g ON g.id = e.grant_id
        WHERE e.grant_id IS NOT NULL AND (g.id IS NULL OR g.wallet_id <> e.wallet_id)
        """,
    ),
    Invariant(
        "entry_kind_fits_its_sign_and_grant",
        "Grants and returns add, usage, expiry, void and debt take; debt alone has no grant, and all but it may.",
        """
        SELECT wallet_id, number,
            format('%%s of %%s %%s a grant', kind, amount, CASE WHEN grant_id IS NULL THEN 'without' ELSE 'with' END)
                AS what,
            abs(amount) AS off
        FROM entries
        WHERE NOT CASE kind
            WHEN 'grant' THEN amount > 0 AND grant_id IS NOT NULL
            WHEN 'usage' THEN amount < 0 AND grant_id IS NOT NULL
            WHEN 'expiry' THEN amount < 0 AND grant_id IS NOT NULL
            WHEN 'void' THEN amount < 0 AND grant_id IS NOT NULL
            WHEN 'return' THEN amount > 0
            WHEN 'debt' THEN amount < 0 AND grant_id IS NULL
            WHEN 'repayment' THEN amount <> 0
            ELSE false END
        """,
    ),
    Invariant(
        "entry_kind_fits_its_operation",
        "An operation has entries of its own kind, a usage or void also debt, a return also repayments undone.",
        """
        SELECT e.wallet_id, e.number, format('%%s in a %%s', e.kind, o.kind) AS what, abs(e.amount) AS off
        FROM entries e JOIN credits_operation o ON o.id = e.operation_id
        WHERE e.kind <> o.kind AND NOT (o.kind IN ('usage', 'void') AND e.kind = 'debt')
            AND NOT (o.kind = 'return' AND e.kind = 'repayment')
        """,
    ),
    Invariant(
        "spend_is_within_its_grants_validity",
        "Nothing is spent of a grant before it begins or after it expires, except what was reserved in time.",
        """
        SELECT e.wallet_id, e.number,
            format('%%s of grant %%s (%%s to %%s) at %%s', e.kind, e.grant_id, e.effective_at,
                coalesce(e.expires_at::text, 'no end'), e.written_at) AS what, -e.amount AS off
        FROM (
            SELECT e.*, g.effective_at, g.expires_at FROM entries e JOIN credits_grant g ON g.id = e.grant_id
            WHERE e.kind IN ('usage', 'repayment') AND e.amount < 0
                AND (e.written_at < g.effective_at OR e.written_at >= g.expires_at)
        ) e
        WHERE NOT EXISTS (
            SELECT FROM credits_reservation r JOIN credits_reservationdraw d ON d.reservation_id = r.id
            WHERE r.operation_id = e.operation_id AND d.grant_id = e.grant_id AND r.created_at >= e.effective_at
                AND (e.expires_at IS NULL OR r.created_at < e.expires_at)
        )
        """,
    ),
    Invariant(
        "spend_is_for_a_feature_that_its_grant_allows",
        "A grant that is restricted to features pays for no other.",
        """
        SELECT e.wallet_id, e.number,
            format('“%%s” of grant %%s, for %%s only', o.feature, g.id, array_to_string(g.features, ', ')) AS what,
            -e.amount AS off
        FROM credits_grant g
        JOIN entries e ON e.grant_id = g.id AND e.wallet_id = g.wallet_id AND e.kind = 'usage'
        JOIN credits_operation o ON o.id = e.operation_id
        WHERE g.features IS NOT NULL AND o.feature <> '' AND NOT o.feature = ANY(g.features)
        """,
    ),
    Invariant(
        "repayments_sum_to_zero",
        "What a grant repays leaves the debt: the repayments of an operation add up to nothing.",
        """
        SELECT wallet_id, min(number) AS number, format('operation %%s: %%s', operation_id, sum(amount)) AS what,
            abs(sum(amount)) AS off
        FROM entries WHERE kind = 'repayment' GROUP BY wallet_id, operation_id HAVING sum(amount) <> 0
        """,
    ),
    Invariant(
        "repayments_undone_are_at_most_what_was_repaid",
        "No grant gets more back of its repayments than it repaid.",
        """
        SELECT wallet_id, max(number) AS number, format('grant %%s: %%s more than it repaid', grant_id, sum(amount))
                AS what,
            sum(amount) AS off
        FROM entries WHERE kind = 'repayment' AND grant_id IS NOT NULL
        GROUP BY wallet_id, grant_id HAVING sum(amount) > 0
        """,
    ),
    Invariant(
        "debt_is_never_below_zero",
        "Debt is never negative.",
        """
        SELECT wallet_id, number, format('debt %%s', debt) AS what, -debt AS off
        FROM (
            SELECT wallet_id, number, -sum(amount) OVER (PARTITION BY wallet_id ORDER BY number) AS debt
            FROM entries WHERE grant_id IS NULL
        ) e WHERE debt < 0
        """,
    ),
]
