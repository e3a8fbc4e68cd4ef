"""Renewals run twice at once, one month settled by many at once, and a renewal that dies half-way."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from billing.models import Allowance, Subscription
from billing.plans import allowances, renewals, subscriptions
from organizations.models import AuditEvent
from tests.support.billing.plan_stage import START, PlanStage, set_up
from tests.support.credits.reference.invariants import check_wallet
from tests.support.races import run_many

pytestmark = pytest.mark.django_db(transaction=True)

LATER = START + timedelta(days=30)


@pytest.fixture
def stage() -> PlanStage:
    stage = set_up()
    stage.put_on("basic", at=START)
    return stage


def test_two_runs_at_once_begin_the_month_once(stage: PlanStage) -> None:
    assert sum(run_many(lambda: renewals.renew_due(now=LATER)["renewed"], 4)) == 1
    assert stage.amounts() == [1_000, 1_000]
    assert AuditEvent.objects.filter(action="subscription.renewed").count() == 1
    check_wallet(stage.wallet.pk)


def test_control_without_the_lock_both_begin_it(stage: PlanStage, monkeypatch: pytest.MonkeyPatch) -> None:
    all_have_read = threading.Barrier(2, timeout=20)

    def unlocked(organization: Any) -> Subscription | None:
        row = Subscription.objects.select_related("plan", "next_plan", "organization").get(organization=organization)
        all_have_read.wait()
        return row

    monkeypatch.setattr(subscriptions, "lock", unlocked)
    results = run_many(lambda: renewals.renew(stage.organization, now=LATER), 2)
    # Both believed that the month was theirs; the allowance's key alone kept its credits from coming twice.
    assert results == [True, True]
    assert AuditEvent.objects.filter(action="subscription.renewed").count() == 2
    assert stage.amounts() == [1_000, 1_000]


def test_one_that_dies_after_the_grant_leaves_nothing_and_is_done_again(
    stage: PlanStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    give = allowances.give

    def die(*asked: Any, **options: Any) -> None:
        give(*asked, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(allowances, "give", die)
        with pytest.raises(KeyboardInterrupt):
            renewals.renew_due(now=LATER)
    assert stage.amounts() == [1_000]
    assert Allowance.objects.count() == 1
    assert renewals.renew_due(now=LATER)["renewed"] == 1
    assert stage.amounts() == [1_000, 1_000]
