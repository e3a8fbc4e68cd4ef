"""Plans: through Checkout and the API, renewed, failed, changed, canceled."""

from typing import Any

import pytest
import stripe

from tests.support.billing.payments import Payments
from tests.support.billing.sandbox_calls import customer, monthly_price, saved_card, since


def subscribe(sandbox: Payments, owner: str, price: str, **more: Any) -> stripe.Subscription:
    params: Any = {"customer": owner, "items": [{"price": price}], **more}
    return sandbox.stripe().v1.subscriptions.create(params)


def item(subscription: stripe.Subscription) -> Any:
    return subscription["items"].data[0]


def test_subscribing_through_checkout_makes_the_subscription_after_the_payment(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    session = sandbox.stripe().v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": owner,
            "line_items": [{"price": monthly_price(sandbox), "quantity": 1}],
            "subscription_data": {"metadata": {"organization": "7"}},
            "success_url": "https://shop.test/done",
        }
    )
    sandbox.pay(session.url or "")

    done = sandbox.stripe().v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice.payments"]})
    assert (done.status, done.payment_status, done.payment_intent) == ("complete", "paid", None)
    assert isinstance(done.subscription, stripe.Subscription)
    assert (done.subscription.status, done.subscription.metadata.to_dict()) == ("active", {"organization": "7"})
    assert isinstance(done.invoice, stripe.Invoice)
    assert (done.invoice.status, done.invoice.billing_reason) == ("paid", "subscription_create")
    assert done.invoice.parent is not None
    assert done.invoice.parent.subscription_details is not None
    assert done.invoice.parent.subscription_details.subscription == done.subscription.id
    types = [each for each in since(sandbox, "payment_intent.created") if each != "payment_method.attached"]
    assert types == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "checkout.session.completed",
        "charge.updated",
    ]


def test_subscribing_through_the_api_charges_the_default_card(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)

    subscription = subscribe(sandbox, owner, monthly_price(sandbox), expand=["latest_invoice"])

    assert subscription.status == "active"
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert subscription.latest_invoice.amount_paid == 1500
    created = sandbox.events("customer.subscription.created")[0]["data"]["object"]
    assert created["status"] == "incomplete"
    assert sandbox.events("customer.subscription.updated")[0]["data"]["object"]["status"] == "active"


def test_a_declined_first_payment_leaves_it_incomplete(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner, "pm_card_chargeCustomerFail")

    assert subscribe(sandbox, owner, monthly_price(sandbox)).status == "incomplete"
    assert "invoice.payment_failed" in sandbox.event_types()


def test_a_renewal_moves_the_period_and_is_paid_an_hour_later(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))
    end = item(subscription).current_period_end

    sandbox.control("renew", subscription=subscription.id)

    renewed = sandbox.stripe().v1.subscriptions.retrieve(subscription.id)
    assert item(renewed).current_period_start == end
    assert item(renewed).current_period_end > end
    invoice = sandbox.stripe().v1.invoices.retrieve(str(renewed.latest_invoice))
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_cycle")
    types = since(sandbox, "invoice.created")
    assert types[:3] == ["invoice.created", "invoice.finalized", "payment_intent.created"]
    assert types[3:5] == ["charge.succeeded", "payment_intent.succeeded"]
    assert types[5:8] == ["invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid"]


def test_a_year_of_renewals_happens_in_order(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscribe(sandbox, owner, monthly_price(sandbox))

    sandbox.advance(days=366)

    paid = sandbox.events("invoice.paid")
    assert len(paid) == 13
    assert [each["created"] for each in paid] == sorted(each["created"] for each in paid)


def test_a_failing_renewal_is_past_due_then_ends(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))
    saved_card(sandbox, owner, "pm_card_chargeCustomerFail")

    sandbox.control("renew", subscription=subscription.id)
    late = sandbox.stripe().v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert late.status == "past_due"
    assert isinstance(late.latest_invoice, stripe.Invoice)
    assert (late.latest_invoice.status, late.latest_invoice.attempt_count) == ("open", 1)
    assert late.latest_invoice.next_payment_attempt is not None
    sandbox.advance(days=16)

    assert sandbox.stripe().v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert len(sandbox.events("invoice.payment_failed")) == 4
    assert sandbox.events("customer.subscription.deleted")


