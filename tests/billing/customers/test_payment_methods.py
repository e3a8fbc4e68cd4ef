"""Payment methods: copies of what Stripe has on file, and the page on which Alice adds, prefers and removes them."""

import pytest
from django.test import Client

from billing import stripe_gateway
from billing.customers import payment_methods
from billing.models import AutoRecharge, Pack, PaymentMethod, StripeCustomer
from billing.plans import changes
from billing.purchases.orders import customer_of
from organizations.models import AuditEvent
from tests.billing.views.test_plan import posted, shown, text
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.plan_stage import PlanStage, set_up, token
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in

pytestmark = pytest.mark.django_db

URL = "/o/acme/payment-methods/"


@pytest.fixture
def payments(at_stripe: Payments) -> Payments:
    return at_stripe


@pytest.fixture
def stage(payments: Payments) -> PlanStage:
    return set_up()


@pytest.fixture
def alices(stage: PlanStage) -> Client:
    return signed_in(stage.owner)


def attach(payments: Payments, stage: PlanStage, name: str = "pm_card_visa") -> str:
    return payments.stripe().v1.payment_methods.attach(name, {"customer": customer_of(stage.organization)}).id


def labels(stage: PlanStage) -> list[str]:
    return [method.label for method in payment_methods.on_file(stage.organization)]


class TestCopies:
    def test_they_follow_stripe(self, stage: PlanStage, payments: Payments) -> None:
        visa, amex = attach(payments, stage), attach(payments, stage, "pm_card_amex")
        payment_methods.refresh(stage.organization)
        assert {label.split()[0] for label in labels(stage)} == {"Visa", "Amex"}
        payments.stripe().v1.payment_methods.detach(amex)
        payment_methods.refresh(stage.organization)
        assert labels(stage) == ["Visa •••• 4242"]
        assert PaymentMethod.objects.get(stripe_id=amex).detached_at is not None
        assert PaymentMethod.objects.get(stripe_id=visa).is_default

    def test_asking_again_changes_nothing(self, stage: PlanStage, payments: Payments) -> None:
        attach(payments, stage)
        first = payment_methods.refresh(stage.organization)
        assert payment_methods.refresh(stage.organization) == first

    def test_where_none_is_the_default_the_newest_becomes_it(self, stage: PlanStage, payments: Payments) -> None:
        attach(payments, stage)
        payment_methods.refresh(stage.organization)
        customer = stage.organization.stripe_customer.stripe_id
        assert (
            stripe_gateway.default_payment_method(customer) == payment_methods.on_file(stage.organization)[0].stripe_id
        )

    def test_an_answer_that_is_older_than_the_copies_is_asked_for_again(
        self, stage: PlanStage, payments: Payments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attach(payments, stage)
        answer = stripe_gateway.list_payment_methods
        stale = [stripe_gateway.list_payment_methods(stage.organization.stripe_customer.stripe_id)]
        attach(payments, stage, "pm_card_mastercard")

        def slow(customer: str) -> list[stripe_gateway.MethodState]:
            if stale:
                # While this answer is on its way another call sees more and writes it.
                old = stale.pop()
                payment_methods.refresh(stage.organization)
                return old
            return answer(customer)

        monkeypatch.setattr(stripe_gateway, "list_payment_methods", slow)
        assert len(payment_methods.refresh(stage.organization)) == 2

    def test_nobody_at_stripe_has_none(self, stage: PlanStage) -> None:
        assert payment_methods.refresh(stage.organization) == []
        assert not StripeCustomer.objects.exists()


class TestThePage:
    def test_it_is_for_owners_alone(self, stage: PlanStage) -> None:
        assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)

    def test_none_yet(self, alices: Client) -> None:
        assert "No saved payment methods" in shown(alices, URL)

    def test_adding_one_on_stripes_page(self, stage: PlanStage, alices: Client, payments: Payments) -> None:
        assert alices.get(URL + "add/").status_code == 405
        form = token()
        away, again = (alices.post(URL + "add/", {"token": form})["Location"] for _ in range(2))
        assert away == again
        back = payments.pay(away).headers["location"]
        page = text(alices.get(back[back.index("/o/") :], follow=True).content.decode())
        assert "Visa •••• 4242 default 12/2040" in page

    def test_another_becomes_the_default_and_pays_the_plan(
        self, stage: PlanStage, alices: Client, payments: Payments
    ) -> None:
        row = stage.subscribe(payments, "basic")
        other = attach(payments, stage, "pm_card_mastercard")
        payment_methods.refresh(stage.organization)
        method = PaymentMethod.objects.get(stripe_id=other)
        form = token()
        for _twice in range(2):
            assert "Default payment method updated: Mastercard" in posted(
                alices, f"{URL}{method.pk}/default/", token=form
            )
        method.refresh_from_db()
        assert method.is_default
        at = payments.stripe().v1.subscriptions.retrieve(str(row.stripe_id))
        assert at.default_payment_method == other
        assert AuditEvent.objects.filter(action="payment_method.made_default").count() == 1

    def test_removing_is_asked_then_done_once(self, stage: PlanStage, alices: Client, payments: Payments) -> None:
        attach(payments, stage)
        method = payment_methods.refresh(stage.organization)[0]
        assert "To use it again, add it again." in shown(alices, f"{URL}{method.pk}/remove/")
        form = token()
        for _twice in range(2):
            assert "Payment method removed: Visa •••• 4242." in posted(alices, f"{URL}{method.pk}/remove/", token=form)
        assert labels(stage) == []
        assert AuditEvent.objects.filter(action="payment_method.removed").count() == 1

    def test_removing_one_that_the_portal_removed(self, stage: PlanStage, alices: Client, payments: Payments) -> None:
        stripe_id = attach(payments, stage)
        method = payment_methods.refresh(stage.organization)[0]
        payments.stripe().v1.payment_methods.detach(stripe_id)
        assert "Payment method removed" in posted(alices, f"{URL}{method.pk}/remove/", token=token())

    def test_somebody_elses_is_not_found(self, stage: PlanStage, alices: Client, payments: Payments) -> None:
        attach(payments, stage)
        method = payment_methods.refresh(stage.organization)[0]
        dora = factories.person("Dora")
        factories.organization(dora, slug="new")
        for act in ("default", "remove"):
            assert signed_in(dora).post(f"/o/new/payment-methods/{method.pk}/{act}/").status_code == 404


