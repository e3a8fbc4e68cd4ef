"""Add up five million events in one run, beside PostgreSQL's own GROUP BY, and read pages over more and more of them.

    python -m benchmarks.rollups [--quick | --tiny] [--json]  # in a database of its own, dropped afterwards

Organizations of 10,000 events and more, each event in the order of its time, over 60 days with a change of the clocks.
See docs/benchmarks.md.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import django
from tqdm import tqdm

from config import embedded

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
ROUNDS = 3
READS = 15
ZONE = "America/New_York"
FIRST, DAYS, USERS, TEAMS, FEATURES, SERVICES = date(2026, 2, 1), 60, 200, 10, 8, 4
AT_A_TIME = 250_000

# Everything by arithmetic on the event's number, so the same on every run. A user works in one service and one team, a
# feature asks one of two models: events of a day fold into few sums, as people's do.
FILL = """
INSERT INTO usage_usageevent (operation_id, organization_id, user_id, team_id, service_id, feature_id, rate_id, model,
        input_tokens, output_tokens, credits, uncollected, refunded, occurred_at, written_at)
    SELECT lpad(to_hex(%(organization)s * 100000000 + n), 32, '0')::uuid, %(organization)s,
        %(user)s + who, %(team)s + who %% %(teams)s, %(service)s + who %% %(services)s, %(feature)s + what, %(rate)s,
        'model-' || (what + n %% 2) %% 5, n %% 4000, n %% 900, n %% 97, 0, CASE n %% 50 WHEN 0 THEN n %% 97 ELSE 0 END,
        %(begins)s + n * (%(ends)s - %(begins)s) / %(events)s, %(ends)s
    FROM generate_series(%(least)s, %(most)s) AS n,
        LATERAL (SELECT abs(hashint8(n)) %% %(users)s AS who, abs(hashint8(n + 1)) %% %(features)s AS what) AS chance
"""
PLAIN = "sum(credits), count(*)"
MEASURES = (
    "sum(credits), sum(refunded), sum(uncollected), count(*), sum(input_tokens), sum(output_tokens), sum(quantity)"
)
DAY = "(occurred_at AT TIME ZONE %(zone)s)::date"
THEIRS = "FROM usage_usageevent WHERE organization_id = %(organization)s"
YARDSTICKS = {
    "plain": f"SELECT {DAY}, feature_id, {PLAIN} {THEIRS} GROUP BY 1, 2",
    "finest": (
        f"SELECT {DAY}, user_id, team_id, feature_id, service_id, model, {MEASURES} {THEIRS} GROUP BY 1, 2, 3, 4, 5, 6"
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rollups")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="up to a million events")
    size.add_argument("--tiny", action="store_true", help="only to see that it works; no figure means anything")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    options = parser.parse_args()
    sizes = SIZES[:1] if options.tiny else SIZES[:3] if options.quick else SIZES
    if "DATABASE_URL" in os.environ:
        print("The benchmark uses the embedded PostgreSQL; unset DATABASE_URL to run it.", file=sys.stderr)
        return 2
    embedded.fill_environment()
    os.environ["TEST_DATABASE_NAME"] = f"bench_rollups_{os.getpid()}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.db import connection  # noqa: PLC0415 - only after django.setup()

    with contextlib.redirect_stdout(sys.stderr):  # a command that it calls says what it did
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        figures = measure(sizes)
    finally:
        connection.creation.destroy_test_db("postgres", verbosity=0)
    print(json.dumps(figures, indent=2) if options.json else render(figures))
    return 0


def measure(sizes: tuple[int, ...]) -> dict[str, Any]:
    """Fill, add up, compare, read; return the figures."""
    from benchmarks.rollups.stage import make_organizations, prove  # noqa: PLC0415 - only after django.setup()

    load_before = os.getloadavg()[0]
    run("SET statement_timeout = 0")
    stages = make_organizations(sizes, zone=ZONE, users=USERS, teams=TEAMS, features=FEATURES, services=SERVICES)
    with tqdm(total=sum(sizes), unit=" events", unit_scale=True, file=sys.stderr, desc="filling") as bar:
        for events, values in stages.items():
            fill(events, values, bar.update)
    run("VACUUM ANALYZE")
    figures: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="minutes"), "cores": os.cpu_count()}
    figures["added_up"] = add_up(max(sizes), stages[max(sizes)])
    figures["pages"] = [read_pages(events, values) for events, values in stages.items()]
    prove([values["organization"] for values in stages.values()])
    return figures | {"load_before": load_before, "load_after": os.getloadavg()[0]}


def fill(events: int, values: dict[str, Any], done: Callable[[int], object]) -> None:
    """Write an organization's events."""
    from organizations.calendar import Days  # noqa: PLC0415 - only after django.setup()

    begins, ends = Days(FIRST, FIRST + timedelta(days=DAYS - 1)).instants(values["zone_info"])
    run("SET synchronous_commit = off")
    for least in range(0, events, AT_A_TIME):
        most = min(events, least + AT_A_TIME) - 1
        run(FILL, {**values, "events": events, "begins": begins, "ends": ends, "least": least, "most": most})
        done(most - least + 1)
    run("RESET synchronous_commit")


