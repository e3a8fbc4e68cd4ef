"""The plan page as Alice sees it: what the plan is, another one, its end, the portal, and the way back from Stripe."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing.models import PlanCheckout, Subscription, SubscriptionState
from billing.plans import changes
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.plan_stage import PlanStage, set_up, token
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in

pytestmark = pytest.mark.django_db

URL = "/o/acme/plan/"


@pytest.fixture
def stage() -> PlanStage:
    return set_up()


@pytest.fixture
def alices(stage: PlanStage) -> Client:
    return signed_in(stage.owner)


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#x27;", "'").split())


def shown(client: Client, url: str = URL, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return text(response.content.decode())


def posted(client: Client, url: str, **data: str) -> str:
    """What the page says after a form was sent and every redirect on our side followed."""
    response = client.post(url, data, follow=True)
    assert response.status_code == 200
    return text(response.content.decode())


class TestThePage:
    def test_it_is_for_owners_alone(self, stage: PlanStage) -> None:
        assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)

    @pytest.mark.parametrize("url", ["/o/acme/plan/to/pro/", "/o/acme/plan/cancel/"])
    def test_members_change_nothing(self, stage: PlanStage, url: str) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        assert signed_in(bob).post(url).status_code == 403
        assert signed_in(factories.person("Charlie")).post(url).status_code == 404
        assert not Subscription.objects.exists()

    def test_its_queries_do_not_grow(
        self, alices: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_max_num_queries(12):
            alices.get(URL)

    def test_an_organization_without_a_wallet_and_a_program_without_plans(self, stage: PlanStage) -> None:
        dora = factories.person("Dora")
        organization = factories.organization(dora, slug="new")
        assert "No plans available" in shown(signed_in(dora), "/o/new/plan/")
        factories.wallet(organization, factories.program("bare"))
        assert "No plans available" in shown(signed_in(dora), "/o/new/plan/")
        assert signed_in(dora).get("/o/new/plan/to/pro/").status_code == 404

    def test_the_plans_with_price_and_what_they_bring(self, alices: Client) -> None:
        page = shown(alices)
        assert "Basic $10.00 1,000 credits Choose : Basic" in page
        assert "Free free 100 credits" in page

    def test_an_invoiced_plan_is_changed_by_support(self, stage: PlanStage, alices: Client) -> None:
        stage.put_on("basic", at=timezone.now())
        page = shown(alices)
        assert "by invoice" in page
        assert "Contact support to change or cancel it." in page
        assert "Choose" not in page
        assert "Contact support to change it." in shown(alices, URL + "to/pro/", 409)

    def test_an_overdue_invoice_is_named_with_where_to_pay(self, stage: PlanStage, alices: Client) -> None:
        stage.put_on("basic", at=timezone.now())
        Subscription.objects.update(
            state=SubscriptionState.PAST_DUE,
            is_invoiced=False,
            stripe_id="sub_1",
            unpaid_invoice_url="https://pay.test/i",
        )
        page = alices.get(URL).content.decode()
        assert "An invoice for your plan is unpaid." in text(page)
        assert 'href="https://pay.test/i"' in page


class TestChoosingAFreePlan:
    def test_it_is_confirmed_then_begins_once(self, stage: PlanStage, alices: Client) -> None:
        page = shown(alices, URL + "to/free/")
        assert "Starts now" in page
        assert "Due now nothing" in page
        assert not Subscription.objects.exists()
        form = token()
        assert "Your plan is Free." in posted(alices, URL + "to/free/", token=form)
        posted(alices, URL + "to/free/", token=form)
        assert stage.amounts() == [100]
        assert AuditEvent.objects.filter(action="subscription.begin", actor=stage.owner).count() == 1

    def test_the_plan_that_it_is_already_leads_back(self, stage: PlanStage, alices: Client) -> None:
        stage.choose("free")
        assert alices.get(URL + "to/free/").status_code == 302

    def test_no_such_plan(self, alices: Client) -> None:
        assert alices.get(URL + "to/gold/").status_code == 404


class TestPaying:
    def test_on_stripes_page_and_back(self, stage: PlanStage, alices: Client, at_stripe: Payments) -> None:
        assert "Due now $10.00" in shown(alices, URL + "to/basic/")
        away = alices.post(URL + "to/basic/", {"token": token()})
        assert away.status_code == 302
        back = at_stripe.pay(away["Location"]).headers["location"]
        assert back.endswith(f"/o/acme/plan/return/?checkout={PlanCheckout.objects.get().pk}")
        path = back[back.index("/o/") :]
        for _reloaded in range(2):
            page = text(alices.get(path, follow=True).content.decode())
            assert "Your plan is Basic." in page
            assert "1,000 credits" in page
        assert stage.amounts() == [1_000]
        assert [str(method) for method in stage.organization.payment_methods.all()] == ["Visa •••• 4242"]

    def test_coming_back_unpaid(self, stage: PlanStage, alices: Client, at_stripe: Payments) -> None:
        alices.post(URL + "to/basic/", {"token": token()})
        path = f"{URL}return/?checkout={PlanCheckout.objects.get().pk}"
        assert "Your plan starts as soon as the payment" in text(alices.get(path, follow=True).content.decode())

    @pytest.mark.parametrize("query", ["", "?checkout=x", "?checkout=01890000-0000-7000-8000-000000000000"])
    def test_a_return_from_nowhere(self, alices: Client, query: str) -> None:
        assert alices.get(URL + "return/" + query).status_code == 404

    def test_without_a_key_it_says_so(self, alices: Client, settings: object) -> None:
        settings.STRIPE_SECRET_KEY = ""  # type: ignore[attr-defined]
        response = alices.post(URL + "to/basic/", {"token": token()})
        assert response.status_code == 409
        assert "Card payments are not available." in text(response.content.decode())

    def test_silence_is_shown_as_an_unknown_outcome(self, alices: Client, at_stripe: Payments) -> None:
        at_stripe.control("switch", replies={"refuse": {"status": 500, "count": 99}})
        response = alices.post(URL + "to/basic/", {"token": token()})
        assert response.status_code == 503
        assert "we don't know the outcome yet" in text(response.content.decode())

    def test_an_upgrade_says_its_price_and_what_it_brings(
        self, stage: PlanStage, alices: Client, at_stripe: Payments
    ) -> None:
        stage.subscribe(at_stripe, "basic")
        page = shown(alices, URL + "to/pro/")
        assert "the prorated difference for the rest of the month" in page
        assert "Stripe calculates the difference to the second." in page
        assert "Your plan is Pro." in posted(alices, URL + "to/pro/", token=token())
        assert len(stage.amounts()) == 2

    def test_a_downgrade_waits_and_is_taken_back(self, stage: PlanStage, alices: Client, at_stripe: Payments) -> None:
        stage.subscribe(at_stripe, "pro")
        assert "Until then, Pro stays active." in shown(alices, URL + "to/basic/")
        assert "Basic starts at the end of this month." in posted(alices, URL + "to/basic/", token=token())
        assert "Then Basic starts." in shown(alices)
        assert "Your plan is Pro." in posted(alices, URL + "to/pro/", token=token())
        assert "Then Basic starts." not in shown(alices)


class TestCancelling:
    def test_it_is_asked_then_done_once(self, stage: PlanStage, alices: Client, at_stripe: Payments) -> None:
        stage.subscribe(at_stripe, "basic")
        assert "Basic stays active until" in shown(alices, URL + "cancel/")
        form = token()
        for _twice in range(2):
            assert "Plan canceled. It stays active until" in posted(alices, URL + "cancel/", token=form)
        assert "Credits you bought stay in your balance." in shown(alices)
        assert AuditEvent.objects.filter(action="subscription.cancel", actor=stage.owner).count() == 1

    def test_without_a_plan(self, alices: Client) -> None:
        assert alices.get(URL + "cancel/").status_code == 302
        response = alices.post(URL + "cancel/")
        assert response.status_code == 409
        assert "You have no plan to cancel." in text(response.content.decode())

    def test_one_that_ended_is_named(self, stage: PlanStage, alices: Client) -> None:
        stage.put_on("basic", at=timezone.now() - timedelta(days=3))
        Subscription.objects.update(state=SubscriptionState.CANCELED)
        assert "The plan Basic has ended. Credits you bought stay in your balance." in shown(alices)


class TestThePortal:
    def test_it_leads_to_stripes_page_and_what_was_done_there_counts(
        self, stage: PlanStage, alices: Client, at_stripe: Payments
    ) -> None:
        row = stage.subscribe(at_stripe, "basic")
        away = alices.post(URL + "portal/", {"token": token()})
        assert away["Location"].startswith(at_stripe.url + "/p/session/")
        at_stripe.stripe().v1.subscriptions.update(str(row.stripe_id), {"cancel_at_period_end": True})
        page = text(alices.get(URL + "portal/return/", follow=True).content.decode())
        assert "Basic ends on" in page
        assert changes.is_live(stage.row())

    def test_it_takes_a_post_and_a_customer(self, alices: Client) -> None:
        assert alices.get(URL + "portal/").status_code == 405
        assert alices.post(URL + "portal/").status_code == 404
