"""How long until a killed worker's task is begun again, by the message alone and with the schedule's ticks.

    python -m benchmarks.chaos.kills

A real worker on the embedded servers is killed in the middle of a job that waits for a wallet's lock.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

from config import embedded

PATIENCE_SECONDS = 150


def main() -> int:
    """Measure and print."""
    if "DATABASE_URL" in os.environ:
        print("This measures on the embedded servers; unset DATABASE_URL.", file=sys.stderr)
        return 2
    embedded.fill_environment()
    os.environ["TEST_DATABASE_NAME"] = f"chaos_{os.getpid()}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from benchmarks.spends import stage  # noqa: PLC0415 - only after django.setup()

    with stage.database(), tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        for pool in ("prefork", "solo"):
            for what in ("one process", "the whole worker"):
                for ticks in (False, True):
                    if (pool, what) == ("solo", "one process"):
                        continue
                    seconds = measure(Path(folder), pool=pool, whole=what == "the whole worker", ticks=ticks)
                    by = "with ticks" if ticks else "by its message alone"
                    print(f"{pool:<8} kill -9 of {what:<17} {by:<20} begun again after {seconds:.1f} s", flush=True)
    return 0


def measure(folder: Path, *, pool: str, whole: bool, ticks: bool) -> float:
    """Kill it in the middle of a run, and return after how many seconds the run was begun again."""
    from jobs import runs, tasks  # noqa: PLC0415 - only after django.setup()
    from jobs.schedule import JOBS  # noqa: PLC0415
    from organizations.public_ids import new_uuid  # noqa: PLC0415
    from tests.support.servers.outage import blocked, somebody_waits_for_a_lock, staged  # noqa: PLC0415 - only after django.setup()

    wallet = timed_out_wallet()
    with staged(folder / new_uuid().hex, pool=pool) as here:
        here.use_here()
        run = runs.request(JOBS["release-reservations"], actor=None, reason="to be killed", run_id=new_uuid())
        with blocked(wallet):
            tasks.enqueue(run)
            until(somebody_waits_for_a_lock)
            run.refresh_from_db()
            if whole:
                here.worker.kill()
            else:
                here.worker.kill_child(int(run.worker.split()[1]))
            killed = time.monotonic()
        if whole:
            here.worker.start()
        if ticks:
            here.worker.start_beat()

        def is_begun_again() -> bool:
            run.refresh_from_db()
            return run.attempts > 1

        until(is_begun_again)
        return time.monotonic() - killed


def timed_out_wallet() -> Any:
    """A wallet of which something is reserved for longer than allowed."""
    from credits.models import Program  # noqa: PLC0415 - only after django.setup()
    from organizations.public_ids import new_code  # noqa: PLC0415
    from tests.support import factories  # noqa: PLC0415 - only after django.setup()
    from tests.support.credits.wallet_driver import WalletDriver  # noqa: PLC0415 - only after django.setup()

    name = new_code(8).lower()
    program = Program.objects.first() or factories.program()
    organization = factories.organization(factories.person(name), slug=name)
    driver = WalletDriver(factories.wallet(organization, program))
    driver.grant(10)
    driver.reserve(5, seconds=60)
    return driver.wallet


def until(is_so: Callable[[], bool]) -> None:
    """Wait for it. Raises TimeoutError."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > give_up:
            raise TimeoutError
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
