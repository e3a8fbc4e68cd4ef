"""What must be true of limits: what counts against one this month is what its uses of this month were charged.

Proved like the ledger's own invariants (`credits.audit`), in the same snapshot. Reads only. A month begins as the
meter's `Moment` says: if clocks show a midnight twice PostgreSQL takes the second, and its time zone data may be older
or newer.
"""

from zoneinfo import ZoneInfo

from credits.audit import Invariant, Scope
from organizations.models import Organization
from usage.limits import Moment


def invariants(scope: Scope) -> list[Invariant]:
    """Return what is to be proved of limits as of the scope's instant. It asks which zones there are."""
    names = Organization.objects.filter(limits__isnull=False).order_by().values_list("time_zone", flat=True).distinct()
    moments = {name: Moment.at(scope.now, ZoneInfo(name)) for name in names}
    rows = [f"('{name}', date '{m.month_on}', timestamptz '{m.begins_at.isoformat()}')" for name, m in moments.items()]
    return [_used(", ".join(rows) or "('', current_date, now())")]


def _used(months: str) -> Invariant:
    return Invariant(
        "limit_use_is_its_events",
        "What counts against a limit this month is what its uses of this month were charged, less refunds.",
        # Months are those of the organization's clocks. Where they were set to another zone since shortly before the
        # month began, it began twice, and what was counted by the old clocks stays.
        f"""
        WITH months AS MATERIALIZED (
            SELECT o.id AS organization_id, z.month_on, z.begins_at
            FROM organizations_organization o
            JOIN (VALUES {months}) AS z (name, month_on, begins_at) ON z.name = o.time_zone
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
    )
