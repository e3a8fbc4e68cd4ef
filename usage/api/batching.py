"""Batching without a timer: items that arrive while a batch runs are run together in the next one.

There is no thread of its own, and a lone item never waits. A caller that finds nothing running leads: it runs its own
item at once, and others queue meanwhile. When it is done, the first in the queue leads next and takes along everything
queued by then. Knows nothing of databases, keys or credits.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class TooManyWait(Exception):
    """The queue is full; nothing was run."""


class NoAnswer(Exception):
    """The item's batch has not ended in time, or ended without an answer: whether it ran is unknown."""


class _Ticket(Generic[Item, Answer]):
    """One caller in the queue."""

    __slots__ = ("answer", "is_leader", "item", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.woken = threading.Event()
        self.is_leader = False
        # A tuple of one, so that None can be an answer.
        self.answer: tuple[Answer] | None = None


class Batcher(Generic[Item, Answer]):
    """Runs items of many threads together, one batch at a time.

    run: takes 1 to `most` items and returns their answers in order; never called twice at once. room: how many callers
    may wait. patience: seconds that a caller waits for its answer.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Answer]],
        *,
        most: int = 256,
        room: int = 2048,
        patience: float = 30,
    ) -> None:
        self._run = run
        self._most = most
        self._room = room
        self._patience = patience
        self._mutex = threading.Lock()
        self._is_running = False
        self._waiting: deque[_Ticket[Item, Answer]] = deque()

    @property
    def waiting(self) -> int:
        """How many callers wait right now."""
        return len(self._waiting)

    def submit(self, item: Item) -> Answer:
        """Run an item, alone or with others, and return its answer.

        Raises TooManyWait, NoAnswer, and, in the leader, what `run` raises.
        """
        ticket: _Ticket[Item, Answer] = _Ticket(item)
        with self._mutex:
            is_leader = not self._is_running
            if is_leader:
                self._is_running = True
            elif len(self._waiting) >= self._room:
                raise TooManyWait
            else:
                self._waiting.append(ticket)
        if is_leader:
            self._lead([ticket])
        else:
            self._wait(ticket)
        if ticket.answer is None:
            raise NoAnswer
        return ticket.answer[0]

    def _wait(self, ticket: _Ticket[Item, Answer]) -> None:
        if not ticket.woken.wait(self._patience):
            with self._mutex:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                    raise TooManyWait
        if ticket.is_leader:
            with self._mutex:
                followers = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most - 1))]
            self._lead([ticket, *followers])

    def _lead(self, batch: list[_Ticket[Item, Answer]]) -> None:
        """Run a batch, then hand over, then wake its callers, whatever happens."""
        try:
            answers = self._run([ticket.item for ticket in batch])
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.answer = (answer,)
        finally:
            self._hand_over()
            for ticket in batch:
                ticket.woken.set()

    def _hand_over(self) -> None:
        with self._mutex:
            if not self._waiting:
                self._is_running = False
                return
            successor = self._waiting.popleft()
            successor.is_leader = True
        successor.woken.set()
