"""The tasks of the queue: the tick of the schedule, and one run. Each may come twice, late or not at all."""

from uuid import UUID

from celery import shared_task

from jobs import runs, shared_cache
from jobs.models import JobRun
from jobs.nudges import nudge
from jobs.schedule import JOBS

# How long a run may take to end after its soft time limit.
GRACE_SECONDS = 5


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def tick() -> None:
    """Find the runs that are due and enqueue them."""
    for run in runs.due():
        enqueue(run)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def run_job(run_id: str) -> None:
    """Run one row."""
    runs.run(UUID(run_id))


def enqueue(run: JobRun) -> bool:
    """Have the next free worker do the run; return whether the queue took it. If not, a later tick enqueues it."""
    seconds = JOBS[run.job].seconds
    return nudge(run_job, str(run.pk), soft_time_limit=seconds, time_limit=seconds + GRACE_SECONDS)


def forget_runs() -> dict[str, int]:
    """A job: delete the records of old runs, and expired entries of the shared cache."""
    return {"forgotten": runs.forget(), "ran_out": shared_cache.forget_expired()}
