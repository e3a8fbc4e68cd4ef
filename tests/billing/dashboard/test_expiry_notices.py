"""Owners hear in time of credits that would expire unused at the present pace: per grant and stage once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.dashboard import expiry_notices
from billing.dashboard.expiry_notices import notify_of_expiring
from domain_events.publishing import publish
from notices.models import Notice
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver
from tests.support.usage.usage_stage import NOW, Stage, give, set_up
from usage.pricing import Measures

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def stage() -> Stage:
    """Acme has used 280 credits within 28 days: ten a day. 200 are left of a grant that expires in 14 days."""
    stage = set_up(credits=0)
    give(stage.wallet, 481, now=NOW - 60 * DAY, expires_at=NOW + 14 * DAY)
    use(stage, 1, days_ago=40)
    use(stage, 280, days_ago=20)
    return stage


def use(stage: Stage, credits: int, *, days_ago: int) -> None:
    stage.pay(f"use {days_ago}", "enrich", measures=Measures(quantity=credits), now=NOW - days_ago * DAY)


def told() -> list[tuple[int, int, int]]:
    """Stage, remaining and lost of every notice, in order."""
    notices = Notice.objects.filter(kind="grant.expiring").order_by("pk")
    return [(each.details["days"], each.details["remaining"], each.details["credits"]) for each in notices]


def test_what_the_pace_will_not_get_to_is_told_with_the_day(stage: Stage) -> None:
    assert notify_of_expiring(now=NOW)["notified"] == 1

    notice = Notice.objects.get()
    grant = stage.wallet.grants.get()
    assert (notice.key, notice.user) == (f"expiring:14:grt_{grant.pk.hex}", None)
    assert notice.mails.get().user == stage.owner
    assert notice.details == {
        "organization": "acme",
        "grant": f"grt_{grant.pk.hex}",
        "source": "goodwill",
        "credits": 60,
        "remaining": 200,
        "expires_at": (NOW + 14 * DAY).isoformat().replace("+00:00", "Z"),
        "days": 14,
        "decimals": 0,
        "unit": "credits",
    }


def test_a_moment_before_the_stage_nothing_is_told(stage: Stage) -> None:
    assert notify_of_expiring(now=NOW - timedelta(microseconds=1))["notified"] == 0


def test_each_stage_is_told_once(stage: Stage) -> None:
    for day in range(14):
        for _ in range(2):
            notify_of_expiring(now=NOW + day * DAY)
    # By then the 280 are older than the days that the pace is measured by.
    assert told() == [(14, 200, 60), (3, 200, 200)]


def test_what_will_be_used_in_time_is_not_told_until_the_pace_falls(stage: Stage) -> None:
    use(stage, 120, days_ago=1)
    assert notify_of_expiring(now=NOW)["notified"] == 0

    assert notify_of_expiring(now=NOW + 9 * DAY)["notified"] == 1
    assert told() == [(14, 80, 80 - 120 * 5 // 28)]


def test_what_is_used_up_first_is_what_expires_first(stage: Stage) -> None:
    give(stage.wallet, 500, key="later", now=NOW - timedelta(hours=1), expires_at=NOW + 80 * DAY)
    give(stage.wallet, 30, key="frozen", now=NOW - timedelta(hours=1), expires_at=NOW + 5 * DAY)
    stage.wallet.grants.filter(amount=30).update(frozen_at=NOW)

    assert notify_of_expiring(now=NOW)["notified"] == 1
    assert told() == [(14, 200, 60)]


def test_without_any_use_all_of_it_is_lost() -> None:
    stage = set_up(credits=0)
    give(stage.wallet, 100, now=NOW - 60 * DAY, expires_at=NOW + 10 * DAY)
    assert notify_of_expiring(now=NOW)["notified"] == 1
    assert told() == [(14, 100, 100)]


def test_who_has_only_just_begun_is_told_shortly_before_the_end_alone() -> None:
    stage = set_up(credits=0)
    give(stage.wallet, 100, now=NOW - 60 * DAY, expires_at=NOW + 4 * DAY)
    use(stage, 10, days_ago=0)
    assert notify_of_expiring(now=NOW)["notified"] == 0
    assert notify_of_expiring(now=NOW + DAY)["notified"] == 1
    assert told()[0][:2] == (3, 90)


@pytest.mark.parametrize(("lives", "stages"), [(42, [14, 3]), (41, [3]), (30, [3]), (9, [3]), (8, []), (1, [])])
def test_a_stage_is_for_grants_that_live_three_times_as_long(lives: int, stages: list[int]) -> None:
    stage = set_up(credits=0)
    give(stage.wallet, 100, now=NOW, expires_at=NOW + lives * DAY)
    for day in range(lives):
        notify_of_expiring(now=NOW + day * DAY)
    assert [days for days, _, _ in told()] == stages


def test_what_has_expired_but_is_still_reserved_does_not_hide_what_expires_next(stage: Stage) -> None:
    driver = WalletDriver(stage.wallet, NOW + 14 * DAY - timedelta(hours=1))
    give(stage.wallet, 100, key="next", now=NOW + 2 * DAY, expires_at=NOW + 16 * DAY)
    driver.reserve(50, seconds=86_400)
    assert notify_of_expiring(now=NOW + 14 * DAY + timedelta(hours=1))["notified"] == 1
    assert told() == [(3, 100, 100)]


def test_a_closed_organization_and_a_grant_without_an_end_are_left_alone(stage: Stage) -> None:
    give(stage.wallet, 100, key="for ever")
    stage.organization.closed_at = NOW
    stage.organization.save()
    assert notify_of_expiring(now=NOW)["notified"] == 0


def another(stage: Stage) -> Stage:
    globex = factories.organization(factories.person("Charlie"), slug="globex")
    wallet = factories.wallet(globex, stage.program, now=NOW - 70 * DAY)
    give(wallet, 100, now=NOW - 60 * DAY, expires_at=NOW + 14 * DAY)
    return Stage(stage.owner, globex, stage.program, wallet)


def test_one_organizations_error_does_not_stop_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    other = another(stage)

    def fail_for_acme(*event: Any, **fields: Any) -> Any:
        if fields["organization_id"] == stage.organization.pk:
            raise ZeroDivisionError
        return publish(*event, **fields)

    monkeypatch.setattr(expiry_notices, "publish", fail_for_acme)
    assert notify_of_expiring(now=NOW) == {"notified": 1, "failed": 1}
    assert Notice.objects.get().organization == other.organization
    assert "could not be notified" in caplog.text


def test_it_stops_when_its_time_is_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry_notices, "RUN_SECONDS", -1)
    assert notify_of_expiring(now=NOW)["notified"] == 0


def test_the_number_of_queries_does_not_grow_with_the_grants(stage: Stage) -> None:
    use(stage, 200, days_ago=0)
    counts = []
    for grants in (1, 5):
        for number in range(grants):
            key = f"{grants} {number}"
            give(stage.wallet, 1, key=key, now=NOW, expires_at=NOW + 42 * DAY, cost_minor=1, cost_currency="JPY")
        with CaptureQueriesContext(connection) as queries:
            expiry_notices._notify(stage.wallet.pk, now=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]
