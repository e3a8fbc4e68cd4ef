"""The sums of an organization's days, replaced by one statement that reads the events once.

Events are grouped by day and by all columns; the coarser sums are made from that small result. `sweeping` decides which
days are added up, and when.
"""

from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from organizations.calendar import Days
from sql import arrays
from usage.models import Shape

# The columns by which each shape adds up.
COLUMNS = ("user_id", "team_id", "feature_id", "service_id", "model")
SHAPES: dict[Shape, tuple[str, ...]] = {
    Shape.FEATURE: ("feature_id",),
    Shape.USER: ("user_id",),
    Shape.TEAM: ("team_id",),
    Shape.SERVICE: ("service_id",),
    Shape.MODEL: ("model",),
    Shape.USER_FEATURE: ("user_id", "feature_id"),
    Shape.ALL: COLUMNS,
}
MEASURES = ("credits", "refunded", "uncollected", "uses", "input_tokens", "output_tokens", "quantity")


KEYS = ", ".join(COLUMNS)


def _bits(columns: tuple[str, ...]) -> int:
    """Return what grouping(KEYS) is for a set of columns: a bit for every column that is not in it."""
    return sum(1 << (len(COLUMNS) - 1 - place) for place, column in enumerate(COLUMNS) if column not in columns)


# How the coarser sums are made from the finest: the grouping sets, and the shape of each.
SETS = ", ".join(f"({', '.join(columns)})" for columns in SHAPES.values())
SHAPE = f"CASE grouping({KEYS}) " + " ".join(f"WHEN {_bits(cs)} THEN '{s.value}'" for s, cs in SHAPES.items()) + " END"
COARSER_KEYS = ", ".join([*COLUMNS[:-1], "coalesce(model, '')"])
COARSER_SUMS = ", ".join(f"sum({measure})::bigint" for measure in MEASURES)

# The shapes are listed so that the unique index, in which they come before the day, is used.
CLEAR = """
    DELETE FROM usage_dailyusage
    WHERE organization_id = %(organization)s AND shape = ANY(%(shapes)s::text[])
      AND day_on >= %(first)s AND day_on <= %(last)s
"""
ADD_UP = f"""
    WITH finest AS MATERIALIZED (
        SELECT width_bucket(occurred_at, %(midnights)s::timestamptz[]) AS day, {KEYS},
               sum(credits)::bigint AS credits, sum(refunded)::bigint AS refunded,
               sum(uncollected)::bigint AS uncollected, count(*) AS uses,
               coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
               coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
               coalesce(sum(quantity), 0)::bigint AS quantity
        FROM usage_usageevent
        WHERE organization_id = %(organization)s AND occurred_at >= %(begins)s AND occurred_at < %(ends)s
        GROUP BY day, {KEYS}
    )
    INSERT INTO usage_dailyusage (organization_id, shape, day_on, {KEYS}, {", ".join(MEASURES)})
    SELECT %(organization)s, {SHAPE} AS shape, %(first)s::date + day - 1, {COARSER_KEYS}, {COARSER_SUMS}
    FROM finest GROUP BY day, GROUPING SETS ({SETS})
    ORDER BY shape, day
"""


def replace(organization_id: int, days: Days, zone: ZoneInfo) -> int:
    """Replace the sums of some days by those of their events; return how many sums they have now.

    In the caller's transaction, which has locked the organization's `UsageRollup`. A second call changes nothing.
    """
    instants = days.midnights(zone)
    values: dict[str, Any] = {
        "organization": organization_id,
        "shapes": [shape.value for shape in SHAPES],
        "first": days.first,
        "last": days.last,
        "midnights": arrays.instants(instants[:-1]),
        "begins": instants[0],
        "ends": instants[-1],
    }
    # Django's own cursor, which prepares no statements: the plan depends on how many events the days have.
    with connection.cursor() as cursor:
        # Grouping in memory took half the time of grouping on disk; usually one run is at work at a time.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(CLEAR, values)
        cursor.execute(ADD_UP, values)
        return int(cursor.rowcount)


def clear(organization_id: int) -> None:
    """Delete all of an organization's sums, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM usage_dailyusage WHERE organization_id = %s", [organization_id])
