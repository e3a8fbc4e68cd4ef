"""The statements of limits on the hot path: one reads them after the lock, one writes what was counted."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import NamedTuple

from sql import arrays
from sql.rows import Columns, insert
from sql.statements import execute, pipelined
from usage.limits.state import Limits, LimitState, Moment

LIMIT = Columns(
    LimitState,
    "l",
    credits="CASE WHEN l.raised_until > n.now THEN l.raised_credits ELSE l.credits END",
    name="coalesce(t.name, nullif(u.name, ''), u.email, o.name)",
    feature="coalesce(f.key, '')",
    feature_name="coalesce(f.name, '')",
    used="coalesce(c.credits, 0)",
    reserved="coalesce(held.credits, 0)",
    notified_percent="coalesce(c.told_percent, 0)",
)
READ = f"""
    SELECT {LIMIT}
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
        limits = execute(
            READ,
            [
                arrays.numbers(moments),
                arrays.days(moment.month_on for moment in moments.values()),
                arrays.instants(moment.now for moment in moments.values()),
                arrays.numbers(user_ids),
                arrays.numbers(team_ids),
                arrays.numbers(feature_ids),
            ],
        )
    states = LIMIT.rows(limits)
    for state in states:
        state.moment = moments[state.organization_id]
    return Limits(states)


class Count(NamedTuple):
    """What counts against a limit in a month; see `usage.models.LimitUse`."""

    limit_id: int
    month_on: date
    credits: int
    told_percent: int


insert_counts = insert(
    "usage_limituse",
    Count,
    then="ON CONFLICT (limit_id, month_on) DO UPDATE SET credits = excluded.credits,"
    " told_percent = excluded.told_percent",
)


def write(limits: Limits) -> None:
    """Write what was counted, and of which thresholds people were notified."""
    counts = [Count(state.id, state.moment.month_on, state.used, state.notified_percent) for state in limits.changed]
    if counts:
        insert_counts(counts)
