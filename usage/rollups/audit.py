"""What must be true of daily sums: of every shape they are the sums of their events, for days that have ended.

Proved like the ledger's own invariants (`credits.audit`), in the same snapshot. Days with late uses are left out:
they are to be added up again. Midnights come from `organizations.calendar`, as those of pages do: the statements
are made for the zones and years at hand, since the database's own time zone data may be older or newer.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from credits.audit import Invariant, Scope
from organizations.calendar import Days, day_of, midnight
from organizations.models import Organization
from sql import arrays
from sql.statements import fetch
from usage.rollups.adding_up import COARSER_KEYS, COARSER_SUMS, COLUMNS, KEYS, MEASURES, SETS, SHAPE

NAMES = (
    "daily_usage_is_its_events",
    "daily_usage_shapes_agree",
    "daily_usage_is_of_days_added_up",
    "ended_days_are_added_up",
)
# A day is late if it is not added up so long after its end.
PATIENCE = timedelta(hours=3)

READ_ZONES = """
    SELECT r.time_zone, max(r.through_on), min(first.at)
    FROM usage_usagerollup r
    JOIN credits_wallet w ON w.organization_id = r.organization_id AND (%s::bigint IS NULL OR w.id = %s::bigint)
    LEFT JOIN LATERAL (SELECT min(occurred_at) AS at FROM usage_usageevent WHERE organization_id = r.organization_id)
        AS first ON true
    GROUP BY r.time_zone
"""

SUMS = ", ".join(MEASURES)
DIFFERENCES = ", ".join(f"sum({measure}) AS {measure}" for measure in MEASURES)
DIFFERS = " OR ".join(f"{measure} <> 0" for measure in MEASURES)
FOUND = """
    SELECT r.wallet_id, NULL::bigint AS number,
        format('%%s %%s: the sums have %%s uses and %%s credits too many', d.day_on, d.shape, -d.uses, -d.credits)
            AS what,
        abs(d.credits) + abs(d.uses) AS off
    FROM differences d JOIN rolled r USING (organization_id)
    WHERE NOT EXISTS (SELECT FROM reopened m WHERE m.organization_id = d.organization_id AND m.day_on = d.day_on)
"""
# Each organization with its midnights, and the days of it that are to be added up again.
ROLLED = """
    WITH zones (name, first_on, midnights) AS MATERIALIZED (
        SELECT * FROM (VALUES {zones}) AS z
    ), rolled AS MATERIALIZED (
        SELECT w.id AS wallet_id, r.organization_id, z.first_on, z.midnights,
            z.midnights[r.through_on - z.first_on + 2] AS until
        FROM usage_usagerollup r
        JOIN wallets w ON w.organization_id = r.organization_id JOIN zones z ON z.name = r.time_zone
    ), reopened AS MATERIALIZED (
        SELECT DISTINCT l.organization_id, r.first_on + width_bucket(l.occurred_at, r.midnights) - 1 AS day_on
        FROM usage_lateuse l JOIN rolled r USING (organization_id)
    )
