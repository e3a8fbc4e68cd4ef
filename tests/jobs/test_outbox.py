"""The outbox protocol: a due row is claimed by one worker, worked on outside any transaction, and backs off.

Runs of jobs stand in for whatever is owed: due where nobody has begun them for a minute.
"""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import Q, QuerySet

from jobs.models import JobRun
from jobs.outbox import Claim, claim, claim_one, wait_after, within
from tests.jobs.conftest import NOW, SLOT

pytestmark = pytest.mark.django_db

CLAIM_LASTS = timedelta(minutes=1)


def owe(count: int = 1) -> list[JobRun]:
    rows = [JobRun(job="count", slot=SLOT - number * timedelta(minutes=5), created_at=NOW) for number in range(count)]
    return JobRun.objects.bulk_create(rows)


def due(now: datetime = NOW) -> QuerySet[JobRun]:
    is_free = Q(started_at=None) | Q(started_at__lte=now - CLAIM_LASTS)
    return JobRun.objects.filter(is_free, ended_at=None).order_by("slot")


def claimed(now: datetime = NOW) -> Claim[JobRun]:
    found = claim_one(due(now), started_at=now)
    assert found is not None
    return found


class TestClaiming:
    def test_a_claim_counts_the_attempt_and_keeps_others_away(self) -> None:
        (row,) = owe()
        found = claimed()

        assert (found.row, found.attempt) == (row, 1)
        assert (found.row.attempts, found.row.started_at) == (1, NOW)
        row.refresh_from_db()
        assert (row.attempts, row.started_at) == (1, NOW)
        assert claim_one(due(), started_at=NOW) is None

    def test_rows_are_claimed_in_their_order_up_to_the_count(self) -> None:
        newest, middle, oldest = owe(3)

        assert [found.row for found in claim(due(), count=2, started_at=NOW)] == [oldest, middle]
        assert [found.row for found in claim(due(), count=2, started_at=NOW)] == [newest]

    def test_the_claim_of_a_worker_that_died_runs_out(self) -> None:
        owe()
        claimed()

        assert claim_one(due(NOW + CLAIM_LASTS / 2), started_at=NOW) is None
        assert claimed(NOW + CLAIM_LASTS).attempt == 2

    def test_nothing_is_claimed_inside_a_transaction(self) -> None:
        owe()

        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            claim(due(), started_at=NOW)


class TestTheOutcome:
    def test_is_written_by_whoever_has_the_row(self) -> None:
        (row,) = owe()

        assert claimed().write(ended_at=NOW, did={"counted": 1})
        row.refresh_from_db()
        assert (row.ended_at, row.did) == (NOW, {"counted": 1})

    def test_of_a_claim_that_ran_out_is_not_written_once_another_has_the_row(self) -> None:
        (row,) = owe()
        late = claimed()
        second = claimed(NOW + CLAIM_LASTS)

        assert not late.write(ended_at=NOW, error="came back")
        row.refresh_from_db()
        assert (row.ended_at, row.error, row.attempts) == (None, "", 2)
        assert second.write(ended_at=NOW)

    def test_is_told_apart_by_its_marks_where_the_attempts_began_anew(self) -> None:
        """Somebody asked for the row once more, so that its attempts are counted from 1 again."""
        owe()
        late = claimed()
        JobRun.objects.update(attempts=0, started_at=None)
        second = claimed(NOW + CLAIM_LASTS)

        assert late.attempt == second.attempt == 1
        assert not late.write(error="came back")
        assert second.write(error="its own")

    def test_of_a_claim_that_ran_out_is_written_where_nobody_has_claimed_the_row_since(self) -> None:
        owe()

        assert claimed().write(ended_at=NOW + 2 * CLAIM_LASTS)


class TestBackingOff:
    WAITS = (timedelta(seconds=5), timedelta(minutes=5))

    @pytest.mark.parametrize(("attempt", "wait"), [(1, WAITS[0]), (2, WAITS[1]), (3, None), (9, None)])
    def test_each_failed_attempt_has_its_wait_and_the_last_has_none(self, attempt: int, wait: timedelta | None) -> None:
        assert wait_after(attempt, self.WAITS) == wait


class TestTheTimeOfARun:
    def test_work_is_gone_through_to_its_end(self) -> None:
        assert list(within(60, [1, 2, 3])) == [1, 2, 3]

    def test_nothing_is_taken_once_the_time_is_over(self) -> None:
        owe()

        assert list(within(0, iter(lambda: claim_one(due(), started_at=NOW), None))) == []
        assert JobRun.objects.get().attempts == 0
