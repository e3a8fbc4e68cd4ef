"""One run of a job at a time, by a session advisory lock on the worker's database connection.

A lease would have to be renewed while the job works, and would have to expire after its holder was killed. PostgreSQL
releases this lock at once when the worker's process dies, and within half a minute when its machine disappears, since
the session has keep-alives. The lock only saves work and keeps the history readable: a job whose connection was cut can
overlap with its next run, and its rows keep that harmless.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

# The first half of the lock's key, the same for all jobs. The second is a hash of the job's name.
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
    """Hold the job's lock during the block. Yields whether it was free, and never waits."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [SPACE, _signed(job)])
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        # If the connection was cut, PostgreSQL has released the lock.
        if is_mine:
            with suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [SPACE, _signed(job)])


def held(jobs: list[str]) -> set[str]:
    """Return those of the jobs that are running now."""
    with connection.cursor() as cursor:
        cursor.execute(READ_HELD, [SPACE])
        numbers = {number for (number,) in cursor.fetchall()}
    return {job for job in jobs if zlib.crc32(job.encode()) in numbers}


def _signed(job: str) -> int:
    """Return the job's key as PostgreSQL takes it, signed. It shows the same key unsigned."""
    number = zlib.crc32(job.encode())
    return number - 2**32 if number >= 2**31 else number
