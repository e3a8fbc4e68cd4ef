"""Rollups beside spends and beside each other, with real connections; each race beside a control without its guard."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from tests.support.races import PATIENCE_SECONDS, run_together
from tests.support.usage.rollup_stage import at, broken, check_sums, early_stage, sums_kept
from tests.support.usage.usage_stage import Stage
from usage import rollups
from usage.metering import events
from usage.models import DailyUsage, LateUse, UsageRollup
from usage.rollups import adding_up, closing, late_uses, sweeping

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = at("2026-03-10 23:59:59"), at("2026-03-11 00:10")


@pytest.fixture
def stage(transactional_db: None) -> Stage:
    """A use on each of two days; the first is added up."""
    stage = early_stage()
    stage.pay("first", now=at("2026-03-09 12:00"))
    stage.pay("second", now=at("2026-03-10 12:00"))
    rollups.roll_up_due(at("2026-03-10 12:00"))
    return stage


class Gate:
    """Where one thread waits until another lets it go on."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE_SECONDS)

    def until_reached(self) -> None:
        assert self.reached.wait(PATIENCE_SECONDS)


def paused(gate: Gate, call: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
    """The same function, waiting at the gate before, or after, what it does; the first time only."""

    def wait_and_call(*arguments: Any, **named: Any) -> Any:
        if after:
            answer = call(*arguments, **named)
            if not gate.reached.is_set():
                gate.wait()
            return answer
        if not gate.reached.is_set():
            gate.wait()
        return call(*arguments, **named)

    return wait_and_call


def until_somebody_waits_for_a_lock() -> None:
    waiting = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise TimeoutError("Nobody waits for a lock")


def sweep(now: datetime) -> dict[str, int]:
    return rollups.roll_up_due(now)


class TestASpendAtMidnight:
    """It was judged a second before midnight and commits after the sweep of that day has begun."""

    def spend_slowly(self, stage: Stage, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
        monkeypatch.setattr(events, "insert_events", paused(gate, events.insert_events))
        return partial(stage.pay, "last", now=BEFORE)

    def test_is_waited_for_and_counted(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        gate = Gate()

        def sweep_meanwhile() -> dict[str, int]:
            gate.until_reached()
            return sweep(AFTER)

        def let_go() -> None:
            gate.until_reached()
            until_somebody_waits_for_a_lock()
            gate.opened.set()

        spent, swept, _ = run_together([self.spend_slowly(stage, gate, monkeypatch), sweep_meanwhile, let_go])

        assert spent.credits == 50
        assert swept["days"] == 1
        assert credits_in_sums(stage) == 150
        check_sums(stage)

    def test_control_without_the_wallets_lock_it_is_missed(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        gate = Gate()

        @contextmanager
        def unlocked(**_: Any) -> Iterator[Any]:
            yield SimpleNamespace(wallet=lambda _: SimpleNamespace(now=AFTER))

        def sweep_meanwhile() -> dict[str, int]:
            gate.until_reached()
            try:
                return sweep(AFTER)
            finally:
                gate.opened.set()

        monkeypatch.setattr(closing, "ledger", SimpleNamespace(open_book=unlocked))
        _, swept = run_together([self.spend_slowly(stage, gate, monkeypatch), sweep_meanwhile])

        assert swept["days"] == 1
        assert credits_in_sums(stage) == 100
        assert not LateUse.objects.exists()
        assert "daily_usage_is_its_events" in broken(AFTER)

    def test_a_sweep_that_waits_holds_up_no_other_spend_longer(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While the sums are made, nobody holds the wallet."""
        gate = Gate()
        monkeypatch.setattr(adding_up, "replace", paused(gate, adding_up.replace))

        def spend_meanwhile() -> Any:
            gate.until_reached()
            try:
                return stage.pay("meanwhile", now=AFTER)
            finally:
                gate.opened.set()

        swept, spent = run_together([partial(sweep, AFTER), spend_meanwhile])

        assert (swept["days"], spent.credits) == (1, 50)
        check_sums(stage)


class TestALateUseWhileItsDayIsAddedUp:
    """It commits after the sweep has read the marks, and after or before it has read the events."""

    @pytest.fixture(autouse=True)
    def _closed(self, stage: Stage) -> None:
        sweep(AFTER)
        stage.pay("late", now=AFTER, occurred_at=BEFORE)

    def race(self, stage: Stage, gate: Gate) -> None:
        def report_late() -> None:
            gate.until_reached()
            try:
                stage.pay("later", now=AFTER, occurred_at=BEFORE)
            finally:
                gate.opened.set()

        swept, reported = run_together([partial(sweep, AFTER), report_late])
        assert reported is None
        assert swept["days"] == 1

    @pytest.mark.parametrize("after", [False, True], ids=["before the events are read", "after they were read"])
    def test_its_late_use_stays_and_the_day_is_added_up_again(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, after: bool
    ) -> None:
        gate = Gate()
        monkeypatch.setattr(adding_up, "replace", paused(gate, adding_up.replace, after=after))

        self.race(stage, gate)

        assert LateUse.objects.count() == 1
        assert broken(AFTER) == set()
        sweep(AFTER)
        assert credits_in_sums(stage) == 200
        check_sums(stage)

    def test_control_where_all_late_uses_are_deleted_it_is_lost(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate()
        monkeypatch.setattr(adding_up, "replace", paused(gate, adding_up.replace, after=True))
        monkeypatch.setattr(sweeping, "_delete_late_uses", lambda _: LateUse.objects.all().delete())

        self.race(stage, gate)

        sweep(AFTER)
        assert credits_in_sums(stage) == 150
        assert broken(AFTER) == {"daily_usage_is_its_events"}

    def test_control_where_the_meter_records_no_late_use_it_is_lost(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate()
        monkeypatch.setattr(adding_up, "replace", paused(gate, adding_up.replace, after=True))
        monkeypatch.setattr(late_uses, "record", lambda _: None)

        self.race(stage, gate)

        sweep(AFTER)
        assert "daily_usage_is_its_events" in broken(AFTER)


class TestTwoSweepsAtOnce:
    def race(self, gate: Gate) -> list[Any]:
        def sweep_too() -> dict[str, int]:
            gate.until_reached()
            try:
                return sweep(AFTER)
            finally:
                gate.opened.set()

        return run_together([partial(sweep, AFTER), sweep_too])

    def test_the_second_leaves_the_organization_to_the_first(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate()
        monkeypatch.setattr(adding_up, "replace", paused(gate, adding_up.replace))

        first, second = self.race(gate)

        assert (first["days"], second["days"], second["busy"]) == (1, 0, 1)
        check_sums(stage)

    def test_control_without_the_lock_they_are_in_each_others_way(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate()
        monkeypatch.setattr(adding_up, "replace", paused(gate, adding_up.replace, after=True))
        for module in (closing, sweeping):
            monkeypatch.setattr(
                module, "lock", lambda pk: UsageRollup.objects.select_related("organization").filter(pk=pk).first()
            )

        def sweep_too() -> dict[str, int]:
            gate.until_reached()
            return sweep(AFTER)

        def let_go() -> None:
            gate.until_reached()
            until_somebody_waits_for_a_lock()
            gate.opened.set()

        first, second, _ = run_together([partial(sweep, AFTER), sweep_too, let_go])

        assert (first["days"], second["failed"]) == (1, 1)

    def test_many_at_once_from_the_beginning_make_one_set_of_sums(self, stage: Stage) -> None:
        UsageRollup.objects.all().delete()
        DailyUsage.objects.all().delete()

        results = run_together([partial(sweep, AFTER)] * 6)

        assert not [result for result in results if isinstance(result, Exception) or result["failed"]]
        sweep(AFTER)
        assert credits_in_sums(stage) == 100
        check_sums(stage)


def credits_in_sums(stage: Stage) -> int:
    return sum(values[0] for key, values in sums_kept(stage.organization).items() if key[0] == "feature")
