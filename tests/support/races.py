"""Races: several callables at once, each in its own thread with its own database connection.

Tests that use this need `pytest.mark.django_db(transaction=True)`: inside a test's transaction the threads would
see nothing of it.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection

# A race that hangs is a deadlock; the database's own lock time-out (5 s) speaks before this one.
PATIENCE_SECONDS = 60


def run_together(callables: Sequence[Callable[[], object]]) -> list[Any]:
    """Run all callables at the same moment; return what each returned or raised, in the order they were given.

    Each thread connects before the start, so that connecting does not spread them out, and closes its connection.
    Raises TimeoutError when one has not ended after PATIENCE_SECONDS.
    """
    results: list[object] = [None] * len(callables)
    start = threading.Barrier(len(callables), timeout=PATIENCE_SECONDS)

    def run(index: int, call: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            results[index] = call()
        except Exception as error:  # what it raised is the result
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(callables)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    if any(thread.is_alive() for thread in threads):
        raise TimeoutError(f"A callable of the race has not ended after {PATIENCE_SECONDS} seconds")
    return results


def run_many(call: Callable[[], object], times: int) -> list[Any]:
    """Run one callable `times` times at the same moment; see `run_together`."""
    return run_together([call] * times)
