"""What tests of rollups share: sums made in plain Python from the events, to be compared with those that are kept."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from credits import audit
from organizations.models import Organization
from tests.support.usage.usage_stage import ALWAYS, Stage, set_up
from usage import rollups
from usage.models import DailyUsage, LateUse, UsageEvent, UsageRollup
from usage.rollups import audit as rollup_audit

# (shape, day, user, team, feature, service, model) and (credits, refunded, uncollected, uses, input, output, quantity).
Key = tuple[str, date, int | None, int | None, int | None, int | None, str]
Sums = dict[Key, tuple[int, ...]]

ABOUT = {
    "feature": {"feature"},
    "user": {"user"},
    "team": {"team"},
    "service": {"service"},
    "model": {"model"},
    "user_feature": {"user", "feature"},
    "all": {"user", "team", "feature", "service", "model"},
}


def early_stage(*, credits: int = 100_000, **terms: Any) -> Stage:
    """The stage, with credits from the beginning of time, so that any year can be played on it."""
    stage = set_up(credits=0, **terms)
    stage.give(credits, now=ALWAYS)
    return stage


def sums_of_events(organization: Organization, zone: str, through: date) -> Sums:
    """Add up, by the date on the clocks, every event of the days through one."""
    sums: dict[Key, list[int]] = defaultdict(lambda: [0] * 7)
    for event in UsageEvent.objects.filter(organization=organization):
        day = event.occurred_at.astimezone(ZoneInfo(zone)).date()
        if day > through:
            continue
        measured = [event.credits, event.refunded, event.uncollected, 1]
        measured += [event.input_tokens or 0, event.output_tokens or 0, event.quantity or 0]
        for shape, about in ABOUT.items():
            ids = [
                getattr(event, f"{name}_id") if name in about else None
                for name in ("user", "team", "feature", "service")
            ]
            key = (shape, day, ids[0], ids[1], ids[2], ids[3], event.model if "model" in about else "")
            sums[key] = [one + other for one, other in zip(sums[key], measured, strict=True)]
    return {key: tuple(values) for key, values in sums.items()}


def sums_kept(organization: Organization) -> Sums:
    """Return the daily sums as they are kept."""
    return {
        (d.shape, d.day_on, d.user_id, d.team_id, d.feature_id, d.service_id, d.model): (
            *(d.credits, d.refunded, d.uncollected, d.uses),
            *(d.input_tokens, d.output_tokens, d.quantity),
        )
        for d in DailyUsage.objects.filter(organization=organization)
    }


def check_sums(stage: Stage) -> None:
    """Fail unless the sums are those of the events, no mark is left, and the auditor has nothing to say."""
    organization = Organization.objects.get(pk=stage.organization.pk)
    through, zone = rollups.through(organization)
    assert through is not None
    assert zone == organization.time_zone
    assert sums_kept(organization) == sums_of_events(organization, zone, through)
    assert not LateUse.objects.exists()
    assert broken() <= {"ended_days_are_added_up"}


def broken(now: datetime | None = None, wallet_id: int | None = None) -> set[str]:
    """Return the names of the auditor's sentences about daily sums that aren't true."""
    at = now or UsageRollup.objects.latest("rolled_at").rolled_at
    scope = audit.Scope(now=at, wallet_id=wallet_id)
    return {item.invariant.name for item in audit.prove(rollup_audit.invariants(scope), scope)}


def roll_up(now: datetime) -> dict[str, int]:
    """Run the sweep as at an instant; return what it did, without what it did nothing of."""
    return {word: number for word, number in rollups.roll_up_due(now).items() if number}


def at(text: str, zone: str = "UTC") -> datetime:
    """An instant, as the clocks of a zone show it: "2026-03-10 14:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


HOUR = timedelta(hours=1)
