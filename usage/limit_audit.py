"""What must be true of limits: what counts against one this month is what its uses of this month were charged.

Proved like the ledger's own invariants (`credits.audit`), in the same snapshot. It only reads.
"""

from credits.audit import Invariant

LIMITS = [
    Invariant(
        "limit_use_is_its_events",
        "What counts against a limit this month is what its uses of this month were charged, less refunds.",
        # Months are those of the organization's clocks. Where they were set to another zone since shortly before the
        # month began, it began twice, and what was counted by the old clocks stays.
        """
        WITH months AS MATERIALIZED (
            SELECT o.id AS organization_id, z.month_on, z.month_on::timestamp AT TIME ZONE o.time_zone AS begins_at
            FROM organizations_organization o
            CROSS JOIN LATERAL (
                SELECT date_trunc('month', %(now)s::timestamptz AT TIME ZONE o.time_zone)::date AS month_on
            ) z
            WHERE o.id IN (SELECT organization_id FROM usage_limit)
                AND o.id IN (SELECT organization_id FROM wallets)
        ), used AS MATERIALIZED (
            SELECT u.organization_id, u.user_id, u.team_id, u.feature_id,
                grouping(u.user_id, u.team_id, u.feature_id) AS width, sum(u.credits - u.refunded) AS used
            FROM months n JOIN usage_usageevent u USING (organization_id)
            WHERE u.written_at >= n.begins_at
            GROUP BY GROUPING SETS (
                (u.organization_id), (u.organization_id, u.feature_id),
                (u.organization_id, u.team_id), (u.organization_id, u.team_id, u.feature_id),
                (u.organization_id, u.user_id), (u.organization_id, u.user_id, u.feature_id)
            )
        )
        SELECT m.wallet_id, NULL::bigint AS number,
            format('limit %%s (%%s): counted %%s in the month of %%s, uses %%s', m.id, m.scope, coalesce(c.credits, 0),
                m.month_on, coalesce(e.used, 0)) AS what,
            abs(coalesce(c.credits, 0) - coalesce(e.used, 0)) AS off
        FROM (
            SELECT l.*, w.id AS wallet_id, n.month_on,
                (l.user_id IS NULL)::int * 4 + (l.team_id IS NULL)::int * 2 + (l.feature_id IS NULL)::int AS width
            FROM wallets w
            JOIN usage_limit l ON l.organization_id = w.organization_id
            JOIN months n ON n.organization_id = w.organization_id
        ) m
        LEFT JOIN usage_limituse c ON c.limit_id = m.id AND c.month_on = m.month_on
        LEFT JOIN used e ON e.organization_id = m.organization_id AND e.width = m.width
            AND coalesce(e.user_id, 0) = coalesce(m.user_id, 0)
            AND coalesce(e.team_id, 0) = coalesce(m.team_id, 0)
            AND coalesce(e.feature_id, 0) = coalesce(m.feature_id, 0)
        WHERE coalesce(c.credits, 0) <> coalesce(e.used, 0)
            AND NOT EXISTS (
                SELECT FROM organizations_auditevent a
                WHERE a.organization_id = m.organization_id AND a.details ? 'time_zone'
                    AND a.created_at >= m.month_on - 2
            )
        """,
    ),
]
