"""What staff see of the schedule: each job with its last runs, and whether the schedule runs at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils.timesince import timesince

from jobs.models import Heartbeat, JobRun
from jobs.schedule import FIRST, JOBS, Job

# A job is overdue after so many periods without a good run, the heartbeat after so long.
PERIODS = 3
SILENT_AFTER = timedelta(minutes=3)

READ_LAST_RUNS = """
    SELECT j.name, last.id, good.id, bad.id
    FROM unnest(%s::text[]) AS j(name)
    LEFT JOIN LATERAL (
        SELECT id FROM jobs_jobrun r WHERE r.job = j.name ORDER BY created_at DESC LIMIT 1
    ) last ON true
    LEFT JOIN LATERAL (
        SELECT id FROM jobs_jobrun r
        WHERE r.job = j.name AND ended_at IS NOT NULL AND error = '' ORDER BY created_at DESC LIMIT 1
    ) good ON true
    LEFT JOIN LATERAL (
        SELECT id FROM jobs_jobrun r WHERE r.job = j.name AND error <> '' ORDER BY created_at DESC LIMIT 1
    ) bad ON true
"""


@dataclass(frozen=True)
class JobStatus:
    """A job with its newest run, newest good run and newest failed run, each if there is one."""

    job: Job
    last: JobRun | None
    good: JobRun | None
    failed: JobRun | None
    is_overdue: bool

    @property
    def every(self) -> str:
        """The job's period in words: 5 minutes."""
        return timesince(FIRST, FIRST + self.job.every)


@dataclass(frozen=True)
class Overview:
    """The state of the schedule. jobs: in its order. heartbeat: when a worker last checked what is due, if ever."""

    jobs: list[JobStatus]
    heartbeat: Heartbeat | None
    is_silent: bool


def overview(*, now: datetime) -> Overview:
    """Read the state of the schedule. Three queries."""
    with connection.cursor() as cursor:
        cursor.execute(READ_LAST_RUNS, [list(JOBS)])
        ids = {name: found for name, *found in cursor.fetchall()}
    runs = JobRun.objects.in_bulk({run_id for found in ids.values() for run_id in found if run_id})
    heartbeat = Heartbeat.objects.first()
    return Overview(
        jobs=[_status(job, [runs.get(run_id) for run_id in ids[job.name]], now) for job in JOBS.values()],
        heartbeat=heartbeat,
        is_silent=heartbeat is None or heartbeat.beat_at < now - SILENT_AFTER,
    )


def _status(job: Job, found: list[JobRun | None], now: datetime) -> JobStatus:
    last, good, failed = found
    is_overdue = good is None or good.ended_at is None or good.ended_at < now - PERIODS * job.every
    return JobStatus(job=job, last=last, good=good, failed=failed, is_overdue=is_overdue)
