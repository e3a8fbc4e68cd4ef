"""`make chaos`: spends over HTTP while workers are killed and PostgreSQL and Redis fail, then the proof of the books.

    python -m benchmarks.chaos [--seconds 60] [--seed 1] [--control]

On the embedded PostgreSQL, in a database of its own that is dropped afterwards, with a Redis, a web server, a worker
and a scheduler of its own; proxies stand before both servers. Exit code 1 where a promise was broken. With --control
callers forget their keys when they try again: then uses must be seen twice, or the test proves nothing.
"""

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django

from config import embedded


def main() -> int:
    """Break things, then look. 0 where every promise was kept; in the control, where duplicates were seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos")
    parser.add_argument("--seconds", type=float, default=60, help="how long faults happen (at most 600)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="callers forget their keys: uses must be seen twice")
    options = parser.parse_args()
    if "DATABASE_URL" in os.environ:
        print("Chaos has a database of its own on the embedded PostgreSQL; unset DATABASE_URL.", file=sys.stderr)
        return 2
    from tests.support.billing.payments import running_sandbox  # noqa: PLC0415 - only after django.setup()

    with contextmanager(running_sandbox)() as payments:
        os.environ["PAYMENTS_SANDBOX_URL"] = payments.url
        embedded.fill_environment()
        os.environ["PAYMENTS_SANDBOX_URL"] = payments.url
        os.environ["STRIPE_SECRET_KEY"] = embedded.SANDBOX_KEY
        os.environ["STRIPE_WEBHOOK_SECRET"] = embedded.SANDBOX_WEBHOOK_SECRET
        os.environ["TEST_DATABASE_NAME"] = f"chaos_{os.getpid()}"
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        os.environ["EMAIL_URL"] = "dummy://"
        django.setup()
        logging.getLogger("httpx").setLevel(logging.WARNING)
        from benchmarks.chaos.run import Run  # noqa: PLC0415 - only after django.setup()

        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            run = Run(folder, payments, chance=random.Random(options.seed), seed=options.seed, control=options.control)
            return run.go(stack, seconds=min(options.seconds, 600), began=time.monotonic())


if __name__ == "__main__":
    sys.exit(main())