def test_another_card_brings_a_past_due_plan_back(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))
    saved_card(sandbox, owner, "pm_card_chargeCustomerFail")
    sandbox.control("renew", subscription=subscription.id)

    saved_card(sandbox, owner)
    sandbox.advance(days=4)

    assert sandbox.stripe().v1.subscriptions.retrieve(subscription.id).status == "active"


def test_canceling_at_the_periods_end_ends_it_then(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))

    planned = sandbox.stripe().v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (planned.status, planned.cancel_at) == ("active", item(planned).current_period_end)
    sandbox.advance(days=32)

    assert sandbox.event_types()[-1] == "customer.subscription.deleted"
    assert len(sandbox.events("invoice.paid")) == 1


def test_canceling_now_ends_it_now(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))

    assert sandbox.stripe().v1.subscriptions.cancel(subscription.id).status == "canceled"


def test_an_upgrade_is_invoiced_for_the_rest_of_the_period(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))

    changed = sandbox.stripe().v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item(subscription).id, "price": monthly_price(sandbox, 4500, "Company plan")}],
            "proration_behavior": "always_invoice",
        },
    )

    assert item(changed).price.unit_amount == 4500
    invoice = sandbox.stripe().v1.invoices.retrieve(str(changed.latest_invoice))
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_update")
    assert 2990 <= invoice.amount_paid <= 3000


def test_an_upgrade_may_begin_a_new_period(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))
    sandbox.advance(days=10)

    changed = sandbox.stripe().v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item(subscription).id, "price": monthly_price(sandbox, 4500)}],
            "billing_cycle_anchor": {"type": "now"},
            "proration_behavior": "none",
        },
    )

    assert item(changed).current_period_start > item(subscription).current_period_start
    assert sandbox.stripe().v1.invoices.retrieve(str(changed.latest_invoice)).amount_paid == 4500


def test_a_one_time_price_is_no_subscription(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    price = sandbox.stripe().v1.prices.create(
        {"currency": "usd", "unit_amount": 100, "product_data": {"name": "Credits"}}
    )

    with pytest.raises(stripe.InvalidRequestError, match="one_time"):
        subscribe(sandbox, owner, price.id)


def test_an_invoiced_customer_pays_by_the_invoices_page(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    subscription = subscribe(
        sandbox, owner, monthly_price(sandbox), collection_method="send_invoice", days_until_due=30
    )
    assert subscription.status == "active"
    sandbox.advance(hours=2)

    invoice = sandbox.stripe().v1.invoices.retrieve(str(subscription.latest_invoice))
    assert invoice.status == "open"
    sandbox.stripe().v1.invoices.pay(invoice.id, {"paid_out_of_band": True})

    assert sandbox.stripe().v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_declined_upgrade_changes_nothing_where_that_is_asked_for(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))
    saved_card(sandbox, owner, "pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError):
        sandbox.stripe().v1.subscriptions.update(
            subscription.id,
            {
                "items": [{"id": item(subscription).id, "price": monthly_price(sandbox, 4500)}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
            },
        )

    same = sandbox.stripe().v1.subscriptions.retrieve(subscription.id)
    assert (same.status, item(same).price.unit_amount) == ("active", 1500)
    assert same.latest_invoice == subscription.latest_invoice


def test_a_renewal_may_want_the_customer(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    saved_card(sandbox, owner)
    subscription = subscribe(sandbox, owner, monthly_price(sandbox))
    saved_card(sandbox, owner, "pm_card_authenticationRequired")

    sandbox.control("renew", subscription=subscription.id)

    assert since(sandbox, "payment_intent.requires_action") == [
        "payment_intent.requires_action",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    intent = sandbox.events("payment_intent.requires_action")[-1]["data"]["object"]
    sandbox.answer_bank(intent["next_action"]["redirect_to_url"]["url"])
    assert sandbox.stripe().v1.subscriptions.retrieve(subscription.id).status == "active"
