"""Importing past usage: every line of a file becomes a use, metered like any other, in batches.

A line's idempotency key is made of the file's name and the line's number, so a run that was stopped can be run again,
and a file that grew is continued. The same name and number with other content is refused, not taken twice.
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
    """What an import did so far. Credits in smallest units, of this run alone."""

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
    """Meter the records, so many per transaction, counting into `summary` as it goes.

    refuse: told of every line that was refused, with the reason. What it holds in memory is one batch. Raises Django's
    database errors; the batches before are written, and running again continues.
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
