"""Natural batching, without any database: who runs what together with whom."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from usage.api.batching import Batcher, NoAnswer, TooManyWait

PATIENCE_SECONDS = 30


class Gate:
    """A run that notes its batches and, while it is closed, waits in the middle of the first one."""

    def __init__(self, answer: Callable[[int], object] = lambda item: item * 10) -> None:
        self.batches: list[list[int]] = []
        self.threads: list[int] = []
        self.is_running = threading.Event()
        self.may_end = threading.Event()
        self._answer = answer

    def __call__(self, items: Sequence[int]) -> list[object]:
        self.batches.append(list(items))
        self.threads.append(threading.get_ident())
        self.is_running.set()
        assert self.may_end.wait(PATIENCE_SECONDS)
        return [self._answer(item) for item in items]


def wait_until(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(PATIENCE_SECONDS * 1_000):
        if condition():
            return
        tick.wait(0.001)
    raise TimeoutError


def queue_behind(
    batcher: Batcher[int, object], gate: Gate, threads: ThreadPoolExecutor, items: range
) -> list[Future[object]]:
    """Start a batch of item 0, then have the other items wait behind it."""
    futures = [threads.submit(batcher.submit, 0)]
    assert gate.is_running.wait(PATIENCE_SECONDS)
    futures += [threads.submit(batcher.submit, item) for item in items]
    wait_until(lambda: batcher.waiting == len(items))
    return futures


def test_a_lone_caller_runs_its_item_at_once_in_its_own_thread() -> None:
    gate = Gate()
    gate.may_end.set()
    batcher = Batcher(gate)
    assert [batcher.submit(item) for item in (1, 2)] == [10, 20]
    assert gate.batches == [[1], [2]]
    assert set(gate.threads) == {threading.get_ident()}


def test_what_arrives_meanwhile_is_run_together_next() -> None:
    gate = Gate()
    batcher = Batcher(gate)
    with ThreadPoolExecutor(31) as threads:
        futures = queue_behind(batcher, gate, threads, range(1, 31))
        gate.may_end.set()
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [item * 10 for item in range(31)]
    assert len(gate.batches) == 2
    assert sorted(gate.batches[1]) == list(range(1, 31))


def test_a_batch_takes_no_more_than_it_may() -> None:
    gate = Gate()
    batcher = Batcher(gate, most=10)
    with ThreadPoolExecutor(31) as threads:
        futures = queue_behind(batcher, gate, threads, range(1, 31))
        gate.may_end.set()
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [item * 10 for item in range(31)]
    assert [len(batch) for batch in gate.batches] == [1, 10, 10, 10]


def test_a_full_queue_refuses_and_harms_nobody() -> None:
    gate = Gate()
    batcher = Batcher(gate, room=3)
    with ThreadPoolExecutor(4) as threads:
        futures = queue_behind(batcher, gate, threads, range(1, 4))
        with pytest.raises(TooManyWait):
            batcher.submit(99)
        gate.may_end.set()
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [0, 10, 20, 30]


def test_a_run_that_fails_fails_for_its_batch_and_not_for_the_next() -> None:
    gate = Gate(answer=lambda item: 1 // item)
    batcher = Batcher(gate)
    with ThreadPoolExecutor(4) as threads:
        futures = queue_behind(batcher, gate, threads, range(1, 4))
        gate.may_end.set()
        with pytest.raises(ZeroDivisionError):
            futures[0].result(PATIENCE_SECONDS)
        assert [future.result(PATIENCE_SECONDS) for future in futures[1:]] == [1, 0, 0]
    assert batcher.submit(1) == 1, "the batcher works on"


def test_whoever_was_taken_along_by_a_run_that_failed_learns_that_nothing_is_known() -> None:
    def run(items: Sequence[int]) -> list[object]:
        gate(items)
        if len(items) > 1:
            raise ValueError
        return list(items)

    gate = Gate()
    batcher = Batcher(run)
    with ThreadPoolExecutor(4) as threads:
        futures = queue_behind(batcher, gate, threads, range(1, 4))
        gate.may_end.set()
        errors = [type(future.exception(PATIENCE_SECONDS)) for future in futures[1:]]
    assert sorted(errors, key=str) == sorted([ValueError, NoAnswer, NoAnswer], key=str)


def test_whoever_lost_patience_leaves_the_queue_and_is_not_run() -> None:
    gate = Gate()
    batcher = Batcher(gate, patience=0.05)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(batcher.submit, 0)
        assert gate.is_running.wait(PATIENCE_SECONDS)
        with pytest.raises(TooManyWait):
            batcher.submit(1)
        gate.may_end.set()
        assert first.result(PATIENCE_SECONDS) == 0
    assert batcher.submit(2) == 20
    assert gate.batches == [[0], [2]]


def test_many_callers_each_get_their_own_answer() -> None:
    largest = 0

    def run(items: Sequence[int]) -> list[int]:
        nonlocal largest
        largest = max(largest, len(items))
        return [item * 10 for item in items]

    batcher = Batcher(run)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(batcher.submit, range(5_000)))
    assert answers == [item * 10 for item in range(5_000)]
    assert batcher.waiting == 0
