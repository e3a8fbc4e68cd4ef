"""Reads of a report: one statement for all of its sums, so that they agree with each other, and their names.

An unfiltered sum is read from the shape of the daily sums that is made for it, a filtered one from the finest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from organizations.calendar import Days
from organizations.models import Organization, Team, User
from sql.statements import Row, fetch
from usage.models import Feature, Service, Shape
from usage.reports import statement
from usage.reports.lines import DIMENSIONS, NO_FILTERS, Dimension, Filters, Line, UsageReport
from usage.reports.statement import KEYS, SUMMED, SUMS, Sources

# Longer ranges are added up by month, since a chart of so many days can't be read.
MOST_DAYS = 100
# The features of so many users are shown: of those who used most.
MOST_OPENED = 100
# In addresses: no user, no team, no model.
NAMELESS = "-"

Found = dict[str, dict[Any, list[Row]]]
# What rows are called on a page, and in an address, by dimension and key.
Names = Mapping[Dimension, Mapping[Any, tuple[str, str]]]


def report(
    organization: Organization,
    days: Days,
    *,
    today: date,
    dimensions: Sequence[Dimension] = DIMENSIONS,
    filters: Filters = NO_FILTERS,
    opens_users: bool = False,
) -> UsageReport:
    """Add up what was used in some days (by when it happened), all of it or what the filters select.

    opens_users: whether the lines of users have their features as `parts`.
    """
    by_month = (days.last - days.first).days >= MOST_DAYS
    through = statement.read_through(organization)
    found = None
    while found is None:
        where = statement.sources(organization, days, through=through, filters=filters)
        sql = statement_for(where, dimensions=dimensions, by_month=by_month, opens_users=opens_users)
        found = _found(fetch(sql, {**where.parameters(), "today": today}), where)
        through = None
    names = {dimension: _names(dimension, _keys(dimension, found)) for dimension in DIMENSIONS}
    return UsageReport(
        total=_sum(found["time"]),
        today=_sum({key: rows for key, rows in found["time"].items() if key[1]}),
        over_time=_over_time(found["time"], days, by_month=by_month),
        by_month=by_month,
        by={dimension: _lines(dimension, found, names) for dimension in dimensions},
    )


def statement_for(where: Sources, *, dimensions: Sequence[Dimension], by_month: bool, opens_users: bool) -> str:
    """Return the SQL for rows of: what it is about, key, feature of a user, model, bucket, today or not, sums."""
    tables: dict[str, str] = {}
    if where.fresh:
        tables["fresh"] = where.fresh_relation()
    if where.filters:
        tables["used"] = where.relation(Shape.ALL)

    def used(shape: Shape) -> str:
        return "used" if where.filters else f"({where.relation(shape)}) AS used"

    bucket = "date_trunc('month', day_on::timestamp)::date" if by_month else "day_on"
    time = (
        f"SELECT 'time' AS about, NULL::bigint AS key, NULL::bigint AS part, NULL AS model, {bucket} AS bucket,"
        f" day_on = %(today)s AS is_today, {SUMS} FROM {used(Shape.FEATURE)} GROUP BY 5, 6"
    )
    arms = [time]
    for dimension in dimensions:
        key = "NULL, NULL, model" if dimension == "model" else f"{KEYS[dimension]}, NULL, NULL"
        arms.append(
            f"SELECT '{dimension}', {key}, NULL, NULL, {SUMS} FROM {used(Shape(dimension))} GROUP BY {KEYS[dimension]}"
        )
    if opens_users:
        # With ties, so that every user who may be shown among the first is included.
        tables["opened"] = (
            f"SELECT coalesce(user_id, 0) AS user_id FROM {used(Shape.USER)} GROUP BY 1"
            f" ORDER BY sum(credits - refunded) DESC FETCH FIRST {MOST_OPENED} ROWS WITH TIES"
        )
        arms.append(
            f"SELECT 'part', user_id, feature_id, NULL, NULL, NULL, {SUMS} FROM {used(Shape.USER_FEATURE)}"
            f" WHERE coalesce(user_id, 0) IN (SELECT user_id FROM opened) GROUP BY user_id, feature_id"
        )
    if where.rolled:
        nothing = ", ".join("0" for _ in SUMMED)
        arms.append(f"SELECT 'proof', NULL, NULL, NULL, NULL, NULL, {nothing} FROM ({statement.PROOF}) AS proof")
    begins = ", ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in tables.items())
    return (f"WITH {begins} " if begins else "") + " UNION ALL ".join(arms)


def _found(rows: Iterable[Row], where: Sources) -> Found | None:
    """Return the rows by subject and key; None if the daily sums that they were read from are no longer valid."""
    found: Found = defaultdict(lambda: defaultdict(list))
    for about, key, part, model, bucket, is_today, *sums in rows:
        keys = {"time": (bucket, is_today), "model": model, "part": (key, part)}
        found[about][keys.get(about, key)].append(tuple(sums))
    return found if "proof" in found or not where.rolled else None


def _sum(found: Mapping[Any, list[Row]], **terms: Any) -> Line:
    rows = [row for rows in found.values() for row in rows]
    sums = dict(zip(SUMMED, map(sum, zip(*rows, strict=True)), strict=True)) if rows else dict.fromkeys(SUMMED, 0)
    return Line(**{"name": "", **terms, **sums, "credits": sums["credits"] - sums["refunded"]})


def _over_time(found: Mapping[Any, list[Row]], days: Days, *, by_month: bool) -> list[Line]:
    """Return a line for every day or month, also for those in which nothing was used."""
    lines = []
    bucket = days.first.replace(day=1) if by_month else days.first
    while bucket <= days.last:
        both = {flag: found.get((bucket, flag), []) for flag in (False, True)}
        lines.append(_sum(both, bucket=bucket))
        bucket += timedelta(days=31 if by_month else 1)
        if by_month:
            bucket = bucket.replace(day=1)
    return lines


def _keys(dimension: Dimension, found: Found) -> set[Any]:
    keys = set(found[dimension])
    if dimension == "feature":
        keys |= {feature for _, feature in found["part"]}
    return keys - {None, ""}


def _lines(dimension: Dimension, found: Found, names: Names) -> list[Line]:
    parts: dict[Any, dict[Any, list[Row]]] = defaultdict(dict)
    if dimension == "user":
        for (user, feature), rows in found["part"].items():
            parts[user][feature] = rows
    return sorted(
        (
            _line(dimension, key, rows, names, parts=_part_lines(parts[key], names))
            for key, rows in found[dimension].items()
        ),
        key=_most_first,
    )


def _part_lines(features: Mapping[Any, list[Row]], names: Names) -> tuple[Line, ...]:
    return tuple(sorted((_line("feature", key, rows, names) for key, rows in features.items()), key=_most_first))


def _line(
    dimension: Dimension,
    key: Any,
    rows: list[Row],
    names: Names,
    *,
    parts: tuple[Line, ...] = (),
) -> Line:
    name, choice = names[dimension].get(key) or (_nameless(dimension), NAMELESS)
    is_nameless = key in {None, ""}
    return _sum({key: rows}, name=name, choice=choice, key=key, is_nameless=is_nameless, parts=parts)


def _most_first(line: Line) -> tuple[int, int, str]:
    return -line.credits, -line.uses, line.name


def _names(dimension: Dimension, keys: set[Any]) -> dict[Any, tuple[str, str]]:
    if not keys:
        return {}
    if dimension == "model":
        return {key: (key, key) for key in keys}
    if dimension == "user":
        return {key: (str(user), user.public_id) for key, user in User.objects.in_bulk(keys).items()}
    if dimension == "team":
        return {key: (str(team), team.public_id) for key, team in Team.objects.in_bulk(keys).items()}
    if dimension == "service":
        return {key: (str(service), service.key) for key, service in Service.objects.in_bulk(keys).items()}
    return {key: (str(feature), feature.key) for key, feature in Feature.objects.in_bulk(keys).items()}


def _nameless(dimension: Dimension) -> str:
    words = {"user": _("no user"), "team": _("no team"), "model": _("no model")}
    return words.get(dimension, "")
