"""The auditor knows what counts against limits: it names one that was counted wrong, and no other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from credits import audit
from organizations.models import Membership, Organization
from organizations.preferences import change_preferences
from tests.support import factories
from tests.support.usage.usage_stage import NOW, Stage, prove_books, set_up
from usage import limits
from usage.limits.audit import invariants
from usage.metering import usage_refunds
from usage.models import Feature, Limit, LimitUse, UsageEvent
from usage.pricing import Measures

pytestmark = pytest.mark.django_db

TODAY = datetime(2026, 4, 9, 12, tzinfo=UTC)

CORRUPTIONS: dict[str, Callable[[], object]] = {
    "counted too much": lambda: LimitUse.objects.filter(limit__scope="user").update(credits=1_000),
    "counted too little": lambda: LimitUse.objects.filter(limit__scope="team").update(credits=0),
    "counted nowhere": lambda: LimitUse.objects.filter(limit__feature__isnull=False).delete(),
    "counted in another month": lambda: LimitUse.objects.update(month_on="2026-03-01"),
    "an event that was changed": lambda: UsageEvent.objects.filter(refunded=0).update(credits=7),
}


@pytest.fixture
def stage() -> Stage:
    """Limits of every kind, some set in mid-month; uses in and out of the team, one refunded, one of March."""
    stage = set_up(credits=100_000)
    team = factories.team(stage.organization)
    stage.pay("march", now=NOW)
    stage.pay("before the team", now=TODAY)
    set_them: dict[str, Any] = {
        "organization": stage.organization,
        "credits": 10_000,
        "actor": stage.owner,
        "now": TODAY,
    }
    limits.set_limit(**set_them, user=stage.owner)
    Membership.objects.filter(user=stage.owner).update(team=team)
    paid = stage.pay("in the team", now=TODAY)
    for_whom: list[dict[str, Any]] = [{}, {"team": team}, {"feature": Feature.objects.get(key="enrich")}]
    for whose in for_whom:
        limits.set_limit(**set_them, **whose)
    stage.pay("by nobody", "enrich", user=None, measures=Measures(quantity=30), now=TODAY)
    stage.pay("again", "enrich", measures=Measures(quantity=5), now=TODAY)
    usage_refunds.refund(paid.event_id, credits=20, key="r", reason="failed", within=None, now=TODAY)
    prove_books()
    return stage


def broken(stage: Stage, now: datetime = TODAY) -> set[str]:
    everywhere, here = (
        {item.invariant.name for item in audit.prove(invariants(scope), scope)}
        for scope in (audit.Scope(now=now), audit.Scope(now=now, wallet_id=stage.wallet.pk))
    )
    assert everywhere == here
    return everywhere


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_it_names(stage: Stage, name: str) -> None:
    assert CORRUPTIONS[name]()

    assert broken(stage) == {"limit_use_is_its_events"}


def test_what_is_counted_is_as_expected(stage: Stage) -> None:
    counted = {(limit.scope, limit.feature_id is None): limit.uses.get().credits for limit in Limit.objects.all()}

    assert counted == {
        ("organization", True): 115,
        ("organization", False): 35,
        ("team", True): 35,
        ("user", True): 85,
    }


def test_a_month_that_has_counted_nothing_is_right(stage: Stage) -> None:
    assert broken(stage, datetime(2026, 5, 1, tzinfo=UTC)) == set()


def test_months_are_those_of_the_organizations_clocks(stage: Stage) -> None:
    Organization.objects.update(time_zone="Asia/Tokyo")
    stage.organization.refresh_from_db()

    stage.pay("may in Tokyo", now=datetime(2026, 4, 30, 15, tzinfo=UTC))

    assert broken(stage, datetime(2026, 4, 30, 15, 1, tzinfo=UTC)) == set()


def test_a_month_in_which_the_clocks_were_set_to_another_zone_is_left_out(stage: Stage) -> None:
    LimitUse.objects.update(credits=1)
    change_preferences(
        organization=stage.organization,
        name="Acme",
        time_zone="Asia/Tokyo",
        language="en",
        requires_two_factor=False,
        actor=stage.owner,
        now=TODAY,
    )

    assert broken(stage) == set()
    LimitUse.objects.update(month_on="2026-05-01")
    assert broken(stage, datetime(2026, 5, 5, tzinfo=UTC)) == {"limit_use_is_its_events"}


def test_a_month_begins_at_the_first_of_two_midnights() -> None:
    """On 1 November 2026 the clocks of Havana show 00:00 to 01:00 twice; the first time it is November already."""
    stage = set_up()
    stage.organization.time_zone = "America/Havana"
    stage.organization.save()
    first_midnight = datetime(2026, 11, 1, 4, tzinfo=UTC)
    limits.set_limit(organization=stage.organization, credits=1_000, actor=stage.owner, now=first_midnight)
    stage.pay("in the first hour", now=first_midnight + timedelta(minutes=30))
    assert broken(stage, now=first_midnight + timedelta(days=20)) == set()
