"""Plans paid through Stripe, against the payments sandbox through the real library: their life, and lost events."""

from datetime import UTC, datetime
from itertools import islice
from random import Random

import pytest

from billing import stripe_gateway
from billing.models import Allowance, Buyers, Method, PlanCheckout, StripePrice, Subscription, SubscriptionState
from billing.plans import changes, checkouts, renewals, subscriptions
from billing.purchases import orders
from billing.stripe_events import inbox
from organizations.models import AuditEvent
from tests.support.billing.payments import Payments
from tests.support.billing.plan_stage import PlanStage, set_up, token
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(at_stripe: Payments) -> PlanStage:
    return set_up()


@pytest.fixture
def payments(at_stripe: Payments) -> Payments:
    return at_stripe


def renew(payments: Payments, stage: PlanStage) -> None:
    payments.control("renew", subscription=stage.row().stripe_id)
    payments.settle()


def charged(payments: Payments) -> list[int]:
    """What was taken, payment by payment, in minor units."""
    return [each["data"]["object"]["amount"] for each in payments.events("charge.succeeded")]


class TestSubscribing:
    def test_paying_on_stripes_page_begins_the_plan_and_brings_its_credits(
        self, stage: PlanStage, payments: Payments
    ) -> None:
        row = stage.subscribe(payments, "basic")
        assert (row.plan.key, row.state, row.is_invoiced) == ("basic", "active", False)
        assert stage.grants() == [("plan", 1_000, row.period_end)]
        assert charged(payments) == [1_000]

    def test_nothing_begins_before_it_is_paid(self, stage: PlanStage, payments: Payments) -> None:
        page = stage.choose("basic")
        assert checkouts.settle_checkout(PlanCheckout.objects.get(url=page)) is None
        assert not Subscription.objects.exists()

    def test_one_form_opens_one_page(self, stage: PlanStage, payments: Payments) -> None:
        form = token()
        assert stage.choose("basic", form_token=form) == stage.choose("basic", form_token=form)

    def test_of_two_tabs_only_the_later_page_can_be_paid(self, stage: PlanStage, payments: Payments) -> None:
        first, second = stage.choose("basic"), stage.choose("pro")
        assert first
        assert second
        assert payments.pay(first).status_code != 303
        assert payments.pay(second).status_code == 303
        assert charged(payments) == [3_000]

    def test_a_second_page_is_refused_after_the_first_was_paid(self, stage: PlanStage, payments: Payments) -> None:
        page = stage.choose("basic")
        assert page
        payments.pay(page)
        with pytest.raises(checkouts.BeingPaid, match="was just paid for"):
            stage.choose("pro")
        # It was recorded on the way.
        assert stage.row().plan.key == "basic"
        assert stage.amounts() == [1_000]

    def test_webhooks_alone_are_enough(self, stage: PlanStage, payments: Payments) -> None:
        page = stage.choose("basic")
        assert page
        payments.pay(page)
        assert stage.amounts() == []
        for event in payments.events():
            body, signature = payments.signed(event)
            row = inbox.receive(stripe_gateway.construct_event(body, signature))
            inbox.process(row.pk)
        assert stage.amounts() == [1_000]

    def test_of_another_customer_it_is_not_ours(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        stripe_id = str(stage.row().stripe_id)
        Allowance.objects.all().delete()
        Subscription.objects.all().delete()
        stage.organization.stripe_customer.delete()
        assert subscriptions.settle(stripe_id) is None
        assert not Subscription.objects.exists()

    def test_a_price_that_is_not_ours_is_left_to_staff(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        StripePrice.objects.all().delete()
        with pytest.raises(subscriptions.UnknownPrice):
            stage.settle(payments)


class TestRenewing:
    def test_each_paid_month_brings_its_credits_once(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        for month in range(2, 5):
            renew(payments, stage)
            assert stage.settle(payments) == stage.settle(payments)
            assert stage.amounts() == [1_000] * month
        assert charged(payments) == [1_000] * 4
        check_wallet(stage.wallet.pk)

    def test_a_month_that_is_not_paid_brings_none_until_it_is(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        customer = stage.organization.stripe_customer.stripe_id
        client = payments.stripe()
        bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
        stripe_gateway.charge_to(str(stage.row().stripe_id), bad.id, token())
        renew(payments, stage)
        row = stage.settle(payments)
        assert (row.state, stage.amounts()) == (SubscriptionState.PAST_DUE, [1_000])
        assert row.unpaid_invoice_url.startswith("http")
        with pytest.raises(changes.PlanRefused, match="Pay it first"):
            stage.choose("pro", now=stage.now(payments))

        good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
        stripe_gateway.charge_to(str(row.stripe_id), good.id, token())
        payments.advance(days=4)
        payments.settle()
        row = stage.settle(payments)
        assert (row.state, row.unpaid_invoice_url) == (SubscriptionState.ACTIVE, "")
        assert stage.amounts() == [1_000, 1_000]
        recorded = AuditEvent.objects.filter(action__in=["subscription.overdue", "subscription.paid"])
        assert list(recorded.order_by("created_at").values_list("action", flat=True)) == [
            "subscription.overdue",
            "subscription.paid",
        ]

    def test_a_month_whose_events_were_lost_is_found_by_the_job(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        assert renewals.ask_stripe(now=stage.now(payments))["asked"] == 0
        renew(payments, stage)
        assert renewals.ask_stripe(now=stage.now(payments))["asked"] == 1
        assert stage.amounts() == [1_000, 1_000]
        assert renewals.ask_stripe(now=stage.now(payments))["asked"] == 0

    def test_a_page_that_was_paid_and_never_came_back_is_found_by_the_job(
        self, stage: PlanStage, payments: Payments
    ) -> None:
        page = stage.choose("basic")
        assert page
        payments.pay(page)
        renewals.ask_stripe(now=datetime.now(UTC) + renewals.ASK_AGAIN)
        assert stage.row().plan.key == "basic"
        assert PlanCheckout.objects.get().stage == "complete"

    def test_months_that_are_over_are_noted_not_granted(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        for _month in range(3):
            renew(payments, stage)
        stage.settle(payments)
        assert stage.amounts() == [1_000, 1_000]
        assert Allowance.objects.filter(operation=None).count() == 2


class TestChanging:
    def test_an_upgrade_charges_and_brings_the_difference_for_the_rest(
        self, stage: PlanStage, payments: Payments
    ) -> None:
        stage.subscribe(payments, "basic")
        bought = WalletDriver(stage.wallet, stage.now(payments)).grant(7)
        payments.advance(days=14)
        shown = changes.change_to(stage.organization, stage.plan("pro"), now=stage.now(payments))
        form = token()
        for _twice in range(2):
            stage.choose("pro", form_token=form, now=stage.now(payments))
        assert stage.row().plan.key == "pro"
        assert charged(payments)[1:] == [pytest.approx(shown.due_minor, abs=1)]
        assert stage.amounts()[2:] == [pytest.approx(shown.brings, abs=1)]
        assert stage.wallet.grants.get(pk=bought).remaining == 7
        assert AuditEvent.objects.filter(action="subscription.upgrade").count() == 1
        renew(payments, stage)
        stage.settle(payments)
        assert stage.amounts()[3:] == [4_000]
        assert charged(payments)[2:] == [3_000]

    def test_an_upgrade_that_is_declined_changes_nothing(self, stage: PlanStage, payments: Payments) -> None:
        row = stage.subscribe(payments, "basic")
        customer = stage.organization.stripe_customer.stripe_id
        bad = payments.stripe().v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
        stripe_gateway.charge_to(str(row.stripe_id), bad.id, token())
        with pytest.raises(changes.PlanRefused, match="the plan has not changed"):
            stage.choose("pro", now=stage.now(payments))
        assert (stage.row().plan.key, stage.row().next_plan, stage.amounts()) == ("basic", None, [1_000])

    def test_a_downgrade_waits_for_the_months_end(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "pro")
        stage.choose("basic", now=stage.now(payments))
        row = stage.row()
        assert (row.plan.key, row.next_plan and row.next_plan.key) == ("pro", "basic")
        assert charged(payments) == [3_000]
        renew(payments, stage)
        row = stage.settle(payments)
        assert (row.plan.key, row.next_plan, stage.amounts()) == ("basic", None, [4_000, 1_000])
        assert charged(payments) == [3_000, 1_000]

    def test_a_downgrade_is_taken_back(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "pro")
        stage.choose("basic", now=stage.now(payments))
        stage.choose("pro", now=stage.now(payments))
        assert stage.row().next_plan is None
        renew(payments, stage)
        assert stage.settle(payments).plan.key == "pro"
        assert charged(payments) == [3_000, 3_000]

    def test_an_upgrade_during_a_waiting_downgrade_pays_no_more_than_the_difference(
        self, stage: PlanStage, payments: Payments
    ) -> None:
        stage.subscribe(payments, "basic")
        stage.choose("free", now=stage.now(payments))
        assert stage.row().ends_at_period_end
        stage.choose("pro", now=stage.now(payments))
        row = stage.row()
        assert (row.plan.key, row.next_plan, row.ends_at_period_end) == ("pro", None, False)
        assert charged(payments) == [1_000, pytest.approx(2_000, abs=1)]

    def test_cancel_and_stay(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        changes.cancel(organization=stage.organization, actor=stage.owner, form_token=token())
        assert stage.row().ends_at_period_end
        stage.choose("basic", now=stage.now(payments))
        assert not stage.row().ends_at_period_end
        renew(payments, stage)
        assert stage.settle(payments).state == SubscriptionState.ACTIVE

    def test_cancel_to_the_end_and_begin_again(self, stage: PlanStage, payments: Payments) -> None:
        old = stage.subscribe(payments, "basic")
        changes.cancel(organization=stage.organization, actor=stage.owner, form_token=token())
        renew(payments, stage)
        assert stage.settle(payments).state == SubscriptionState.CANCELED
        assert stage.amounts() == [1_000]
        new = stage.subscribe(payments, "pro")
        assert (new.pk, new.plan.key, new.stripe_id != old.stripe_id) == (old.pk, "pro", True)
        # Late news of the old one change nothing.
        subscriptions.settle(str(old.stripe_id), now=stage.now(payments))
        assert stage.row().stripe_id == new.stripe_id
        assert stage.amounts() == [1_000, 4_000]

    def test_down_to_the_free_plan(self, stage: PlanStage, payments: Payments) -> None:
        old = stage.subscribe(payments, "basic")
        stage.choose("free", now=stage.now(payments))
        row = stage.row()
        assert (row.plan.key, row.next_plan and row.next_plan.key) == ("basic", "free")
        renew(payments, stage)
        subscriptions.settle(str(old.stripe_id), now=stage.now(payments))
        row = stage.row()
        assert (row.plan.key, row.state, row.stripe_id) == ("free", SubscriptionState.ACTIVE, None)
        assert stage.amounts() == [1_000, 100]
        subscriptions.settle(str(old.stripe_id), now=stage.now(payments))
        assert stage.amounts() == [1_000, 100]

    def test_what_was_done_in_the_portal_counts(self, stage: PlanStage, payments: Payments) -> None:
        row = stage.subscribe(payments, "basic")
        payments.stripe().v1.subscriptions.update(str(row.stripe_id), {"cancel_at_period_end": True})
        changes.refresh(stage.organization)
        assert stage.row().ends_at_period_end

    def test_an_invoiced_customer_is_not_put_beside_a_paid_plan(self, stage: PlanStage, payments: Payments) -> None:
        stage.subscribe(payments, "basic")
        with pytest.raises(changes.PlanRefused, match="through Stripe"):
            stage.put_on("pro", at=stage.now(payments))

    def test_a_second_one_at_stripe_is_reported_to_staff_once(self, stage: PlanStage, payments: Payments) -> None:
        row = stage.subscribe(payments, "basic")
        client = payments.stripe()
        customer = stage.organization.stripe_customer.stripe_id
        method = stripe_gateway.list_payment_methods(customer)[0].id
        price = checkouts.price_at_stripe(stage.plan("pro"), "USD")
        second = client.v1.subscriptions.create(
            {"customer": customer, "items": [{"price": price}], "default_payment_method": method}
        )
        for _twice in range(2):
            subscriptions.settle(second.id, now=stage.now(payments))
        assert stage.row().stripe_id == row.stripe_id
        assert AuditEvent.objects.filter(action="subscription.second_at_stripe").count() == 1


class TestWhoMayBuy:
    def test_free_must_upgrade_before_it_buys(self, at_stripe: Payments) -> None:
        stage = set_up(buyers=Buyers.ON_PAID_PLAN)

        def may_buy() -> bool:
            stage.organization.refresh_from_db()
            try:
                orders.refuse_unless_buyer(stage.organization, Method.CARD)
            except orders.MayNotBuy:
                return False
            return True

        assert not may_buy()
        stage.choose("free")
        assert not may_buy()
        stage.subscribe(at_stripe, "basic")
        assert may_buy()
        changes.cancel(organization=stage.organization, actor=stage.owner, form_token=token())
        assert may_buy()
        renew(at_stripe, stage)
        stage.settle(at_stripe)
        assert not may_buy()


class TestAnyOrderOfNews:
    def test_a_renewal_whose_events_come_in_any_order_and_twice_ends_the_same(
        self, stage: PlanStage, payments: Payments
    ) -> None:
        stage.subscribe(payments, "basic")
        begun = len(payments.events())
        renew(payments, stage)
        payments.advance(days=10)
        stripe_gateway.change_plan(
            str(stage.row().stripe_id), checkouts.price_at_stripe(stage.plan("pro"), "USD"), token()
        )
        events = payments.events()[begun:]
        assert len(events) > 8
        chance = Random(7)
        for _order in islice(iter(int, 1), 6):
            shuffled = [*events, *chance.choices(events, k=4)]
            chance.shuffle(shuffled)
            for event in shuffled:
                row = inbox.receive(stripe_gateway.construct_event(*payments.signed(event)), now=datetime.now(UTC))
                inbox.process(row.pk, is_asked_for=True)
            assert (stage.row().plan.key, len(stage.amounts())) == ("pro", 3)
        assert stage.amounts()[:2] == [1_000, 1_000]
        check_wallet(stage.wallet.pk)
