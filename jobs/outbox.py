"""The outbox protocol: work that is a row, done outside any transaction, at least once.

A row is due when its time has come. `claim` takes it in a short transaction: it counts the attempt and writes the marks
that keep others away for a while, such as the time of the next try. The work follows, outside any transaction; then
`Claim.write` records the outcome. After a failure `wait_after` says how long to back off and when to give up.

A worker that dies leaves a claim that runs out; the row is due again, and its work is repeated. A worker that comes
back too late writes nothing, because its marks are no longer on the row. No table and no kind of work is known here.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.db import models, transaction
from django.db.models import F, QuerySet

Row = TypeVar("Row", bound=models.Model)
Work = TypeVar("Work")


@dataclass(frozen=True, slots=True)
class Claim(Generic[Row]):
    """One attempt at a row. row: as the claim left it. marks: the columns that it wrote; they prove the claim."""

    row: Row
    marks: Mapping[str, Any]

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return int(self.marks["attempts"])

    def write(self, **outcome: Any) -> bool:
        """Write the outcome into the row's columns. False, and nothing is written: another has claimed the row since.

        May be called inside a transaction that writes more about the outcome.
        """
        rows: QuerySet[Row] = QuerySet(type(self.row))
        return bool(rows.filter(pk=self.row.pk, **self.marks).update(**outcome))


def claim(due: QuerySet[Row], *, count: int = 1, **marks: Any) -> list[Claim[Row]]:
    """Claim up to `count` of the due rows, in their order, and commit; rows that others are claiming are skipped.

    due: rows of a model with an integer `attempts`. It is read under the lock, so a row that another has claimed a
    moment ago must no longer match it. marks: columns and their values; one of them should take the row out of `due`
    for longer than the work may last. Nobody waits. Raises RuntimeError inside a transaction: the claim would not be
    seen by others, and the work would hold the transaction open.
    """
    with transaction.atomic(durable=True):
        rows = _lock(due, count)
        claimed: QuerySet[Row] = QuerySet(due.model)
        claimed.filter(pk__in=[row.pk for row in rows]).update(attempts=F("attempts") + 1, **marks)
    return [_claimed(row, marks) for row in rows]


def claim_one(due: QuerySet[Row], **marks: Any) -> Claim[Row] | None:
    """Claim the first due row as `claim` does; None: nothing is due, or others have it."""
    return next(iter(claim(due, **marks)), None)


def _lock(due: QuerySet[Row], count: int) -> list[Row]:
    return list(due.select_for_update(of=("self",), no_key=True, skip_locked=True)[:count])


def _claimed(row: Any, marks: Mapping[str, Any]) -> Claim[Any]:
    written = {**marks, "attempts": row.attempts + 1}
    for name, value in written.items():
        setattr(row, name, value)
    return Claim(row, written)


def wait_after(attempt: int, waits: Sequence[timedelta]) -> timedelta | None:
    """Return how long to wait after a failed attempt, counted from 1; None: it was the last, give up."""
    return waits[attempt - 1] if attempt <= len(waits) else None


def within(seconds: float, work: Iterable[Work]) -> Iterator[Work]:
    """Go through work and begin nothing after so many seconds; what is left stays due.

    The time is read before the next piece is taken, so nothing is claimed that is not begun.
    """
    stop_at = time.monotonic() + seconds
    pieces = iter(work)
    while time.monotonic() < stop_at:
        try:
            piece = next(pieces)
        except StopIteration:
            return
        yield piece
