"""Plans and runs jobs: one row per slot of the schedule, started again if its worker was killed.

The row is the memory, `due` the truth, a message in the queue only the hurry: `due` finds a run whose message was lost.
Any number of schedulers, workers and copies of a message lead to one run. A run is claimed as `outbox` says, but under
the job's lock (`locks`), by which a run in progress is recognized. What a job does is not known here.
"""

import logging
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from jobs import schedule
from jobs.audit_actions import Action
from jobs.locks import held, only_run_of
from jobs.models import Heartbeat, JobRun
from jobs.outbox import Claim, claim_one, wait_after
from jobs.schedule import Job
from organizations import audit_events
from organizations.models import User

logger = logging.getLogger(__name__)

# After each attempt that failed. After the last the run has failed.
WAITS = (timedelta(minutes=1), timedelta(minutes=1))
MOST_ATTEMPTS = len(WAITS) + 1
# A message that no worker fetched for so long is sent again.
FETCHED_WITHIN = timedelta(seconds=30)
KEPT = timedelta(days=30)
KEPT_IF_IDLE = timedelta(days=1)
LONGEST_ERROR = 1000

READ_LAST_SLOTS = """
    SELECT j.name,
        (SELECT max(slot) FROM jobs_jobrun r WHERE r.job = j.name),
        EXISTS (SELECT FROM jobs_jobrun r WHERE r.job = j.name AND r.ended_at IS NULL AND r.slot IS NOT NULL)
    FROM unnest(%s::text[]) AS j(name)
"""


# Planning


def due(*, now: datetime | None = None) -> list[JobRun]:
    """Record the heartbeat, create the rows of jobs whose slot has come, and return every run that no worker is doing.

    now: for tests. It can be called any number of times, also concurrently: a slot has one row.
    """
    instant = now or timezone.now()
    Heartbeat.objects.bulk_create(
        [Heartbeat(pk=1, beat_at=instant, worker=worker_name())],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["beat_at", "worker"],
    )
    left = list(JobRun.objects.filter(ended_at=None, created_at__lt=instant).order_by("created_at"))
    return [*_plan(instant), *_abandoned(left, instant)]


def _plan(now: datetime) -> list[JobRun]:
    """Create a row for each job whose slot has none, unless an earlier one is still open: that one catches up."""
    with connection.cursor() as cursor:
        cursor.execute(READ_LAST_SLOTS, [list(schedule.JOBS)])
        last_slots = cursor.fetchall()
    planned = []
    for name, last, is_open in last_slots:
        slot = schedule.JOBS[name].slot(now)
        if not is_open and (last is None or last < slot):
            planned.append(JobRun(job=name, slot=slot, created_at=now))
    if not planned:
        return []
    JobRun.objects.bulk_create(planned, ignore_conflicts=True)
    # Of two schedulers that plan the same slot, one has written the row.
    return list(JobRun.objects.filter(pk__in=[run.pk for run in planned]))


def _abandoned(left: list[JobRun], now: datetime) -> list[JobRun]:
    under_way = held([run.job for run in left]) if left else set()
    found = []
    for run in left:
        if run.job in under_way or run.job not in schedule.JOBS:
            continue
        if run.attempts >= MOST_ATTEMPTS:
            open_still = JobRun.objects.filter(pk=run.pk, attempts=run.attempts, ended_at=None)
            open_still.update(ended_at=now, error=run.error or "Its worker ended before the run did, each time.")
        elif now >= _again_at(run):
            found.append(run)
    return found


def _again_at(run: JobRun) -> datetime:
    if run.started_at is None:
        return run.created_at + FETCHED_WITHIN
    wait = wait_after(run.attempts, WAITS) if run.error else None
    return run.started_at + (wait or timedelta(0))


def request(job: Job, *, actor: User | None, reason: str, run_id: UUID, now: datetime | None = None) -> JobRun:
    """Create the row of a run that a person requests, with an audit event. The same id again changes nothing.

    actor: None for the command line. now: for tests.
    """
    instant = now or timezone.now()
    with transaction.atomic():
        requested = JobRun(pk=run_id, job=job.name, asked_by=actor, reason=reason, created_at=instant)
        known = JobRun.objects.filter(pk=run_id)
        JobRun.objects.bulk_create([requested], ignore_conflicts=True)
        run = known.get()
        if run.created_at == instant:
            audit_events.record(action=Action.JOB_ASKED_FOR, actor=actor, target=job.name, reason=reason, now=instant)
    return run


# Running


def run(run_id: UUID, *, attempts: int = MOST_ATTEMPTS, now: datetime | None = None) -> JobRun | None:
    """Do the run, and record what it did or why it failed; return its row. Errors of the job are never raised.

    Returns None and does nothing if it has ended or is deleted, or while another run of the job is in progress.
    attempts: after how many in all it ends as failed. now: for tests.
    """
    known = JobRun.objects.filter(pk=run_id, ended_at=None).first()
    if known is None or known.job not in schedule.JOBS:
        return None
    with only_run_of(known.job) as is_mine:
        if not is_mine:
            return None
        # Read under the lock: the worker that held it before may have ended this run.
        still_open = JobRun.objects.filter(pk=run_id, ended_at=None)
        mine = claim_one(still_open, started_at=now or timezone.now(), worker=worker_name())
        if mine is None:
            return None
        _do(mine, attempts, now)
        return mine.row


def _do(mine: Claim[JobRun], attempts: int, now: datetime | None) -> None:
    row = mine.row
    try:
        did: Mapping[str, Any] | None = schedule.JOBS[row.job].call()
    except Exception as error:  # any error: staff see it, and the next run starts anew
        logger.exception("The job %s failed", row.job)
        # The error may be that of the connection which is used next.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        message = f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_ERROR]
        if mine.attempt >= attempts:
            row.ended_at = now or timezone.now()
        row.error = message
    else:
        row.did = {word: number for word, number in (did or {}).items() if number}
        row.ended_at, row.error = now or timezone.now(), ""
    # Unless another worker took it for abandoned and has started it again.
    mine.write(ended_at=row.ended_at, error=row.error, did=row.did)


def worker_name() -> str:
    """Return the machine and process id of this worker."""
    return f"{socket.gethostname()} {os.getpid()}"


def forget(*, now: datetime | None = None) -> int:
    """Delete old runs, except a job's last good run and later ones; return how many."""
    instant = now or timezone.now()
    better = JobRun.objects.filter(
        job=OuterRef("job"), created_at__gt=OuterRef("created_at"), ended_at__isnull=False, error=""
    )
    old = Q(created_at__lt=instant - KEPT) | Q(
        created_at__lt=instant - KEPT_IF_IDLE, did={}, error="", slot__isnull=False
    )
    deleted, _ = JobRun.objects.filter(old, Exists(better), ended_at__isnull=False).delete()
    return deleted
