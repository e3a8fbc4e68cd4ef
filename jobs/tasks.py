"""What the queue brings: the tick of the schedule, and a run that is due. Both may come twice, late or not at all."""

from uuid import UUID

from celery import shared_task

from jobs import runs, shared_cache
from jobs.models import JobRun
from jobs.nudges import nudge
from jobs.schedule import JOBS

# What a run gets to end after it was asked to.
GRACE_SECONDS = 5


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def tick() -> None:
    """Find what is due and have it run."""
    for run in runs.due():
        hurry(run)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def run_job(run_id: str) -> None:
    """Run what is due."""
    runs.run(UUID(run_id))


def hurry(run: JobRun) -> bool:
    """Have a run begun by whichever worker is free; return whether the queue took it. If not, a later tick will."""
    seconds = JOBS[run.job].seconds
    return nudge(run_job, str(run.pk), soft_time_limit=seconds, time_limit=seconds + GRACE_SECONDS)


def forget_runs() -> dict[str, int]:
    """A job: delete what was recorded of runs long ago, and what ran out in the shared cache."""
    return {"forgotten": runs.forget(), "ran_out": shared_cache.forget_expired()}
