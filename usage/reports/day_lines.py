"""What was used, line by line, for files: by day, user, team, feature, service and model."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from django.db import connection

from organizations.calendar import Days
from organizations.models import Organization
from usage.models import Shape
from usage.reports import statement
from usage.reports.lines import Filters
from usage.reports.statement import SUMMED, Sources

AT_A_TIME = 2_000


class DayLine(NamedTuple):
    """What was used on a day, by whom and for what. Names are empty where there is none; credits in smallest units."""

    day_on: date
    user: str
    email: str
    team: str
    feature: str
    service: str
    model: str
    credits: int
    refunded: int
    uses: int
    input_tokens: int
    output_tokens: int
    quantity: int


# The first row, which has no day, says whether the sums are still valid: see `statement`.
READ_LINES = """
    {begins}
    SELECT NULL::date, NULL AS person, NULL AS email, NULL AS team, NULL AS feature, NULL AS service, NULL AS model,
           ({proof}), {nothing}
    UNION ALL
    SELECT used.day_on, coalesce(u.name, ''), coalesce(u.email, ''), coalesce(t.name, ''), coalesce(f.name, ''),
           coalesce(s.name, ''), used.model, {summed}
    FROM ({used}) AS used
    LEFT JOIN organizations_user u ON u.id = used.user_id
    LEFT JOIN organizations_team t ON t.id = used.team_id
    LEFT JOIN usage_feature f ON f.id = used.feature_id
    LEFT JOIN usage_service s ON s.id = used.service_id
    ORDER BY 1 NULLS FIRST, 2, 3, 4, 5, 6, 7
"""


def each_line(organization: Organization, days: Days, *, filters: Filters) -> Iterator[DayLine]:
    """Yield what was used in some days, earliest first, in constant memory and from one snapshot."""
    through = statement.read_through(organization)
    while True:
        where = statement.sources(organization, days, through=through, filters=filters)
        with connection.chunked_cursor() as cursor:
            cursor.execute(_sql(where), where.parameters())
            (proof,) = map(DayLine._make, cursor.fetchmany(1))
            if proof.credits:
                while rows := cursor.fetchmany(AT_A_TIME):
                    yield from map(DayLine._make, rows)
                return
        through = None


def _sql(where: Sources) -> str:
    return READ_LINES.format(
        begins=f"WITH fresh AS MATERIALIZED ({where.fresh_relation()})" if where.fresh else "",
        proof=f"SELECT count(*) FROM ({statement.PROOF}) AS proof" if where.rolled else "SELECT 1",
        nothing=", ".join("0" for _ in SUMMED[1:]),
        used=where.relation(Shape.ALL),
        summed=", ".join(f"used.{column}" for column in SUMMED),
    )
