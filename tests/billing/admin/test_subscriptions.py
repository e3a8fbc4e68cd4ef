"""Staff find plans, put invoiced customers on one, and let one end."""

import pytest
from django.test import Client
from django.utils import timezone

from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.plan_stage import PlanStage, set_up
from tests.support.pages.owner_pages import signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/billing/subscription/"
PUT = LIST + "put/"


@pytest.fixture
def stage() -> PlanStage:
    return set_up()


@pytest.fixture
def browser(stage: PlanStage) -> Client:
    return signed_in(factories.staff())


def form(**fields: str) -> dict[str, str]:
    token = "0198f5a0-0000-7000-8000-000000000001"
    return {"organization": "acme", "plan": "basic", "reason": "Contract 7", "token": token, **fields}


def test_putting_on_a_plan_twice_puts_once_with_the_reason(stage: PlanStage, browser: Client) -> None:
    assert "Put on a plan" in browser.get(LIST).content.decode()
    assert browser.get(PUT).status_code == 200
    for _twice in range(2):
        assert "The plan is Basic." in browser.post(PUT, form(), follow=True).content.decode()
    assert stage.amounts() == [1_000]
    event = AuditEvent.objects.get(action="subscription.put_on_plan")
    assert (event.reason, event.actor and event.actor.name) == ("Contract 7", "Stella")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"reason": ""}, "This field is required."),
        ({"organization": "nobody"}, "There is no such organization"),
        ({"plan": "gold"}, "It has: free, basic, pro."),
    ],
)
def test_what_is_wrong_is_shown_and_nothing_is_done(
    stage: PlanStage, browser: Client, wrong: dict[str, str], sentence: str
) -> None:
    response = browser.post(PUT, form(**wrong))
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert stage.amounts() == []


def test_letting_one_end(stage: PlanStage, browser: Client) -> None:
    row = stage.put_on("basic", at=timezone.now())
    page = browser.get(f"{LIST}{row.pk}/change/").content.decode()
    assert f"{LIST}{row.pk}/end/" in page
    assert browser.post(f"{LIST}{row.pk}/end/", {"reason": ""}).status_code == 422
    answer = browser.post(f"{LIST}{row.pk}/end/", {"reason": "Left", "token": form()["token"]}, follow=True)
    assert "The plan ends with its month." in answer.content.decode()
    assert stage.row().ends_at_period_end
    assert AuditEvent.objects.get(action="subscription.cancel").reason == "Left"


def test_the_allowances_of_months_are_listed(stage: PlanStage, browser: Client) -> None:
    stage.put_on("basic", at=timezone.now())
    assert "Basic" in browser.get("/admin/billing/allowance/?q=acme").content.decode()


def test_it_is_for_staff_alone(stage: PlanStage) -> None:
    assert signed_in(stage.owner).get(PUT).status_code == 302
