"""The race helper itself: it runs at once, keeps the order, and hands back what was raised."""

import threading

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from tests.support.races import run_many, run_together


@pytest.mark.django_db(transaction=True)
class TestRunTogether:
    def test_it_returns_results_and_exceptions_in_order(self) -> None:
        def refuse() -> int:
            raise ValueError("no")

        one, error = run_together([lambda: 1, refuse])

        assert one == 1
        assert isinstance(error, ValueError)

    def test_it_runs_them_at_the_same_time(self) -> None:
        meeting = threading.Barrier(3, timeout=10)  # passes only if all three wait in it together

        assert sorted(run_many(meeting.wait, times=3)) == [0, 1, 2]

    def test_each_has_its_own_connection_and_sees_what_is_committed(self) -> None:
        Session.objects.create(session_key="here", expire_date=timezone.now())

        def look() -> tuple[int, int]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                return cursor.fetchone()[0], Session.objects.filter(session_key="here").count()

        seen = run_many(look, times=4)

        assert len({pid for pid, _ in seen}) == 4
        assert {count for _, count in seen} == {1}

    def test_the_tables_are_empty_again_afterwards(self) -> None:
        assert Session.objects.count() == 0
