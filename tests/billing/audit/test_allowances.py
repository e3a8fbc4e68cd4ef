"""The auditor names what is wrong between the months of plans and the ledger: each corruption is planted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from billing.audit.invariants import ALLOWANCES
from billing.models import Allowance
from billing.plans.allowances import Due, give
from billing.plans.periods import Period
from credits import audit
from credits.models import Source
from tests.support import factories
from tests.support.billing.plan_stage import DAY, START, PlanStage, set_up
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> PlanStage:
    """A month of a plan that brought its credits, and one that was over when it became known."""
    stage = set_up()
    stage.put_on("basic", at=START)
    missed = Period(START - 40 * DAY, START - 10 * DAY)
    give(stage.row(), [Due("allowance:missed", stage.row().plan, missed, 7)], now=START + DAY)
    assert Allowance.objects.filter(operation=None).count() == 1
    return stage


def broken(*, wallet_id: int | None = None) -> list[str]:
    scope = audit.Scope(now=START + timedelta(days=2), wallet_id=wallet_id)
    return [item.invariant.name for item in audit.prove(ALLOWANCES, scope)]


def test_what_is_right_is_called_right(stage: PlanStage) -> None:
    assert broken() == []


@pytest.mark.parametrize(
    "change",
    [
        "credits = credits + 1",
        "key = key || 'x'",
        "period_end = period_end + interval '1 day'",
        "operation_id = NULL",
        "operation_id = (SELECT id FROM credits_operation WHERE kind = 'usage')",
        "operation_id = gen_random_uuid()",
        "subscription_id = (SELECT max(id) FROM billing_subscription)",
    ],
)
def test_a_month_that_is_not_its_grant_is_named(stage: PlanStage, change: str) -> None:
    globex = factories.organization(factories.person("Charlie"), slug="globex", currency="USD", country="US")
    other = replace(stage, organization=globex, wallet=factories.wallet(globex, stage.program))
    other.put_on("basic", at=START)
    WalletDriver(stage.wallet, START + DAY).spend(1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            f"UPDATE billing_allowance SET {change} WHERE operation_id IN"
            f" (SELECT id FROM credits_operation WHERE wallet_id = {stage.wallet.pk})"
        )
        assert cursor.rowcount == 1
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert "allowance_is_its_grant" in broken()


def test_a_plans_grant_of_no_month_is_named(stage: PlanStage) -> None:
    WalletDriver(stage.wallet, START + DAY).grant(5, source=Source.PLAN)
    assert broken() == ["plan_grant_is_its_allowance"]
    assert broken(wallet_id=stage.wallet.pk) == ["plan_grant_is_its_allowance"]
    assert broken(wallet_id=0) == []


def test_a_month_that_was_forgotten_is_named(stage: PlanStage) -> None:
    Allowance.objects.exclude(operation=None).delete()
    assert broken() == ["plan_grant_is_its_allowance"]
