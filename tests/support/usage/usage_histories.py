"""Events of a random life, written past the meter, with their sums made in plain Python to compare with."""

import random
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from organizations.calendar import Days, midnight
from organizations.models import Team, User
from tests.support import factories
from tests.support.usage.usage_stage import Stage
from usage.models import Feature, Rate, Service, UsageEvent
from usage.reports import Dimension, Filters
from usage.reports.statement import KEYS

DAY = timedelta(days=1)


@dataclass(frozen=True)
class History:
    """An organization's events, and who and what is in them: None and no model among them."""

    stage: Stage
    zone: ZoneInfo
    events: list[UsageEvent]
    keys: dict[Dimension, list[Any]]

    def within(self, days: Days, filters: Filters) -> list[UsageEvent]:
        """The events of some days that filters let through."""
        return [
            event
            for event in self.events
            if days.first <= self.day_of(event) <= days.last
            and all(getattr(event, KEYS[dimension]) == key for dimension, key in filters.items())
        ]

    def day_of(self, event: UsageEvent) -> date:
        """The last day that had begun, counted in UTC."""
        about = event.occurred_at.astimezone(self.zone).date()
        days = [about + n * DAY for n in range(-2, 3)]
        begins = [midnight(day, self.zone).astimezone(UTC) for day in days]
        return days[bisect_right(begins, event.occurred_at) - 1]


def live(stage: Stage, *, around: Iterable[date], zone: str, count: int = 80) -> History:
    """Have a stage's organization use AI at random within two days of some days, most of it around midnight."""
    chance = random.Random(f"{zone} {list(around)}")
    organization, clocks = stage.organization, ZoneInfo(zone)
    organization.time_zone = zone
    organization.save()
    people: list[User | None] = [stage.owner, factories.person("Bob"), None]
    teams: list[Team | None] = [factories.team(organization, "Research"), None]
    services = [Service.objects.create(organization=organization, key=key, name=f"={key}") for key in ("main", "shop")]
    features = list(Feature.objects.filter(program=stage.program))
    rate = Rate.objects.filter(feature__in=features).first()

    def event() -> UsageEvent:
        turn = midnight(chance.choice(list(around)) + chance.randint(-2, 2) * DAY, clocks).astimezone(UTC)
        away = chance.choice([0, 1, -1, chance.randint(-5_400, 5_400), chance.randint(-80_000, 80_000)])
        cost = chance.randint(0, 1_000)
        tokens = {"model": chance.choice(["", "small", "large"]), "input_tokens": chance.choice([None, 7])}
        return UsageEvent(
            operation_id=uuid4(),
            organization=organization,
            user=chance.choice(people),
            team=chance.choice(teams),
            service=chance.choice(services),
            feature=chance.choice(features),
            rate=rate,
            credits=cost,
            refunded=chance.choice([0, 0, cost // 3]),
            occurred_at=turn + timedelta(seconds=away),
            written_at=datetime(2026, 1, 1, tzinfo=UTC),
            **tokens,
        )

    events = UsageEvent.objects.bulk_create([event() for _ in range(count)])
    keys = {
        dimension: sorted({getattr(event, column) for event in events}, key=str) for dimension, column in KEYS.items()
    }
    return History(stage, clocks, events, keys)
