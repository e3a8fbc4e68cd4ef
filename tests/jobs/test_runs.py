"""Runs: one row per slot however many ask, what it did or why not, and begun again when its worker was killed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from jobs import runs
from jobs.locks import held, only_run_of
from jobs.models import Heartbeat, JobRun
from jobs.schedule import Job
from organizations.models import AuditEvent
from organizations.public_ids import new_uuid
from tests.jobs.conftest import NOW, SLOT
from tests.support import factories

pytestmark = pytest.mark.django_db

Works = Callable[[Callable[[], Any]], None]


def planned() -> JobRun:
    (run,) = runs.due(now=NOW)
    return run


def failing() -> None:
    raise ValueError("no luck\0")


class TestPlanning:
    def test_a_slot_is_planned_once_however_often_it_is_looked_at(self, job: Job) -> None:
        (run,) = runs.due(now=NOW)
        again = runs.due(now=NOW + timedelta(seconds=10))

        assert (run.job, run.slot, run.reason) == ("count", SLOT, "")
        assert again == []
        assert JobRun.objects.count() == 1

    def test_one_that_was_missed_for_hours_is_planned_once(self, job: Job) -> None:
        runs.run(planned().pk, now=NOW)
        (run,) = runs.due(now=NOW + timedelta(hours=3))

        assert run.slot == SLOT + timedelta(hours=3)

    def test_none_is_planned_while_the_one_before_is_still_to_be_run(self, job: Job) -> None:
        first = planned()

        assert runs.due(now=NOW + timedelta(hours=1)) == [first]

    def test_a_clock_that_steps_back_plans_nothing(self, job: Job) -> None:
        runs.run(planned().pk, now=NOW)

        assert runs.due(now=NOW - timedelta(hours=1)) == []

    def test_a_daily_job_has_its_hour(self) -> None:
        job = Job(name="x", call=dict, every=timedelta(days=1), at=timedelta(hours=4), purpose="")

        assert job.slot(NOW.replace(hour=3)) == SLOT.replace(hour=4) - timedelta(days=1)
        assert job.slot(NOW.replace(hour=4)) == SLOT.replace(hour=4)

    def test_it_leaves_the_heartbeat(self, job: Job) -> None:
        runs.due(now=NOW)
        runs.due(now=NOW + timedelta(seconds=10))

        assert Heartbeat.objects.get().beat_at == NOW + timedelta(seconds=10)

    def test_a_lost_message_is_sent_again_after_a_while(self, job: Job) -> None:
        run = planned()

        assert runs.due(now=NOW + timedelta(seconds=29)) == []
        assert runs.due(now=NOW + timedelta(seconds=30)) == [run]


class TestRunning:
    def test_it_records_what_it_did(self, job: Job) -> None:
        run = runs.run(planned().pk, now=NOW + timedelta(seconds=1))

        assert run is not None
        run.refresh_from_db()
        assert (run.did, run.error, run.attempts) == ({"counted": 1}, "", 1)
        assert run.started_at == run.ended_at == NOW + timedelta(seconds=1)
        assert run.worker == runs.worker_name()

    def test_a_copy_of_its_message_does_nothing(self, works: Works) -> None:
        done: list[int] = []
        works(lambda: done.append(1))
        run = planned()

        assert runs.run(run.pk) is not None
        assert runs.run(run.pk) is None
        assert done == [1]

    def test_a_run_that_is_gone_or_of_a_job_that_is_gone_does_nothing(self, job: Job) -> None:
        stranger = JobRun.objects.create(job="gone", slot=SLOT, created_at=NOW)

        assert runs.run(new_uuid()) is None
        assert runs.run(stranger.pk) is None
        assert stranger not in runs.due(now=NOW + timedelta(hours=1))

    def test_what_it_raises_is_recorded_and_it_is_tried_again_a_minute_later(self, works: Works) -> None:
        works(failing)
        run = planned()
        runs.run(run.pk, now=NOW)
        run.refresh_from_db()

        assert (run.error, run.ended_at) == ("ValueError: no luck", None)
        assert runs.due(now=NOW + timedelta(seconds=59)) == []
        assert runs.due(now=NOW + timedelta(seconds=60)) == [run]

        works(lambda: {"counted": 2})
        runs.run(run.pk, now=NOW + timedelta(seconds=60))
        run.refresh_from_db()
        assert (run.error, run.did, run.attempts) == ("", {"counted": 2}, 2)
        assert run.ended_at is not None

    def test_after_three_attempts_it_has_failed_and_the_next_slot_begins_afresh(self, works: Works) -> None:
        works(failing)
        run = planned()
        for _ in range(3):
            runs.run(run.pk, now=NOW)
        run.refresh_from_db()

        assert (run.ended_at, run.attempts, run.error) == (NOW, 3, "ValueError: no luck")
        (following,) = runs.due(now=NOW + timedelta(minutes=5))
        assert following.attempts == 0


class TestWorkersThatDie:
    @pytest.fixture
    def begun(self, job: Job) -> JobRun:
        """A run whose worker was killed in the middle of it."""
        run = planned()
        JobRun.objects.filter(pk=run.pk).update(attempts=1, started_at=NOW, worker="gone 1")
        return run

    def test_the_redelivered_message_does_it_again_and_the_row_says_so(self, begun: JobRun) -> None:
        runs.run(begun.pk, now=NOW)
        begun.refresh_from_db()

        assert (begun.attempts, begun.did, begun.worker) == (2, {"counted": 1}, runs.worker_name())

    def test_without_a_message_the_next_look_finds_it(self, begun: JobRun) -> None:
        assert runs.due(now=NOW + timedelta(seconds=1)) == [begun]

    def test_one_that_is_under_way_is_left_alone(self, begun: JobRun) -> None:
        with only_run_of("count") as is_mine:
            assert is_mine
            assert held(["count", "other"]) == {"count"}
            assert runs.due(now=NOW + timedelta(hours=1)) == []
        assert held(["count"]) == set()

    def test_one_that_kills_its_workers_is_given_up(self, begun: JobRun) -> None:
        JobRun.objects.filter(pk=begun.pk).update(attempts=3)

        assert runs.due(now=NOW + timedelta(seconds=1)) == []
        begun.refresh_from_db()
        assert begun.error == "Its worker ended before the run did, each time."
        assert begun.ended_at is not None

    def test_who_comes_back_from_the_dead_overwrites_nothing(self, begun: JobRun, works: Works) -> None:
        def taken_over_meanwhile() -> None:
            JobRun.objects.filter(pk=begun.pk).update(attempts=3, worker="other 2")

        works(taken_over_meanwhile)
        runs.run(begun.pk, now=NOW)
        begun.refresh_from_db()

        assert (begun.attempts, begun.ended_at, begun.worker) == (3, None, "other 2")


class TestByHand:
    def test_it_says_who_and_why_and_the_same_form_again_asks_once(self, job: Job) -> None:
        stella, token = factories.staff(), new_uuid()
        for later in (0, 5):
            now = NOW + timedelta(seconds=later)
            run = runs.request(job, actor=stella, reason="The bank called", run_id=token, now=now)

        assert (run.slot, run.asked_by, run.reason) == (None, stella, "The bank called")
        told = AuditEvent.objects.get(action="job.asked_for")
        assert (told.actor, told.target, told.reason) == (stella, "count", "The bank called")

    def test_it_does_not_keep_the_schedule_waiting(self, job: Job) -> None:
        asked = runs.request(job, actor=None, reason="why not", run_id=new_uuid(), now=NOW - timedelta(hours=1))

        assert [run.slot for run in runs.due(now=NOW)] == [SLOT, None]
        assert runs.run(asked.pk) is not None


class TestForgetting:
    def run_of(self, days: int, **fields: Any) -> JobRun:
        at = NOW - timedelta(days=days)
        told = {
            "slot": at + timedelta(minutes=JobRun.objects.count()),
            "started_at": at,
            "ended_at": at,
            "attempts": 1,
            **fields,
        }
        return JobRun.objects.create(job="count", created_at=at, **told)

    def test_runs_are_kept_for_30_days_and_idle_ones_for_one(self, job: Job) -> None:
        kept = [self.run_of(0), self.run_of(29, did={"counted": 1}), self.run_of(2, error="ValueError")]
        kept.append(self.run_of(3, slot=None, reason="why not"))
        for_good = [self.run_of(31, did={"counted": 1}), self.run_of(2), self.run_of(31, error="ValueError")]

        assert runs.forget(now=NOW) == len(for_good)
        assert set(JobRun.objects.all()) == set(kept)

    def test_the_last_good_run_stays_and_so_do_open_ones(self, job: Job) -> None:
        self.run_of(40)
        self.run_of(35, started_at=None, ended_at=None, attempts=0)

        assert runs.forget(now=NOW) == 0


@pytest.mark.parametrize(
    ("constraint", "broken"),
    [
        ("job_runs_once_a_slot", {"slot": SLOT}),
        ("job_run_by_hand_says_why", {"slot": None}),
        ("job_run_is_started_by_an_attempt", {"started_at": NOW}),
        ("job_run_is_started_by_an_attempt", {"attempts": 1}),
        ("job_run_is_started_by_an_attempt", {"ended_at": NOW}),
        ("jobs_jobrun_attempts_check", {"attempts": -1, "started_at": NOW}),
    ],
)
def test_what_the_database_refuses(constraint: str, broken: dict[str, Any]) -> None:
    JobRun.objects.create(job="count", slot=SLOT, created_at=NOW)
    fields = {"job": "count", "slot": SLOT + timedelta(minutes=5), "created_at": NOW, **broken}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        JobRun.objects.create(**fields)


def test_looking_at_what_is_due_costs_the_same_however_many_runs_there_were(
    job: Job, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        JobRun.objects.create(job="count", slot=SLOT - timedelta(minutes=5 * number + 5), created_at=SLOT)

    with django_assert_max_num_queries(6):
        runs.due(now=NOW)
