"""The SQL that reads usage from the daily sums and, for the days that they don't reach, from the events.

Why no day is counted twice or left out while a rollup runs: a report first reads how far the sums reach. Then ONE
statement, which has one snapshot, takes the days up to there from the sums and the later ones from the events. A rollup
that ends in between only adds sums of later days, which are not read, and replaces a day's sums in one transaction, so
the snapshot has all of the old sums or all of the new. Only a change of the time zone deletes sums; the same snapshot
shows that too: `proof` is a row only if the sums still reach as far, in the same zone. Without that row the caller
reads again, from the events alone, which are always right. How far the sums reach is a parameter, and not read inside
the statement, so that the planner knows how few the newest events are.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from organizations.calendar import Days
from organizations.models import Organization
from sql import arrays
from usage import rollups
from usage.models import Shape
from usage.reports.lines import DIMENSIONS, Dimension, Filters

KEYS: dict[Dimension, str] = {d: d if d == "model" else f"{d}_id" for d in DIMENSIONS}
SUMMED = ("credits", "refunded", "uses", "input_tokens", "output_tokens", "quantity")
SUMS = ", ".join(f"sum({column})::bigint AS {column}" for column in SUMMED)

ROLLED = """
    SELECT day_on, {keys}, {summed} FROM usage_dailyusage
    WHERE organization_id = %(organization)s AND shape = '{shape}'
      AND day_on >= %(rolled_first)s AND day_on <= %(rolled_last)s{only}
"""
# The day of an event is found by the midnights, not by the date on the clock, since clocks may show an hour around
# midnight twice.
FRESH = """
    SELECT %(fresh_first)s::date + width_bucket(occurred_at, %(fresh_midnights)s::timestamptz[]) - 1 AS day_on, {keys},
           sum(credits)::bigint AS credits, sum(refunded)::bigint AS refunded, count(*) AS uses,
           coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
           coalesce(sum(output_tokens), 0)::bigint AS output_tokens, coalesce(sum(quantity), 0)::bigint AS quantity
    FROM usage_usageevent
    WHERE organization_id = %(organization)s AND occurred_at >= %(fresh_since)s AND occurred_at < %(fresh_until)s{only}
    GROUP BY 1, {keys}
"""
PROOF = """
    SELECT 1 FROM usage_usagerollup
    WHERE organization_id = %(organization)s AND time_zone = %(zone)s AND through_on >= %(rolled_last)s
"""


def read_through(organization: Organization) -> date | None:
    """Return through which day the daily sums reach in the organization's present time zone, or None."""
    through, time_zone = rollups.through(organization)
    return through if time_zone == organization.time_zone else None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where some days of an organization are read: `rolled` from the sums, and `fresh`, which follow them, from the
    events; either may be None."""

    organization: Organization
    rolled: Days | None
    fresh: Days | None
    filters: Filters

    def relation(self, shape: Shape) -> str:
        """Return a query for rows of a day, keys and sums; several rows of one day and key are to be added up.

        It uses the relation `fresh` of `fresh_relation`, if there are fresh days.
        """
        parts = []
        if self.rolled:
            keys, summed = ", ".join(KEYS.values()), ", ".join(SUMMED)
            parts.append(ROLLED.format(shape=shape.value, keys=keys, summed=summed, only=self._only()))
        if self.fresh:
            parts.append("SELECT * FROM fresh")
        return " UNION ALL ".join(parts)

    def fresh_relation(self) -> str:
        """Return the query of the relation `fresh`; empty if there are no fresh days."""
        return FRESH.format(keys=", ".join(KEYS.values()), only=self._only()) if self.fresh else ""

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the queries."""
        zone = ZoneInfo(self.organization.time_zone)
        values: dict[str, Any] = {"organization": self.organization.pk, "zone": zone.key}
        values |= {f"only_{dimension}": key for dimension, key in self.filters.items() if key is not None}
        if self.rolled:
            values |= {"rolled_first": self.rolled.first, "rolled_last": self.rolled.last}
        if self.fresh:
            midnights = self.fresh.midnights(zone)
            values |= {"fresh_first": self.fresh.first, "fresh_midnights": arrays.instants(midnights[:-1])}
            values |= {"fresh_since": midnights[0], "fresh_until": midnights[-1]}
        return values

    def _only(self) -> str:
        return "".join(
            f" AND {KEYS[dimension]} " + ("IS NULL" if key is None else f"= %(only_{dimension})s")
            for dimension, key in self.filters.items()
        )


def sources(organization: Organization, days: Days, *, through: date | None, filters: Filters) -> Sources:
    """Return where days are read if the sums reach through a day; `through` None: all from the events."""
    edge = (
        days.first - timedelta(days=1)
        if through is None
        else min(max(through, days.first - timedelta(days=1)), days.last)
    )
    rolled = Days(days.first, edge) if edge >= days.first else None
    fresh = Days(edge + timedelta(days=1), days.last) if edge < days.last else None
    return Sources(organization, rolled, fresh, filters)