class TestRefusals:
    def refused(self, stage: PlanStage, method: PaymentMethod) -> str:
        response = signed_in(stage.owner).post(f"{URL}{method.pk}/remove/", {"token": token()})
        assert response.status_code == 409
        assert labels(stage)
        return text(response.content.decode())

    def test_the_default_beside_others(self, stage: PlanStage, payments: Payments) -> None:
        attach(payments, stage)
        attach(payments, stage, "pm_card_mastercard")
        default = payment_methods.refresh(stage.organization)[0]
        assert "Make another one the default first." in self.refused(stage, default)

    def test_the_one_that_pays_the_plan_until_it_is_cancelled(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        only = payment_methods.refresh(stage.organization)[0]
        assert "Your plan is charged to this payment method." in self.refused(stage, only)
        changes.cancel(organization=stage.organization, actor=stage.owner, form_token=token())
        payment_methods.remove(organization=stage.organization, method=only, actor=stage.owner, form_token=token())
        assert labels(stage) == []

    def test_the_one_that_auto_recharge_charges(self, stage: PlanStage, payments: Payments) -> None:
        attach(payments, stage)
        only = payment_methods.refresh(stage.organization)[0]
        pack = Pack.objects.create(program=stage.program, key="p", name="P", credits=1)
        AutoRecharge.objects.create(
            organization=stage.organization,
            is_on=True,
            pack=pack,
            threshold=1,
            lot_minor=1,
            monthly_limit_minor=1,
            currency="USD",
            consented_by=stage.owner,
            consented_at="2026-01-01T00:00:00Z",
            consent_text="yes",
        )
        assert "Auto-recharge is charged to this payment method." in self.refused(stage, only)

    def test_one_that_is_gone_does_not_become_the_default(self, stage: PlanStage, payments: Payments) -> None:
        stripe_id = attach(payments, stage)
        method = payment_methods.refresh(stage.organization)[0]
        payments.stripe().v1.payment_methods.detach(stripe_id)
        payment_methods.refresh(stage.organization)
        response = signed_in(stage.owner).post(f"{URL}{method.pk}/default/", {"token": token()})
        assert response.status_code == 409
        assert "no longer saved" in text(response.content.decode())
