"""Whatever happens, and whenever the sweep runs or is killed: the daily sums are those of the events."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from organizations.models import Organization
from tests.support import factories
from tests.support.usage.rollup_stage import at, broken, check_sums, early_stage
from tests.support.usage.usage_stage import Stage
from usage import rollups
from usage.metering import usage_refunds
from usage.models import LateUse
from usage.pricing import Measures
from usage.rollups import adding_up
from usage.uses import Metered, Use

# Where days are 23, 23.5, 24.5 or 25 hours long, have no midnight or two, or were left out; and when.
PLACES = [
    ("UTC", "2026-02-27 22:00"),
    ("America/New_York", "2026-03-07 12:00"),
    ("America/New_York", "2026-10-31 12:00"),
    ("Australia/Lord_Howe", "2026-04-03 20:00"),
    ("Australia/Lord_Howe", "2026-10-02 20:00"),
    ("America/Sao_Paulo", "2018-11-02 18:00"),
    ("America/Sao_Paulo", "2018-02-16 12:00"),
    ("Asia/Beirut", "2026-03-27 20:00"),
    ("America/Havana", "2026-10-31 06:00"),
    ("Africa/Casablanca", "2026-02-14 06:00"),
    ("Asia/Kathmandu", "2026-06-30 06:00"),
    ("Pacific/Chatham", "2026-04-03 20:00"),
    ("Pacific/Apia", "2011-12-28 20:00"),
]
ZONES = sorted({zone for zone, _ in PLACES} - {"Pacific/Apia"})

# How long after the step before, in minutes; how long before it was reported something happened.
waits = st.sampled_from([0, 1, 9, 11, 50, 300, 700, 1440])
delays = st.sampled_from([0, 0, 1, 6, 30, 200, 1000, 3000, 9000])
use = st.tuples(delays, st.sampled_from(["report", "chat", "enrich"]), st.booleans(), st.integers(0, 9))
steps = st.one_of(
    st.tuples(st.just("use"), waits, st.lists(use, min_size=1, max_size=4)),
    st.tuples(st.just("refund"), waits, st.integers(0, 50)),
    st.tuples(st.just("move"), waits, st.sampled_from(ZONES)),
    st.tuples(st.just("sweep"), waits, st.none()),
    st.tuples(st.just("killed sweep"), waits, st.integers(0, 1)),
    st.tuples(st.just("change team"), waits, st.none()),
)


class Life:
    """An organization's life, step by step; the time moves on."""

    def __init__(self, stage: Stage, now: datetime) -> None:
        self.stage = stage
        self.now = now
        self.paid: list[Metered] = []
        self.bob = factories.person("Bob")
        self.place = factories.member(stage.organization, self.bob)
        self.team = factories.team(stage.organization)

    def live(self, step: tuple[str, int, Any]) -> None:
        kind, wait, what = step
        self.now += timedelta(minutes=wait)
        verbs: dict[str, Any] = {
            "use": self.use,
            "refund": self.refund,
            "move": self.move,
            "sweep": lambda _: rollups.roll_up_due(self.now),
            "killed sweep": self.kill,
            "change team": self.change_team,
        }
        verbs[kind](what)
        if kind == "sweep":
            # The auditor may come at any time: what is marked is known to be old, all else is right.
            assert broken(self.now) <= {"ended_days_are_added_up"}

    def use(self, uses: list[tuple[int, str, bool, int]]) -> None:
        asked = [self._use(number, *terms) for number, terms in enumerate(uses)]
        self.paid += [answer for answer in self.stage.meter(*asked, now=self.now) if isinstance(answer, Metered)]

    def _use(self, number: int, delay: int, feature: str, is_bobs: bool, amount: int) -> Use:
        measures = {
            "report": Measures(),
            "chat": Measures(model="small", input_tokens=amount, output_tokens=1),
            "enrich": Measures(quantity=amount + 1),
        }[feature]
        return self.stage.use(
            f"{len(self.paid)} {number} {self.now}",
            feature,
            user=self.bob.email if is_bobs else None,
            service="app" if amount % 2 else "main",
            measures=measures,
            occurred_at=self.now - timedelta(minutes=delay) if delay else None,
        )

    def refund(self, which: int) -> None:
        if self.paid:
            paid = self.paid.pop(which % len(self.paid))
            part = None if which % 2 else 1
            usage_refunds.refund(
                paid.event_id, credits=part, key=paid.event_id.hex, reason="failed", within=None, now=self.now
            )

    def move(self, zone: str) -> None:
        Organization.objects.filter(pk=self.stage.organization.pk).update(time_zone=zone)

    def change_team(self, _: None) -> None:
        self.place.team = None if self.place.team_id else self.team
        self.place.save()

    def kill(self, survived: int) -> None:
        """Kill a sweep in the middle of a transaction, after so many stretches of days were replaced."""
        replace, done = adding_up.replace, []

        def die(*arguments: Any) -> int:
            done.append(replace(*arguments))
            if len(done) > survived:
                raise KeyboardInterrupt
            return done[-1]

        with patch.object(adding_up, "replace", die):
            try:
                rollups.roll_up_due(self.now)
            except KeyboardInterrupt:
                return


@pytest.mark.django_db
@settings(max_examples=20)
@given(place=st.sampled_from(PLACES), history=st.lists(steps, min_size=3, max_size=12))
def test_daily_sums_are_the_events(place: tuple[str, str], history: list[tuple[str, int, Any]]) -> None:
    zone, begins = place
    with transaction.atomic():
        stage = early_stage()
        life = Life(stage, at(begins, zone).astimezone(ZoneInfo("UTC")))
        life.move(zone)
        for step in history:
            life.live(step)
        life.now += timedelta(days=2)
        assert rollups.roll_up_due(life.now)["failed"] == 0
        check_sums(stage)
        assert broken(life.now) == set()
        assert not LateUse.objects.exists()
        assert rollups.find_due(life.now) == []
        # Leave no trace for the next history.
        transaction.set_rollback(True)
