"""Two schedulers, and copies of one message in several workers at once: each slot is run once, one at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from jobs import runs
from jobs.models import JobRun
from jobs.schedule import Job
from tests.jobs.conftest import NOW, SLOT
from tests.support.races import run_many, run_together

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30


def test_schedulers_that_look_at_once_plan_a_slot_once(job: Job) -> None:
    run_many(lambda: runs.due(now=NOW), 4)

    assert JobRun.objects.count() == 1


class TestCopiesOfAMessage:
    @pytest.fixture
    def run(self, job: Job) -> JobRun:
        return JobRun.objects.create(job=job.name, slot=SLOT, created_at=NOW)

    def test_only_one_is_at_it_and_it_is_done_once(self, run: JobRun, monkeypatch: pytest.MonkeyPatch) -> None:
        begun: list[int] = []
        others_have_been_sent_away = threading.Event()

        def work() -> None:
            begun.append(1)
            assert others_have_been_sent_away.wait(PATIENCE)

        monkeypatch.setattr("tests.support.servers.job_work.count", work)
        left = threading.Semaphore(0)

        def copy() -> Any:
            result = runs.run(run.pk)
            left.release()
            return result

        def let_it_end() -> None:
            for _ in range(3):
                assert left.acquire(timeout=PATIENCE)
            others_have_been_sent_away.set()

        results = run_together([copy, copy, copy, copy, let_it_end])

        assert not [result for result in results if isinstance(result, Exception)]
        assert begun == [1]
        assert sum(result is not None for result in results) == 1

    def test_control_without_the_lock_they_are_at_it_together(
        self, run: JobRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        together = threading.Barrier(2, timeout=PATIENCE)

        @contextmanager
        def unlocked(_job: str) -> Iterator[bool]:
            yield True

        monkeypatch.setattr(runs, "only_run_of", unlocked)
        # Nor may the claim's own lock send one of them away.
        monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
        monkeypatch.setattr("tests.support.servers.job_work.count", lambda: {"met": together.wait()})

        results = run_many(lambda: runs.run(run.pk), 2)

        assert all(isinstance(result, JobRun) for result in results)

    def test_the_lock_goes_with_the_connection_of_its_holder(
        self, run: JobRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The holder's connection is cut in the middle of the work: the run is recorded as failed, and can be done."""

        def cut_off() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        monkeypatch.setattr("tests.support.servers.job_work.count", cut_off)
        runs.run(run.pk)
        run.refresh_from_db()
        assert "terminating connection" in run.error

        monkeypatch.setattr("tests.support.servers.job_work.count", lambda: {"counted": 1})
        run_many(lambda: runs.run(run.pk), 1)
        run.refresh_from_db()
        assert (run.did, run.error, run.attempts) == ({"counted": 1}, "", 2)
