"""Sums over usage events: how many credits were used, by whom, for what, where and when.

What a use cost less what was refunded of it counts on the day of the use. Reads only; amounts in smallest units. All
sums of one report come from one pass over the events, so they agree with each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from credits import arrays
from credits.statements import fetch
from organizations.models import Organization, Team, User
from usage.models import Feature, Service, UsageEvent

Dimension = Literal["feature", "user", "team", "service", "model"]
DIMENSIONS: tuple[Dimension, ...] = ("feature", "user", "team", "service", "model")
# Longer ranges are added up by month: a picture of a thousand days shows nothing.
MOST_DAYS = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A sum with the name that it goes by. `bucket`: the day, or the first of the month, of a line of time."""

    name: str
    credits: int
    uses: int
    bucket: date | None = None
    is_nameless: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What was used in a period: in all, over time (every day or month of it), and by each dimension, most first."""

    total: Line
    over_time: list[Line] = field(default_factory=list)
    by_month: bool = False
    by: Mapping[Dimension, list[Line]] = field(default_factory=dict)


# Grouping sets: one scan of the period. The bit that grouping() sets for a column says that the row is not about it.
READ_REPORT = """
    SELECT grouping({columns}), {columns}, sum(credits - refunded)::bigint, count(*)
    FROM (
        SELECT feature_id AS feature, user_id AS "user", team_id AS team, service_id AS service, model,
               date_trunc(%s, occurred_at AT TIME ZONE %s)::date AS bucket, credits, refunded
        FROM usage_usageevent
        WHERE organization_id = %s AND occurred_at >= %s AND occurred_at < %s {only}
    ) AS used
    GROUP BY GROUPING SETS ({sets}, ())
"""


def report(
    organization: Organization,
    *,
    since: datetime,
    until: datetime,
    dimensions: Sequence[Dimension] = DIMENSIONS,
    user: User | None = None,
) -> Report:
    """Add up what was used from `since` to before `until` (by when it happened), all of it or one user's part."""
    zone = ZoneInfo(organization.time_zone)
    first, last = since.astimezone(zone).date(), (until - timedelta(microseconds=1)).astimezone(zone).date()
    by_month = (last - first).days >= MOST_DAYS
    columns = [*dimensions, "bucket"]
    quoted = [f'"{column}"' for column in columns]
    sql = READ_REPORT.format(
        columns=", ".join(quoted),
        sets=", ".join(f"({column})" for column in quoted),
        only="AND user_id = %s" if user else "",
    )
    parameters = ["month" if by_month else "day", zone.key, organization.pk, since, until, *([user.pk] if user else [])]
    found: dict[str, dict[Any, tuple[int, int]]] = {column: {} for column in columns}
    total = Line("", 0, 0)
    about = {_bits(position, len(columns)): column for position, column in enumerate(columns)}
    for bits, *values, credits, uses in fetch(sql, parameters):
        if bits in about:
            column = about[bits]
            found[column][values[columns.index(column)]] = (int(credits), uses)
        elif uses:
            total = Line("", int(credits), uses)
    return Report(
        total=total,
        over_time=_over_time(found["bucket"], first, last, by_month=by_month),
        by_month=by_month,
        by={dimension: _lines(dimension, found[dimension]) for dimension in dimensions},
    )


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant to before another."""

    since: datetime
    until: datetime


def used_in(organization: Organization, periods: Sequence[Period]) -> list[int]:
    """Return what was used in each period, in one query."""
    rows = fetch(
        """
        SELECT coalesce(u.credits, 0)
        FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS p (since, until, position)
        CROSS JOIN LATERAL (
            SELECT sum(credits - refunded)::bigint AS credits FROM usage_usageevent
            WHERE organization_id = %s AND occurred_at >= p.since AND occurred_at < p.until
        ) AS u
        ORDER BY p.position
        """,
        [
            arrays.instants(period.since for period in periods),
            arrays.instants(period.until for period in periods),
            organization.pk,
        ],
    )
    return [credits for (credits,) in rows]


def first_use_at(organization: Organization) -> datetime | None:
    """Return when the organization's first use happened, or None if there was none yet."""
    events = UsageEvent.objects.filter(organization=organization).order_by("occurred_at")
    return events.values_list("occurred_at", flat=True).first()


def _bits(position: int, count: int) -> int:
    """What grouping() answers for the set of this one column."""
    return ((1 << count) - 1) ^ (1 << (count - 1 - position))


def _over_time(found: Mapping[date, tuple[int, int]], first: date, last: date, *, by_month: bool) -> list[Line]:
    """A line for every day or month, also for those in which nothing was used."""
    lines = []
    bucket = first.replace(day=1) if by_month else first
    while bucket <= last:
        credits, uses = found.get(bucket, (0, 0))
        lines.append(Line("", credits, uses, bucket))
        step = 31 if by_month else 1
        bucket += timedelta(days=step)
        if by_month:
            bucket = bucket.replace(day=1)
    return lines


def _lines(dimension: Dimension, found: Mapping[Any, tuple[int, int]]) -> list[Line]:
    names = _names(dimension, [key for key in found if key not in {None, ""}])
    lines = [
        Line(names.get(key) or _nameless(dimension), credits, uses, is_nameless=key in {None, ""})
        for key, (credits, uses) in found.items()
    ]
    return sorted(lines, key=lambda line: (-line.credits, -line.uses, line.name))


def _names(dimension: Dimension, keys: list[Any]) -> dict[Any, str]:
    found: Mapping[Any, Any] = {}
    if dimension == "model":
        found = {key: key for key in keys}
    elif dimension == "user":
        found = User.objects.in_bulk(keys)
    elif dimension == "team":
        found = Team.objects.in_bulk(keys)
    elif dimension == "service":
        found = Service.objects.in_bulk(keys)
    else:
        found = Feature.objects.in_bulk(keys)
    return {key: str(named) for key, named in found.items()}


def _nameless(dimension: Dimension) -> str:
    words = {"user": _("nobody in particular"), "team": _("no team"), "model": _("no model named")}
    return words.get(dimension, "")
