"""Jobs: what Drawdown does by itself, how often and what for. The list of them is assembled in `config.schedule`.

A job is a plain function. It returns what it did as numbers by word ({"expired": 3}) or None, works off whatever its
rows say is due, in order, and may be killed anywhere and run again: of the slots that passed while nothing ran only the
last is run, and catches up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.functional import Promise

# A run is asked to end after so many seconds, and killed a little later. Longer ones say so.
SECONDS = 30
# Slots are counted from here, so that two schedulers that never met agree on them.
FIRST = datetime(2000, 1, 1, tzinfo=UTC)

Work = Callable[[], Mapping[str, int | str] | None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """call: the function. every: its period; at: how far into the period it is due, counted from midnight UTC.

    seconds: after how long a run is asked to end. Whatever its job has no time for, the next run finds.
    """

    name: str
    call: Work
    every: timedelta
    purpose: str | Promise
    at: timedelta = timedelta(0)
    seconds: int = SECONDS

    def slot(self, now: datetime) -> datetime:
        """The last instant at or before `now` at which it was due."""
        return now - (now - FIRST - self.at) % self.every


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# The installed jobs by name, in their order. Filled once, while the apps are loaded.
JOBS: dict[str, Job] = {}


def install(jobs: Iterable[Job]) -> None:
    """Make these the jobs that are run. Raises ValueError where two have one name."""
    listed = list(jobs)
    JOBS.clear()
    JOBS.update((job.name, job) for job in listed)
    if len(JOBS) != len(listed):
        raise ValueError("Two jobs have one name.")
