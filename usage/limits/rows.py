"""The statements of limits on the hot path: one reads them after the lock, one writes what was counted."""

from collections.abc import Collection, Mapping

from sql import arrays
from sql.statements import execute, pipelined, run
from usage.limits.state import Limits, LimitState, Moment

READ = """
    SELECT l.id, l.organization_id, l.scope, l.team_id, l.user_id, l.feature_id,
           CASE WHEN l.raised_until > n.now THEN l.raised_credits ELSE l.credits END, l.thresholds,
           coalesce(t.name, nullif(u.name, ''), u.email, o.name), coalesce(f.key, ''), coalesce(f.name, ''),
           coalesce(c.credits, 0), coalesce(held.credits, 0), coalesce(c.told_percent, 0)
    FROM unnest(%s::bigint[], %s::date[], %s::timestamptz[]) AS n(organization_id, month_on, now)
    JOIN usage_limit l ON l.organization_id = n.organization_id
      AND (l.scope = 'organization' OR l.user_id = ANY(%s::bigint[]) OR l.team_id = ANY(%s::bigint[]))
      AND (l.feature_id IS NULL OR l.feature_id = ANY(%s::bigint[]))
    JOIN organizations_organization o ON o.id = l.organization_id
    LEFT JOIN organizations_team t ON t.id = l.team_id
    LEFT JOIN organizations_user u ON u.id = l.user_id
    LEFT JOIN usage_feature f ON f.id = l.feature_id
    LEFT JOIN usage_limituse c ON c.limit_id = l.id AND c.month_on = n.month_on
    LEFT JOIN LATERAL (
        SELECT sum(r.credits)::bigint AS credits
        FROM credits_wallet w
        JOIN credits_reservation r ON r.wallet_id = w.id AND r.state = 'open' AND r.expires_at > n.now
        JOIN usage_reserveduse v ON v.reservation_id = r.id
        WHERE w.organization_id = l.organization_id
          AND (l.scope = 'organization' OR v.user_id = l.user_id OR v.team_id = l.team_id)
          AND (l.feature_id IS NULL OR v.feature_id = l.feature_id)
    ) held ON true
    ORDER BY l.id
"""


def read(
    moments: Mapping[int, Moment],
    *,
    user_ids: Collection[int],
    team_ids: Collection[int],
    feature_ids: Collection[int],
) -> Limits:
    """Read the limits of organizations, by id, with what counts in their month. After the lock.

    user_ids, team_ids, feature_ids: those whose uses will be asked about; an organization may have a limit for each of
    thousands of users, and only theirs are read. A month without a row has counted nothing: `set_limit` makes the row
    of a limit that begins in mid-month.
    """
    with pipelined():
        rows = execute(
            READ,
            [
                arrays.numbers(moments),
                arrays.texts(moment.month_on.isoformat() for moment in moments.values()),
                arrays.instants(moment.now for moment in moments.values()),
                arrays.numbers(user_ids),
                arrays.numbers(team_ids),
                arrays.numbers(feature_ids),
            ],
        )
    return Limits([LimitState(*[*row, moments[row[1]]]) for row in rows.fetchall()])


def write(limits: Limits) -> None:
    """Write what was counted, and what was told of."""
    states = limits.changed
    if not states:
        return
    run(
        """
        INSERT INTO usage_limituse (limit_id, month_on, credits, told_percent)
        SELECT * FROM unnest(%s::bigint[], %s::date[], %s::bigint[], %s::smallint[])
        ON CONFLICT (limit_id, month_on)
        DO UPDATE SET credits = excluded.credits, told_percent = excluded.told_percent
        """,
        [
            arrays.numbers(state.id for state in states),
            arrays.texts(state.moment.month_on.isoformat() for state in states),
            arrays.numbers(state.used for state in states),
            arrays.numbers(state.told_percent for state in states),
        ],
    )
