"""Importing past usage: every line of a file becomes a use and is metered like any other, in batches.

A line's idempotency key is made of the file's name and the line's number, so an import that was stopped can be run
again, and a file that has grown is continued. The same name and number with other content is refused.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from usage.importing.files import Record
from usage.metering.meter import meter
from usage.uses import Metered


@dataclass(slots=True)
class Summary:
    """What this run of an import has done so far. Credits in smallest units."""

    imported: int = 0
    repeated: int = 0
    refused: int = 0
    credits: int = 0

    @property
    def lines(self) -> int:
        return self.imported + self.repeated + self.refused


def import_records(
    records: Iterable[Record],
    *,
    summary: Summary,
    refuse: Callable[[Record, str], None],
    batch_size: int = 1000,
    now: datetime | None = None,
) -> None:
    """Meter the records, so many per transaction and in memory, and count them in `summary`.

    refuse: called with every line that was refused, and the reason. now: for tests. Raises Django's database errors;
    earlier batches are written then, and running it again continues.
    """
    for batch in _batches(records, batch_size):
        uses = [record.use for record in batch if record.use is not None]
        answers = iter(meter(uses, now=now))
        for record in batch:
            answer = next(answers) if record.use is not None else None
            if not isinstance(answer, Metered):
                summary.refused += 1
                refuse(record, str(answer) if answer is not None else record.reason)
            elif answer.was_replayed:
                summary.repeated += 1
            else:
                summary.imported += 1
                summary.credits += answer.credits


def _batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    iterator = iter(records)
    while batch := list(islice(iterator, size)):
        yield batch
