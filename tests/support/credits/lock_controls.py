"""Races for credits: a wallet with rows that are committed, and the ledger without its lock, for the controls."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from credits.ledger import rows
from credits.models import Program
from sql.statements import execute
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver

LOCK = "FOR NO KEY UPDATE OF w"


@pytest.fixture
def program() -> Program:
    return factories.program(overdraft_limit=0)


@pytest.fixture
def driver(program: Program) -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), program))


@contextmanager
def without_the_lock(patch: pytest.MonkeyPatch, *, meeting: int) -> Iterator[None]:
    """Take the lock out of the ledger's statement, and let nobody write before so many have read.

    With the lock in place only one can have read at a time, so what happens in the block can't happen in the product.
    """
    all_have_read = threading.Barrier(meeting, timeout=20)
    read_after_lock = rows.read_after_lock
    taken_out: list[str] = []

    def execute_unlocked(sql: str, parameters: Any) -> Any:
        if LOCK in sql:
            taken_out.append(sql)
        return execute(sql.replace(LOCK, ""), parameters)

    def read_together(*arguments: Any) -> Any:
        found = read_after_lock(*arguments)
        all_have_read.wait()
        return found

    with patch.context() as patched:
        patched.setattr(rows, "execute", execute_unlocked)
        patched.setattr(rows, "read_after_lock", read_together)
        yield
    assert len(taken_out) >= meeting, "the lock is no longer where this control looks for it"


@contextmanager
def paused_after_reading(patch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, Callable[[], None]]]:
    """Hold the first book that is opened between its reading and its deciding.

    Yields an event that says that it has read, with its locks held, and what lets it go on.
    """
    has_read, may_go_on = threading.Event(), threading.Event()
    read_after_lock = rows.read_after_lock
    first = threading.Lock()

    def read_and_wait(*arguments: Any) -> Any:
        found = read_after_lock(*arguments)
        if first.acquire(blocking=False):
            has_read.set()
            may_go_on.wait(20)
        return found

    with patch.context() as patched:
        patched.setattr(rows, "read_after_lock", read_and_wait)
        yield has_read, may_go_on.set
