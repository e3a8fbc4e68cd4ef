"""The plan in GET /api/billing/credits: shown while it is in force."""

from typing import Any

import pytest
from django.test import Client

from billing.models import Plan, Subscription
from tests.support.billing.shop import NOW, Shop, open_shop
from tests.support.usage.api_caller import new_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop("enrich")


def plan(shop: Shop) -> Any:
    authorization = {"Authorization": f"Bearer {new_key(shop.owner, shop.organization)}"}
    answer = Client(headers=authorization).get("/api/billing/credits")
    assert answer.status_code == 200
    return answer.json()["plan"]


def test_it_is_shown_with_its_month_and_allowance(shop: Shop) -> None:
    shop.subscribe("team")
    team = Plan.objects.get(program=shop.program, key="team")

    assert plan(shop) == {
        "key": "team",
        "name": team.name,
        "state": "active",
        "allowance": team.allowance,
        "period_start": NOW.isoformat().replace("+00:00", "Z"),
        "period_end": "2026-04-10T12:00:00Z",
        "ends": False,
        "next_plan": None,
    }


def test_what_comes_after_it_is_shown_too(shop: Shop) -> None:
    shop.subscribe("team", state="past_due")
    free = Plan.objects.filter(program=shop.program).exclude(key="team").first()
    Subscription.objects.update(next_plan=free, ends_at_period_end=True)

    answer = plan(shop)

    assert free is not None
    assert (answer["state"], answer["next_plan"], answer["ends"]) == ("past_due", free.key, True)


@pytest.mark.parametrize("state", ["incomplete", "canceled"])
def test_a_plan_that_is_not_in_force_is_none(shop: Shop, state: str) -> None:
    shop.subscribe("team", state=state)
    assert plan(shop) is None


def test_without_a_plan_it_is_null(shop: Shop) -> None:
    assert plan(shop) is None
