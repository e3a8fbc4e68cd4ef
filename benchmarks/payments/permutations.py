"""Go through orders of payments' events, with duplicates, and see that each story always ends the same way.

    python -m benchmarks.payments.permutations [SEQUENCES] [SEED]  # 10,000 and 1 unless said otherwise

For each story a part of the sequences delivers every event once, in all orders there are or, where there are too many,
in random ones; the others deliver events while things go on happening at Stripe, each event one to three times. Events
go to the product's own handlers; Stripe is in memory; each sequence is rolled back. Exits with 1 where one differs.
"""

import math
import os
import sys
import time

import django
from django.db import connection

from config import embedded


def run_all(*, sequences: int, seed: int) -> list[str]:
    """Go through every story, so many sequences in all; print a line about each and return what ended otherwise."""
    # Django must be set up before its models are imported.
    from benchmarks.payments.orders import run_story  # noqa: PLC0415 - only after django.setup()
    from benchmarks.payments.stories import STORIES  # noqa: PLC0415 - only after django.setup()

    different = []
    for story in STORIES:
        began = time.perf_counter()
        outcome = run_story(story, sequences=math.ceil(sequences / len(STORIES)), seed=seed)
        different += outcome.different
        print(
            f"{outcome.name}: {outcome.sequences} sequences, {len(outcome.distinct)} of them distinct, "
            f"{outcome.deliveries} deliveries, {outcome.audits} audited, {len(outcome.different)} ended otherwise, "
            f"{time.perf_counter() - began:.0f} s",
            flush=True,
        )
    return different


def main() -> None:
    embedded.fill_environment()
    os.environ["TEST_DATABASE_NAME"] = "bench_payment_permutations"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    sequences = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        began = time.perf_counter()
        different = run_all(sequences=sequences, seed=seed)
    finally:
        connection.creation.destroy_test_db("postgres", verbosity=0)
    for line in different[:20]:
        print(line)
    print(f"At least {sequences} sequences, seed {seed}, {time.perf_counter() - began:.0f} s: {len(different)} differ.")
    if different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
