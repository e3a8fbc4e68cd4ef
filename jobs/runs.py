"""Planning and running jobs: a row for every run, once per slot, begun again when its worker was killed.

The row is the memory, `due` the truth, a message in the queue only the hurry: a run whose message was lost is found
open and nobody at it. Any number of schedulers, workers and copies of a message come to one run. Runs under way are
recognized by the job's lock (`locks`). Nothing of what a job does may enter here.
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
from django.utils.module_loading import import_string

from jobs import schedule
from jobs.audit_actions import Action
from jobs.locks import held, only_run_of
from jobs.models import Heartbeat, JobRun
from jobs.schedule import Job
from organizations import audit_events
from organizations.models import User

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
TRY_AGAIN_AFTER = timedelta(minutes=1)
# A message that nobody has fetched for so long is sent again.
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
    """Note the heartbeat, make the rows of jobs whose slot has come, and return every run that nobody is at.

    now: for tests. May be called any number of times, at once: a slot has one row.
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
    """A row for each job whose slot has none, unless an earlier one is still to be run: that one will catch up."""
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
    # Of two that plan the same slot only one has written its row.
    return list(JobRun.objects.filter(pk__in=[run.pk for run in planned]))


def _abandoned(left: list[JobRun], now: datetime) -> list[JobRun]:
    under_way = held([run.job for run in left]) if left else set()
    found = []
    for run in left:
        if run.job in under_way or run.job not in schedule.JOBS:
            continue
        if run.attempts >= MOST_ATTEMPTS:
            _end(run, error=run.error or "Its worker ended before it did, each time.", now=now)
        elif now >= _again_at(run):
            found.append(run)
    return found


def _again_at(run: JobRun) -> datetime:
    if run.started_at is None:
        return run.created_at + FETCHED_WITHIN
    return run.started_at + TRY_AGAIN_AFTER if run.error else run.started_at


def ask(job: Job, *, actor: User | None, reason: str, run_id: UUID, now: datetime | None = None) -> JobRun:
    """Make the row of a run that is asked for by hand, with an audit event. The same id again makes none again.

    actor: None where it was asked for on the machine itself. now: for tests.
    """
    instant = now or timezone.now()
    with transaction.atomic():
        asked = JobRun(pk=run_id, job=job.name, asked_by=actor, reason=reason, created_at=instant)
        known = JobRun.objects.filter(pk=run_id)
        JobRun.objects.bulk_create([asked], ignore_conflicts=True)
        run = known.get()
        if run.created_at == instant:
            audit_events.record(action=Action.JOB_ASKED_FOR, actor=actor, target=job.name, reason=reason, now=instant)
    return run


# Running


def run(run_id: UUID, *, attempts: int = MOST_ATTEMPTS, now: datetime | None = None) -> JobRun | None:
    """Run it, and record what it did or why it failed; return its row. Never raises for what the job raises.

    None, and nothing is done: it has ended, it is gone, or a run of the same job is under way. attempts: how many times
    in all it is tried before it ends as failed. now: for tests.
    """
    known = JobRun.objects.filter(pk=run_id, ended_at=None).first()
    if known is None or known.job not in schedule.JOBS:
        return None
    with only_run_of(known.job) as is_mine:
        # Read under the lock: whoever held it a moment ago may have ended this very run.
        row = JobRun.objects.filter(pk=run_id, ended_at=None).first() if is_mine else None
        if row is None:
            return None
        row.attempts += 1
        row.started_at, row.worker = now or timezone.now(), worker_name()
        row.save(update_fields=["attempts", "started_at", "worker"])
        _do(row, attempts, now)
        return row


def _do(row: JobRun, attempts: int, now: datetime | None) -> None:
    try:
        did: Mapping[str, Any] | None = import_string(schedule.JOBS[row.job].call)()
    except Exception as error:  # whatever it is, staff see it, and the next run begins afresh
        logger.exception("The job %s failed", row.job)
        # What failed may be the connection that this is to be written over.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        message = f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_ERROR]
        if row.attempts < attempts:
            row.error = message
            JobRun.objects.filter(pk=row.pk, attempts=row.attempts, ended_at=None).update(error=message)
        else:
            _end(row, error=message, now=now)
    else:
        row.did = {word: number for word, number in (did or {}).items() if number}
        _end(row, error="", now=now)


def _end(row: JobRun, *, error: str, now: datetime | None) -> None:
    """Close the run, unless somebody has begun it again meanwhile, believing that it was abandoned."""
    row.ended_at, row.error = now or timezone.now(), error
    open_still = JobRun.objects.filter(pk=row.pk, attempts=row.attempts, ended_at=None)
    open_still.update(ended_at=row.ended_at, error=row.error, did=row.did)


def worker_name() -> str:
    """This process, as it is found on its machine."""
    return f"{socket.gethostname()} {os.getpid()}"


def forget(*, now: datetime | None = None) -> int:
    """Delete what was recorded long ago, never a job's last good run or what came after it; return how many."""
    instant = now or timezone.now()
    better = JobRun.objects.filter(
        job=OuterRef("job"), created_at__gt=OuterRef("created_at"), ended_at__isnull=False, error=""
    )
    old = Q(created_at__lt=instant - KEPT) | Q(
        created_at__lt=instant - KEPT_IF_IDLE, did={}, error="", slot__isnull=False
    )
    deleted, _ = JobRun.objects.filter(old, Exists(better), ended_at__isnull=False).delete()
    return deleted
