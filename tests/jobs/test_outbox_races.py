"""Several workers at one outbox: each row has one worker at a time, and an outcome counts only with its claim."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from jobs import outbox
from jobs.models import JobRun
from jobs.outbox import claim_one
from tests.jobs.conftest import NOW
from tests.jobs.test_outbox import CLAIM_LASTS, claimed, due, owe
from tests.support.races import run_many, run_together

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20
WORKERS = 4


class TestWorkersAtOnce:
    def work_off(self) -> list[Any]:
        """Claim until nothing is due; return the rows that this worker had."""
        return [found.row.pk for found in iter(lambda: claim_one(due(), started_at=NOW), None)]

    def test_share_the_rows_and_none_is_claimed_twice(self) -> None:
        rows = owe(20)

        had = run_many(self.work_off, WORKERS)

        assert sorted(pk for each in had for pk in each) == sorted(row.pk for row in rows)
        assert set(JobRun.objects.values_list("attempts", flat=True)) == {1}

    def test_control_without_the_lock_each_claims_the_same_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        owe()
        all_have_read = threading.Barrier(WORKERS, timeout=PATIENCE)
        lock = outbox._lock

        def read_together(rows: QuerySet[JobRun], count: int) -> list[JobRun]:
            found = lock(rows, count)
            all_have_read.wait()
            return found

        monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
        monkeypatch.setattr(outbox, "_lock", read_together)

        had = run_many(lambda: claim_one(due(), started_at=NOW), WORKERS)

        assert all(found is not None for found in had)
        assert JobRun.objects.get().attempts == WORKERS

    def test_a_row_that_another_is_claiming_is_skipped_and_not_waited_for(self) -> None:
        locked, free = owe(2)
        is_locked, may_commit = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                JobRun.objects.select_for_update(no_key=True).get(pk=locked.pk)
                is_locked.set()
                assert may_commit.wait(PATIENCE)

        def work() -> list[Any]:
            assert is_locked.wait(PATIENCE)
            had = self.work_off()
            may_commit.set()
            return had

        _held, had = run_together([hold, work])

        assert had == [free.pk]


class TestOneThatWasBelievedDead:
    """It comes back at the moment at which another works on its row, and reports a failure."""

    def come_back(self, report: Any) -> JobRun:
        """Let the late worker report while the second one is at work; return the row as both leave it."""
        late = claimed()
        is_claimed, has_reported = threading.Event(), threading.Event()

        def second() -> None:
            found = claimed(NOW + CLAIM_LASTS)
            is_claimed.set()
            assert has_reported.wait(PATIENCE)
            found.write(ended_at=NOW + CLAIM_LASTS, did={"counted": 1})

        def first() -> None:
            assert is_claimed.wait(PATIENCE)
            report(late)
            has_reported.set()

        results = run_together([second, first])
        assert not [result for result in results if isinstance(result, Exception)]
        return JobRun.objects.get()

    def test_changes_nothing(self) -> None:
        owe()
        row = self.come_back(lambda late: late.write(ended_at=NOW, error="no luck"))

        assert (row.error, row.did, row.ended_at) == ("", {"counted": 1}, NOW + CLAIM_LASTS)

    def test_control_without_the_marks_its_failure_stands_beside_the_others_success(self) -> None:
        owe()
        row = self.come_back(lambda late: JobRun.objects.filter(pk=late.row.pk).update(error="no luck"))

        assert (row.error, row.did) == ("no luck", {"counted": 1})


def test_the_claim_is_committed_before_the_work_begins() -> None:
    """Whoever is cut off during the work leaves the attempt counted."""
    owe()

    def die_at_work() -> None:
        claimed()
        connection.close()

    run_many(die_at_work, 1)

    assert JobRun.objects.get().attempts == 1