def add_up(events: int, values: dict[str, Any]) -> dict[str, Any]:
    """Time the one statement over all days, and one day alone, in turns with the yardsticks, all in as much memory."""
    from django.db import transaction  # noqa: PLC0415 - only after django.setup()

    from organizations.calendar import Days  # noqa: PLC0415 - only after django.setup()
    from usage.rollups import adding_up  # noqa: PLC0415 - only after django.setup()

    days, zone = Days(FIRST, FIRST + timedelta(days=DAYS - 1)), values["zone_info"]
    made: list[int] = []

    def ours(days: Days) -> None:
        with transaction.atomic():
            made.append(adding_up.replace(values["organization"], days, zone))

    turns: dict[str, Callable[[], object]] = {"rollup": lambda: ours(days)}
    for name, sql in YARDSTICKS.items():
        counted = f"SELECT count(*) FROM ({sql}) AS grouped"
        turns[name] = lambda sql=counted: run(sql, values)  # type: ignore[misc]
        turns[f"{name}, one process"] = lambda sql=counted: alone(sql, values)  # type: ignore[misc]
    turns["one day"] = lambda: ours(Days(FIRST, FIRST))
    run("SET work_mem = '64MB'")
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for name in tqdm([*turns] * ROUNDS, unit=" turns", file=sys.stderr, desc="adding up"):
        seconds[name].append(timed(turns[name]))
    run("RESET work_mem")
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    per_second = {name: round(events / at) for name, at in medians.items() if name != "one day"}
    return {
        "events": events,
        "sums": max(made),
        "seconds": {name: round(at, 2) for name, at in medians.items()},
        "events_per_second": per_second,
        "ratio_to": {name: round(per_second["rollup"] / rate, 2) for name, rate in per_second.items()},
    }


def read_pages(events: int, values: dict[str, Any]) -> dict[str, Any]:
    """Add the organization up, and time what pages read of it: 30 days, by everything, and the raw sums of a shape."""
    from organizations.calendar import Days, midnight  # noqa: PLC0415 - only after django.setup()
    from organizations.models import Organization  # noqa: PLC0415 - only after django.setup()
    from usage import reports, rollups  # noqa: PLC0415 - only after django.setup()
    from usage.models import DailyUsage, UsageRollup  # noqa: PLC0415 - only after django.setup()

    organization = Organization.objects.get(pk=values["organization"])
    last = FIRST + timedelta(days=DAYS - 1)
    month = Days(last - timedelta(days=29), last)
    if not UsageRollup.objects.filter(pk=organization.pk).exists():
        now = midnight(last + timedelta(days=1), values["zone_info"]) + timedelta(hours=1)
        rollups.roll_up(organization, now=now)

    def shape(name: str) -> Callable[[], object]:
        rows = DailyUsage.objects.filter(organization=organization, shape=name, day_on__range=(month.first, month.last))
        return lambda: list(rows.values_list("day_on", "feature", "user", "credits"))

    run("ANALYZE usage_dailyusage")
    turns = {
        "feature": shape("feature"),
        "user": shape("user"),
        "report": lambda: reports.report(organization, month, today=last + timedelta(days=1), opens_users=True),
    }
    medians = {name: statistics.median(timed(read) for _ in range(READS)) for name, read in turns.items()}
    return {"events": events, **{f"{name}_ms": round(at * 1000, 2) for name, at in medians.items()}}


def run(sql: str, values: dict[str, Any] | None = None) -> None:
    from django.db import connection  # noqa: PLC0415 - only after django.setup()

    with connection.cursor() as cursor:
        cursor.execute(sql, {k: v for k, v in values.items() if k != "zone_info"} if values else None)


def alone(sql: str, values: dict[str, Any]) -> None:
    """As a statement that writes is run: without parallel workers."""
    run("SET max_parallel_workers_per_gather = 0")
    run(sql, values)
    run("RESET max_parallel_workers_per_gather")


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def render(figures: dict[str, Any]) -> str:
    return "\n".join(_lines(figures))


def _lines(figures: dict[str, Any]) -> Iterator[str]:
    added = figures["added_up"]
    yield f"{added['events']:,} events into {added['sums']:,} sums; load {figures['load_before']:.1f} before"
    for name, rate in added["events_per_second"].items():
        ratio = added["ratio_to"][name]
        yield f"{name:24}{added['seconds'][name]:8.2f} s {rate:12,} events/s   rollup to it {ratio:.2f}"
    yield f"{'one day':24}{added['seconds']['one day']:8.2f} s"
    yield ""
    yield f"{'30 days of':>12}{'by feature':>12}{'by user':>12}{'report':>12}   (ms)"
    for page in figures["pages"]:
        yield f"{page['events']:12,}{page['feature_ms']:12.2f}{page['user_ms']:12.2f}{page['report_ms']:12.2f}"


if __name__ == "__main__":
    sys.exit(main())
