"""`make bench`: single spends, batches and the import, beside what PostgreSQL does by itself, in one run.

    python -m benchmarks [--quick | --tiny] [--json] [--seed N]

On the embedded PostgreSQL, in a database of its own that is dropped afterwards. See docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from functools import partial
from typing import Any

import django

from config import embedded


def main() -> int:
    """Measure and print; 0 where all of it could be measured, whatever came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="about a minute instead of five; coarser")
    size.add_argument("--tiny", action="store_true", help="only to see that it works; no figure means anything")
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if "DATABASE_URL" in os.environ:
        print("The benchmark uses the embedded PostgreSQL; unset DATABASE_URL to run it.", file=sys.stderr)
        return 2
    embedded.fill_environment()
    os.environ["TEST_DATABASE_NAME"] = f"bench_{os.getpid()}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    from benchmarks.spends import report  # noqa: PLC0415 - only after django.setup()
    from benchmarks.spends.cases import Plan  # noqa: PLC0415 - only after django.setup()

    plan = Plan()
    if options.quick:
        plan = Plan(rounds=1, seconds=1, batches=8, imported=5_000, wal_spends=1000)
    if options.tiny:
        sizes = {"batches": 4, "batch_size": 50, "imported": 50, "wal_spends": 100}
        plan = Plan(wallets=20, connections=(4,), rounds=1, seconds=1, **sizes)
    figures = measure(plan, seed=options.seed)
    print(json.dumps(figures, indent=2) if options.json else report.render(figures))
    return 0


def measure(plan: Any, *, seed: int) -> dict[str, Any]:
    """Run the whole plan and return its figures."""
    from benchmarks.spends import bare, counts, report, stage  # noqa: PLC0415 - only after django.setup()
    from benchmarks.spends.cases import Batches, Runner, Singles, in_rounds  # noqa: PLC0415 - only after django.setup()

    load_before = os.getloadavg()[0]
    with stage.database() as url:
        played = stage.fill(url, plan.wallets)
        bare.prepare(plan.wallets)
        transactions = [
            {
                "where": where,
                "size": size,
                **counts.statements(played, size=size, where=where),
                **counts.wal(played, size=size, where=where, spends=plan.wal_spends),
            }
            for where in ("hot", "spread")
            for size in (1, 8, 64, plan.batch_size)
        ]
        singles = [Singles(where, clients) for where in ("hot", "spread") for clients in plan.connections]
        batches = [Batches(where) for where in ("hot", "spread")]
        with stage.server() as (port, server):
            runner = Runner(plan, played, port=port, server=server, seed=seed * 1_000_000)
            runner.warm_up()
            turns = [partial(runner.singles, case) for case in singles]
            in_rounds(plan.rounds, [*turns, *(partial(runner.batches, case) for case in batches)])
        imported = counts.lines_imported(lines=plan.imported, seed=seed)
        figures = {
            "about": _about(plan, seed) | {"load_before": load_before, "load_after": os.getloadavg()[0]},
            "events": stage.prove(),
            "singles": [case.middle() for case in singles],
            "batches": [case.middle() for case in batches],
            "import": {"lines": plan.imported, "per_second": round(imported)},
            "transactions": transactions,
        }
    return figures | {"aims": report.aims(figures)}


def _about(plan: Any, seed: int) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415 - only after django.setup()

    from demo.server import web_command  # noqa: PLC0415 - only after django.setup()

    names = ("server_version", "fsync", "synchronous_commit")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}")
        version, fsync, synchronous_commit = cursor.fetchone()
    command = web_command(0)
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "postgresql": f"PostgreSQL {version}",
        "fsync": fsync,
        "synchronous_commit": synchronous_commit,
        "server": " ".join(part for part in command[command.index("--worker-class") :][:6]),
        "wallets": plan.wallets,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "batch_size": plan.batch_size,
        "seed": seed,
    }


if __name__ == "__main__":
    sys.exit(main())
