"""The demo's supervisor: ports, children that end, children that won't."""

import json
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import embedded
from demo import server
from demo.server import Children, describe, free_port, only_demo

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]


@pytest.fixture(autouse=True)
def _signals_stay_as_they_are() -> Iterator[None]:
    """Stopping children makes the supervisor deaf to Ctrl-C; the test runner must not be."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert free_port(port) > port


def test_children_end_when_told() -> None:
    children = Children()
    children.start("sleeper", SLEEPER)
    assert children.dead() is None

    children.stop()

    assert children.dead() == ("sleeper", -signal.SIGTERM)


def test_a_child_that_will_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FAREWELL_SECONDS", 0)
    children = Children()
    children.start("stubborn", STUBBORN)

    children.stop()

    assert children.running["stubborn"].returncode in {-signal.SIGKILL, -signal.SIGTERM}


def test_a_child_that_died_is_named_with_its_code() -> None:
    children = Children()
    children.start("sleeper", SLEEPER)
    children.start("broken", [sys.executable, "-c", "raise SystemExit(3)"])
    children.running["broken"].wait(30)

    assert children.dead() == ("broken", 3)
    children.stop()


def test_one_demo_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "LOCAL", tmp_path)

    with only_demo(), pytest.raises(SystemExit, match="already running"), only_demo():
        pass


def test_it_refuses_to_touch_a_database_that_somebody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/precious")

    assert server.main() == 2


def test_it_says_where_it_runs_and_who_may_sign_in() -> None:
    demo = {
        "sandbox_url": "http://127.0.0.1:12111",
        "accounts": [{"email": "aiko@example.com", "password": "pass", "role": "owner", "organization": "growi"}],
        "keys": [{"organization": "growi", "scope": "spend", "key": "dd_1"}],
    }

    text = describe("http://localhost:8000", json.loads(json.dumps(demo)), embedded.LOCAL / "demo.json")

    for word in [
        "http://localhost:8000",
        "sandbox is at http://127.0.0.1:12111",
        "aiko@example.com",
        "dd_1",
        ".local/demo.json",
        "Ctrl-C",
    ]:
        assert word in text


def test_the_sandbox_stays_where_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "LOCAL", tmp_path)
    port = embedded.choose_sandbox_port()

    assert embedded.choose_sandbox_port() == port == embedded.sandbox_port()


def test_the_sandbox_gives_way_to_whoever_took_its_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "LOCAL", tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", embedded.choose_sandbox_port()))
        taken.listen()

        assert embedded.choose_sandbox_port() != taken.getsockname()[1]


def test_the_sandbox_is_told_whom_to_call(settings: Any) -> None:
    settings.PAYMENTS_SANDBOX_URL = "http://127.0.0.1:12199"

    command = server.sandbox_command("http://localhost:8000")

    assert command[command.index("--port") + 1] == "12199"
    assert command[command.index("--webhook-url") + 1] == "http://localhost:8000/billing/webhooks/stripe/"
