"""`make demo`: starts everything that the demo needs, and stops it all together.

It starts the embedded servers, migrates the database, fills it once, and runs the payments sandbox, the web server and
the background worker as its children. Ctrl-C or SIGTERM stops them all, and so does a child that dies.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command

from config import embedded

FIRST_PORT = 8000
# How long a child may take to end before it is killed.
FAREWELL_SECONDS = 8
PATIENCE_SECONDS = 60


def web_command(port: int, *, workers: int = 2, threads: int = 32) -> list[str]:
    """The web server's command line, for a port on loopback; benchmarks and tests serve with the same."""
    return [
        *(sys.executable, "-m", "gunicorn", "config.wsgi:application"),
        *("--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)),
        *("--keep-alive", "30", "--graceful-timeout", "4", "--log-level", "error", "--no-control-socket"),
    ]


def worker_command() -> list[str]:
    """The background worker's command line, with the schedule in the same process group."""
    return [
        *(sys.executable, "-W", "ignore:You're running the worker", "-m", "celery"),  # as root, in a container
        *("--quiet", "--app", "config.celery", "worker"),
        *("--beat", "--scheduler", "celery.beat.Scheduler"),
        *("--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
    ]


def sandbox_command(url: str) -> list[str]:
    """The payments sandbox's command line; it keeps its state under `.local/` and calls the web server at `url`."""
    return [
        *(sys.executable, "-m", "stripe_sandbox", "--port", str(urlsplit(settings.PAYMENTS_SANDBOX_URL).port)),
        *("--data", str(embedded.sandbox_folder() / "state.db")),
        *("--webhook-url", f"{url}/billing/webhooks/stripe/", "--webhook-secret", settings.STRIPE_WEBHOOK_SECRET),
    ]


def free_port(first: int) -> int:
    """The first free port from `first` on. Raises SystemExit when a hundred are taken."""
    for port in range(first, first + 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    sys.exit(f"Ports {first} to {first + 99} are all taken. Name another: PORT=9000 make demo")


class Children:
    """The processes that the demo started, by name."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: list[str]) -> None:
        """Start a child in a session of its own, so that only this process gets Ctrl-C and stops the children."""
        self.running[name] = subprocess.Popen(command, cwd=embedded.ROOT, start_new_session=True)

    def dead(self) -> tuple[str, int] | None:
        """The name and exit code of a child that has ended, if any."""
        for name, child in self.running.items():
            if (code := child.poll()) is not None:
                return name, code
        return None

    def stop(self) -> None:
        """Terminate all children and their own children, then kill those that remain. Ctrl-C can't interrupt this."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._signal_all(signal.SIGTERM)
        give_up = time.monotonic() + FAREWELL_SECONDS
        for child in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, give_up - time.monotonic()))
        self._signal_all(signal.SIGKILL)
        for child in self.running.values():
            child.wait()

    def _signal_all(self, number: signal.Signals) -> None:
        for child in self.running.values():
            # The group outlives its first process when a grandchild hangs; an empty group is gone.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)


@contextlib.contextmanager
def only_demo() -> Iterator[None]:
    """Refuse a second demo on the same data. Raises SystemExit with a message."""
    embedded.LOCAL.mkdir(exist_ok=True)
    with (embedded.LOCAL / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("A demo of this folder is already running. Stop it with Ctrl-C first.")
        yield


def prepare(url: str) -> dict[str, Any]:
    """Migrate the database, fill it at first use, and return the content of `.local/demo.json`."""
    from demo.seed import seed  # noqa: PLC0415 - only after django.setup()
    from organizations.models import Organization  # noqa: PLC0415 - likewise

    path = embedded.LOCAL / "demo.json"
    print("Bringing the database up to date.", flush=True)
    call_command("migrate", verbosity=0, interactive=False)
    if not path.exists() or not Organization.objects.exists():
        print("Writing five organizations with 90 days of life; this takes up to a minute.", flush=True)
        seed()
    demo: dict[str, Any] = json.loads(path.read_text())
    addresses = {"url": url, "sandbox_url": settings.PAYMENTS_SANDBOX_URL}
    if not addresses.items() <= demo.items():
        demo |= addresses
        path.write_text(json.dumps(demo, indent=2) + "\n")
    return demo


def wait_until_served(port: int, children: Children) -> None:
    """Return once the web server accepts connections, or a child has died."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while children.dead() is None and time.monotonic() < give_up:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)


def describe(url: str, demo: dict[str, Any], path: Path) -> str:
    """What runs where, and who may sign in."""
    accounts = [
        f"  {account['email']:<32} {account['password']:<20} {account['role']:<8} {account['organization']}"
        for account in demo["accounts"]
    ]
    keys = [
        f"  {key['organization'] or 'every organization':<20} {key['scope']:<12} {key['key']}" for key in demo["keys"]
    ]
    lines = [
        "",
        f"Drawdown is at {url}",
        *([f"The payments sandbox is at {demo['sandbox_url']}"] if demo.get("sandbox_url") else []),
        "",
        *("Accounts (mail, password, role, organization):", *accounts, ""),
        *("API keys (organization, scope, key):", *keys, ""),
        f"The same is in {path.relative_to(embedded.ROOT)}. Mail is printed here. Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def serve(port: int, url: str) -> int:
    """Run until stopped or until a child dies; return the exit code."""
    children = Children()
    try:
        # With a key of Stripe's own in the environment there is no sandbox.
        if settings.PAYMENTS_SANDBOX_URL:
            children.start("payments sandbox", sandbox_command(url))
        demo = prepare(url)
        children.start("web server", web_command(port))
        children.start("background worker", worker_command())
        wait_until_served(port, children)
        print(describe(url, demo, embedded.LOCAL / "demo.json"), flush=True)
        while (death := children.dead()) is None:
            time.sleep(0.2)
        name, code = death
        print(f"The {name} ended with exit code {code}; stopping the rest.", file=sys.stderr, flush=True)
        return code if code > 0 else 1
    finally:
        children.stop()


def forget() -> None:
    """Empty the embedded database, and delete `.local/demo.json` and the sandbox's state."""
    from django.db import connection  # noqa: PLC0415 - only after django.setup()

    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    connection.close()
    (embedded.LOCAL / "demo.json").unlink(missing_ok=True)
    for kept in embedded.sandbox_folder().glob("state.db*"):
        kept.unlink()
    print("The demo's data is gone.", flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """`python -m demo [--reset]`."""
    if "DATABASE_URL" in os.environ:
        return _refuse("The demo keeps its own database under .local; unset DATABASE_URL to run it.")
    signal.signal(signal.SIGTERM, _interrupt)
    port = free_port(int(os.environ.get("PORT", FIRST_PORT)))
    # A name, not a number: browsers offer passkeys to host names only.
    url = os.environ["BASE_URL"] = f"http://localhost:{port}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with only_demo():
        try:
            embedded.choose_sandbox_port()
            embedded.fill_environment()
            django.setup()
            if "--reset" in sys.argv:
                forget()
            return serve(port, url)
        except KeyboardInterrupt:
            print("\nStopped.", flush=True)
            return 0


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2
