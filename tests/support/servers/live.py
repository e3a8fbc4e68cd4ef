"""A real web server on the test database: gunicorn as the demo runs it, in processes of its own.

Tests that use it need `transactional_db`: the server sees only what is committed. Fixtures: `live_api` in conftest.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from config.embedded import ROOT
from demo.server import free_port, web_command

PATIENCE_SECONDS = 60


@contextlib.contextmanager
def serve(database_name: str, log: Path, *, workers: int = 2, threads: int = 16) -> Iterator[str]:
    """Serve the named database on a free loopback port; give the server's URL; stop it at the end.

    Raises RuntimeError, with the end of the log, when it does not answer in time.
    """
    # Ports far from the demo's, and apart for tests that run side by side.
    port = free_port(20_000 + os.getpid() % 10_000)
    url = f"http://localhost:{port}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database_name}").geturl(),
        "BASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
    }
    command = web_command(port, workers=workers, threads=threads)
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until_it_answers(url, server, log)
        yield url
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/accounts/login/", timeout=PATIENCE_SECONDS, trust_env=False)
            return
        time.sleep(0.05)
    raise RuntimeError(f"The test's web server does not answer:\n{log.read_text(errors='replace')[-4000:]}")