"""


def invariants(scope: Scope) -> list[Invariant]:
    """Return what is to be proved of the daily sums in scope, for the zones and years that there are."""
    rolled = ROLLED.format(zones=_zones(scope))
    return [
        Invariant(NAMES[0], "The finest daily sums are the sums of their events.", rolled + _against_events()),
        Invariant(NAMES[1], "Every coarser daily sum is the sum of the finest.", rolled + _against_the_finest()),
        Invariant(
            NAMES[2],
            "There are daily sums of no day but those that are added up.",
            """
            SELECT w.id AS wallet_id, NULL::bigint AS number,
                format('sums through %%s, added up through %%s', max(d.day_on), max(r.through_on)) AS what,
                count(*) AS off
            FROM usage_dailyusage d
            LEFT JOIN usage_usagerollup r ON r.organization_id = d.organization_id
            LEFT JOIN credits_wallet w ON w.organization_id = d.organization_id
            WHERE (r.organization_id IS NULL OR d.day_on > r.through_on)
                AND (%(wallet)s::bigint IS NULL OR w.id = %(wallet)s::bigint)
            GROUP BY d.organization_id, w.id
            """,
        ),
        Invariant(
            NAMES[3], "A day is added up within three hours of its end.", _late(scope.now - PATIENCE), is_liveness=True
        ),
    ]


def _zones(scope: Scope) -> str:
    """Return a row for each zone: its first day, and the midnights from there to the end of its last day."""
    rows = []
    for name, through_on, first_use in fetch(READ_ZONES, [scope.wallet_id, scope.wallet_id]):
        zone = ZoneInfo(name)
        first = min(through_on, day_of(first_use, zone)) if first_use else through_on
        rows.append(_row(name, first, Days(first, through_on).midnights(zone)))
    return ", ".join(rows) or _row("", date.min, [])


def _row(name: str, first: date, instants: list[datetime]) -> str:
    return f"('{name}', date '{first.isoformat()}', '{arrays.instants(instants)}'::timestamptz[])"


def _against_events() -> str:
    keys = ", ".join(f"u.{column}" for column in COLUMNS)
    negative = ", ".join(f"-d.{measure}" for measure in MEASURES)
    measured = "u.credits, u.refunded, u.uncollected, 1, coalesce(u.input_tokens, 0), coalesce(u.output_tokens, 0)"
    return f"""
    , differences AS (
        SELECT organization_id, 'all' AS shape, day_on, {KEYS}, {DIFFERENCES}
        FROM (
            SELECT r.organization_id, r.first_on + width_bucket(u.occurred_at, r.midnights) - 1 AS day_on, {keys},
                {measured}, coalesce(u.quantity, 0)
            FROM rolled r
            JOIN usage_usageevent u ON u.organization_id = r.organization_id AND u.occurred_at < r.until
            UNION ALL
            SELECT r.organization_id, d.day_on, {", ".join(f"d.{column}" for column in COLUMNS)}, {negative}
            FROM rolled r JOIN usage_dailyusage d ON d.organization_id = r.organization_id AND d.shape = 'all'
        ) AS both_sides (organization_id, day_on, {KEYS}, {SUMS})
        GROUP BY organization_id, day_on, {KEYS}
    )
    {FOUND} AND ({DIFFERS})
    """


def _against_the_finest() -> str:
    negative = ", ".join(f"-{measure}" for measure in MEASURES)
    return f"""
    , differences AS (
        SELECT organization_id, shape, day_on, {KEYS}, {DIFFERENCES}
        FROM (
            SELECT organization_id, {SHAPE}, day_on, {COARSER_KEYS}, {COARSER_SUMS}
            FROM usage_dailyusage JOIN rolled USING (organization_id) WHERE shape = 'all'
            GROUP BY organization_id, day_on, GROUPING SETS ({SETS})
            UNION ALL
            SELECT organization_id, shape, day_on, {KEYS}, {negative}
            FROM usage_dailyusage JOIN rolled USING (organization_id)
        ) AS both_sides (organization_id, shape, day_on, {KEYS}, {SUMS})
        GROUP BY organization_id, shape, day_on, {KEYS}
    )
    {FOUND} AND ({DIFFERS})
    """


def _late(instant: datetime) -> str:
    names = Organization.objects.order_by().values_list("time_zone", flat=True).distinct()
    today = {name: day_of(instant, ZoneInfo(name)) for name in names}
    rows = [f"('{name}', date '{day}', timestamptz '{midnight(day, ZoneInfo(name))}')" for name, day in today.items()]
    return f"""
    SELECT w.id AS wallet_id, NULL::bigint AS number,
        format('added up through %%s', coalesce(r.through_on::text, 'no day')) AS what,
        z.today - coalesce(r.through_on, date '2000-01-01') AS off
    FROM wallets w
    JOIN organizations_organization o ON o.id = w.organization_id
    JOIN (VALUES {", ".join(rows) or "('', current_date, now())"}) AS z (name, today, begins_at) ON z.name = o.time_zone
    LEFT JOIN usage_usagerollup r ON r.organization_id = o.id
    WHERE coalesce(r.through_on + 1 < z.today, true) AND EXISTS (
        SELECT FROM usage_usageevent u WHERE u.organization_id = o.id AND u.occurred_at < z.begins_at
    )
    """
