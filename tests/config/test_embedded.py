"""The embedded servers: shared by processes, gone with the last, and started again after any kill."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config.embedded import ROOT

HOLD = """
import os, sys
from pathlib import Path
from config import embedded
embedded.LOCAL = Path(sys.argv[1])
embedded.fill_environment()
import psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())")
    connection.execute("INSERT INTO visits DEFAULT VALUES")
    visits = connection.execute("SELECT count(*) FROM visits").fetchone()[0]
    show = lambda name: connection.execute(f"SHOW {name}").fetchone()[0]
    durable, hosts = show("fsync") + show("synchronous_commit"), show("listen_addresses")
policy = redis.Redis.from_url(os.environ["REDIS_URL"]).config_get("maxmemory-policy")["maxmemory-policy"]
print(visits, durable, hosts or "socket-only", policy, flush=True)
sys.stdin.readline()
"""


class Holder:
    """A process that holds the embedded servers of a folder until it is let go."""

    def __init__(self, folder: Path) -> None:
        outside = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            cwd=ROOT,
            env=outside,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def let_go(self) -> int:
        self.process.communicate("\n", timeout=30)
        return self.process.returncode

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode


def servers(folder: Path) -> list[psutil.Process]:
    """The server processes that work in a folder."""
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.name() in {"postgres", "valkey-server"} and process.cwd().startswith(str(folder)):
                found.append(process)
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: its name is too long for a socket, and closed to the user that PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="dd-") as name:
        yield Path(name)
        for process in servers(Path(name)):
            process.kill()


def test_they_are_durable_private_and_never_evict(folder: Path) -> None:
    holder = Holder(folder)

    assert holder.said() == "1 onon socket-only noeviction"
    assert holder.let_go() == 0


def test_the_last_to_leave_stops_them_and_the_data_stays(folder: Path) -> None:
    first = Holder(folder)
    assert first.said().startswith("1 ")
    second = Holder(folder)
    assert second.said().startswith("2 ")

    first.let_go()
    assert servers(folder) != []
    second.let_go()
    assert servers(folder) == []

    third = Holder(folder)
    assert third.said().startswith("3 ")
    third.let_go()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_them_too(folder: Path, number: signal.Signals) -> None:
    holder = Holder(folder)
    holder.said()

    holder.end(number)

    assert servers(folder) == []


def test_a_killed_holder_does_not_keep_them_for_ever(folder: Path) -> None:
    killed = Holder(folder)
    killed.said()
    killed.end(signal.SIGKILL)
    assert servers(folder) != []

    survivor = Holder(folder)
    assert survivor.said().startswith("2 ")
    survivor.let_go()

    assert servers(folder) == []


def test_they_start_after_everything_was_killed_and_the_numbers_were_given_to_others(folder: Path) -> None:
    killed = Holder(folder)
    killed.said()
    killed.end(signal.SIGKILL)
    for process in servers(folder):
        process.kill()
    pid_file = folder / "postgresql" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    holder = Holder(folder)

    assert holder.said().startswith("2 ")
    holder.let_go()
    assert servers(folder) == []
