"""A schedule of the tests' own: one job, whose work the test decides."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import schedule
from jobs.schedule import Job
from tests.support.servers import job_work

NOW = datetime(2026, 3, 10, 12, 0, 7, tzinfo=UTC)
SLOT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
# What the job does is looked up when it is run: tests put their own work in its place.
TEST_JOB = Job(
    name="count",
    call=lambda: job_work.count(),  # noqa: PLW0108 - not the function that is there now
    every=timedelta(minutes=5),
    purpose="Counts.",
)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    """The only job there is."""
    monkeypatch.setattr(schedule, "JOBS", {TEST_JOB.name: TEST_JOB})
    return TEST_JOB


@pytest.fixture
def works(job: Job, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Say what the job does."""
    return lambda work: monkeypatch.setattr("tests.support.servers.job_work.count", work)
