"""One run of a job at a time: a session advisory lock on the worker's own database connection.

Not a lease: a lease has to be renewed by somebody while the job works, and is waited for after its holder was killed.
The lock is given up by PostgreSQL itself, at once where the worker's process dies, and within half a minute where the
whole machine vanishes without a word: the session that takes it asks for keep-alives. It saves work and keeps the
history readable; that a job may overlap itself without harm (its connection was cut while it goes on) is its rows'
doing.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

# The first half of the lock's number, the same for all jobs; the second is made of the job's name.
SPACE = 4_711

TAKE = """
    SELECT pg_try_advisory_lock(%s, %s), set_config('client_connection_check_interval', '10s', false),
        set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
        set_config('tcp_keepalives_count', '3', false)
"""

READ_HELD = """
    SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@contextmanager
def only_run_of(job: str) -> Iterator[bool]:
    """Hold the job's lock for the block. Yields whether it was free; nobody waits."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [SPACE, _signed(job)])
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        # After a cut connection there is nothing to give back.
        if is_mine:
            with suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [SPACE, _signed(job)])


def held(jobs: list[str]) -> set[str]:
    """Those of the jobs that somebody is at this moment running."""
    with connection.cursor() as cursor:
        cursor.execute(READ_HELD, [SPACE])
        numbers = {number for (number,) in cursor.fetchall()}
    return {job for job in jobs if zlib.crc32(job.encode()) in numbers}


def _signed(job: str) -> int:
    """The job's number as PostgreSQL takes it: it shows the same one without a sign."""
    number = zlib.crc32(job.encode())
    return number - 2**32 if number >= 2**31 else number
