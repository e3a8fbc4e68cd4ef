"""The nudge: after the commit, in about a second at most, and never a reason to fail."""

import socket
import time
from typing import Any

import pytest
from django.db import transaction

from config.celery import app
from jobs import nudges

pytestmark = pytest.mark.django_db(transaction=True)


class Asked:
    """A task that only remembers, or fails as it is told."""

    name = "asked"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[tuple[Any, ...]] = []

    def apply_async(self, args: tuple[Any, ...], *, retry: bool, **options: Any) -> None:
        assert not retry
        self.calls.append(args)
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def _broker_not_known_to_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudges, "_silent_until", 0.0)


def test_it_waits_for_the_commit() -> None:
    task = Asked()
    with transaction.atomic():
        nudges.nudge_after_commit(task, 7)
        assert task.calls == []

    assert task.calls == [(7,)]


def test_what_was_rolled_back_needs_no_nudge() -> None:
    task = Asked()
    with transaction.atomic():
        nudges.nudge_after_commit(task, 7)
        transaction.set_rollback(True)

    assert task.calls == []


def test_what_follows_it_after_the_commit_happens_all_the_same() -> None:
    followed = []
    with transaction.atomic():
        nudges.nudge_after_commit(Asked(ConnectionRefusedError()), 7)
        nudges.nudge_after_commit(Asked(RuntimeError("a mistake of ours")), 7)
        transaction.on_commit(lambda: followed.append("followed"))

    assert followed == ["followed"]


def test_a_silent_broker_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Asked(TimeoutError())
    nudges.nudge(task, 1)
    nudges.nudge(task, 2)
    monkeypatch.setattr(nudges, "_silent_until", time.monotonic())
    nudges.nudge(task, 3)

    assert task.calls == [(1,), (3,)]


def test_a_broker_that_takes_calls_and_says_nothing_costs_about_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = app.connection_for_write(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        class Real(Asked):
            def apply_async(self, args: tuple[Any, ...], *, retry: bool, **options: Any) -> None:
                app.send_task("anything", args, connection=connection, retry=retry)

        began = time.monotonic()
        nudges.nudge(Real(), 1)

        assert time.monotonic() - began < 3
        assert nudges._silent_until > began
