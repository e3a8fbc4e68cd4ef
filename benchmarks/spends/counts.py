"""What doesn't depend on the machine's mood: statements, round trips and write-ahead log of spends; and the import.

Spends are metered here in this process, with the same functions as behind the API, on a connection of its own.
"""

import contextlib
import csv
import io
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from django.core.management import call_command
from django.db import connection

from benchmarks.spends.stage import HOT, MEASURES, USE, Stage
from usage.api.spending import Spend, meter_together
from usage.uses import Use


def spend_together(stage: Stage, *, size: int, where: str, chance: Random) -> None:
    """Pay for so many single spends in one transaction, as the API does when they arrive together."""
    spends = [
        Spend(
            stage.key,
            Use(
                organization=chance.choice(stage.organizations(where)),
                key=f"{chance.getrandbits(128):032x}",
                feature=str(USE["feature"]),
                user=str(USE["user"]),
                measures=MEASURES,
            ),
        )
        for _ in range(size)
    ]
    wrong = [outcome for outcome in meter_together(spends) if isinstance(outcome, Exception)]
    if wrong:
        raise RuntimeError(f"A spend was refused: {wrong[0]}")


def statements(stage: Stage, *, size: int, where: str) -> dict[str, int]:
    """Count what the client library sends for one transaction: statements, and round trips that it waits for."""
    chance = Random(f"statements {where} {size}")
    # Only after a few times is everything prepared, and its plan made once and for all.
    for _ in range(6):
        spend_together(stage, size=size, where=where, chance=chance)
    with tempfile.TemporaryFile() as trace:
        session = connection.connection.pgconn
        session.trace(trace.fileno())
        spend_together(stage, size=size, where=where, chance=chance)
        session.untrace()
        trace.seek(0)
        # Time, direction (F: from here), length, message and what it carries.
        lines = [line.split(b"\t") for line in trace]
        sent = Counter(line[3].strip() for line in lines if line[1:2] == [b"F"])
    return {"statements": sent[b"Execute"] + sent[b"Query"], "round_trips": sent[b"Sync"] + sent[b"Query"]}


def wal(stage: Stage, *, size: int, where: str, spends: int) -> dict[str, float]:
    """Measure this connection's write-ahead log per spend, so many per transaction.

    bytes: all of it; pages: whole pages in it, which come after every checkpoint, at most 8 KB each.
    """
    chance = Random(f"{where} {size}")
    for _ in range(3):
        spend_together(stage, size=size, where=where, chance=chance)
    before = _written()
    turns = max(1, spends // size)
    for _ in range(turns):
        spend_together(stage, size=size, where=where, chance=chance)
    after = _written()
    return {
        "bytes": (after[0] - before[0]) / (turns * size),
        "pages": (after[1] - before[1]) / (turns * size),
    }


def _written() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT wal_bytes, wal_fpi FROM pg_stat_get_backend_wal(pg_backend_pid())")
        written, pages = cursor.fetchone()
        return int(written), int(pages)


def lines_imported(*, lines: int, seed: int) -> float:
    """Return lines per second of `manage.py import_usage` on a generated file of calls by tokens."""
    chance = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"calls-{seed}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["TIMESTAMP", "ContextTokens", "GeneratedTokens"])
            for line in range(lines):
                second, millisecond = divmod(line * 7, 1000)
                instant = f"2026-01-01 {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{millisecond:03}0000"
                writer.writerow([instant, chance.randint(1, 4000), chance.randint(1, 500)])
        began = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):
            call_command("import_usage", path, organization=HOT, feature="chat", model="small", stdout=io.StringIO())
        return lines / (time.perf_counter() - began)
