"""Saving methods without paying, the portal's page, invoices of single purchases and their files."""

from typing import Any

import httpx
import pytest
import stripe

from tests.support.billing.payments import Payments
from tests.support.billing.sandbox_calls import customer, monthly_price, saved_card, since


def setup_session(sandbox: Payments, owner: str) -> stripe.checkout.Session:
    return sandbox.stripe().v1.checkout.sessions.create(
        {"mode": "setup", "customer": owner, "currency": "usd", "success_url": "https://shop.test/saved"}
    )


def test_a_setup_session_saves_a_card_without_money(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    session = setup_session(sandbox, owner)

    sandbox.pay(session.url or "")

    done = sandbox.stripe().v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    assert isinstance(done.setup_intent, stripe.SetupIntent)
    assert done.setup_intent.status == "succeeded"
    assert since(sandbox, "setup_intent.created") == [
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "checkout.session.completed",
    ]
    assert [each.allow_redisplay for each in sandbox.stripe().v1.customers.payment_methods.list(owner).data] == [
        "always"
    ]


def test_a_setup_session_asks_the_bank_and_shows_declines(sandbox: Payments) -> None:
    session = setup_session(sandbox, customer(sandbox).id)

    assert "Your card was declined." in sandbox.pay(session.url or "", "4000000000000002").text
    answered = sandbox.answer_bank(sandbox.pay(session.url or "", "4000002500003155"))

    assert answered.headers["location"] == "https://shop.test/saved"
    assert "setup_intent.setup_failed" in sandbox.event_types()


@pytest.fixture
def owner(sandbox: Payments) -> str:
    return customer(sandbox).id


def portal(sandbox: Payments, owner: str, **more: Any) -> str:
    params: Any = {"customer": owner, "return_url": "https://shop.test/settings", **more}
    return sandbox.stripe().v1.billing_portal.sessions.create(params).url


def press(url: str, do: str, to: str = "", **fields: str) -> httpx.Response:
    return httpx.post(url, data={"do": do, "to": to, **fields}, trust_env=False)


def test_the_portal_adds_a_card_and_makes_it_the_default(sandbox: Payments, owner: str) -> None:
    url = portal(sandbox, owner)

    assert press(url, "add", number="5555555555554444", expiry="12/40", cvc="123").status_code == 303

    settings = (
        sandbox.stripe()
        .v1.customers.retrieve(owner, {"expand": ["invoice_settings.default_payment_method"]})
        .invoice_settings
    )
    assert settings is not None
    assert isinstance(settings.default_payment_method, stripe.PaymentMethod)
    assert settings.default_payment_method.card is not None
    assert settings.default_payment_method.card.brand == "mastercard"
    assert sandbox.event_types()[-1] == "customer.updated"
    assert "Mastercard ending in 4444" in httpx.get(url, trust_env=False).text


def test_the_portal_removes_a_card(sandbox: Payments, owner: str) -> None:
    method = saved_card(sandbox, owner)

    press(portal(sandbox, owner), "remove", method)

    assert sandbox.stripe().v1.customers.payment_methods.list(owner).data == []


def test_the_portal_shows_a_decline(sandbox: Payments, owner: str) -> None:
    page = press(portal(sandbox, owner), "add", number="4000000000000002", expiry="12/40", cvc="123")

    assert page.status_code == 402
    assert "Your card was declined." in page.text


def test_the_portal_cancels_and_resumes_a_plan(sandbox: Payments, owner: str) -> None:
    saved_card(sandbox, owner)
    client = sandbox.stripe()
    subscription = client.v1.subscriptions.create({"customer": owner, "items": [{"price": monthly_price(sandbox)}]})
    url = portal(sandbox, owner)

    press(url, "cancel", subscription.id)
    assert client.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    press(url, "resume", subscription.id)
    assert not client.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_the_portal_changes_the_plan_where_its_configuration_says_so(sandbox: Payments, owner: str) -> None:
    saved_card(sandbox, owner)
    client = sandbox.stripe()
    subscription = client.v1.subscriptions.create({"customer": owner, "items": [{"price": monthly_price(sandbox)}]})
    bigger = client.v1.prices.retrieve(monthly_price(sandbox, 4500, "Company plan"))
    configuration = client.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "proration_behavior": "always_invoice",
                    "products": [{"product": str(bigger.product), "prices": [bigger.id]}],
                }
            }
        }
    )
    url = portal(sandbox, owner, configuration=configuration.id)
    assert "Change to Company plan, 45.00 USD per month" in httpx.get(url, trust_env=False).text

    press(url, "change", subscription.id, price=bigger.id)

    changed = client.v1.subscriptions.retrieve(subscription.id)
    assert changed["items"].data[0].price.id == bigger.id


def test_the_portal_does_not_touch_somebody_elses_plan(sandbox: Payments, owner: str) -> None:
    other = customer(sandbox).id
    saved_card(sandbox, other)
    theirs = sandbox.stripe().v1.subscriptions.create({"customer": other, "items": [{"price": monthly_price(sandbox)}]})

    assert press(portal(sandbox, owner), "cancel", theirs.id).status_code == 402
    assert not sandbox.stripe().v1.subscriptions.retrieve(theirs.id).cancel_at_period_end


def test_a_flow_goes_back_by_itself_when_it_is_done(sandbox: Payments, owner: str) -> None:
    redirect = {"type": "redirect", "redirect": {"return_url": "https://shop.test/cards"}}
    url = portal(sandbox, owner, flow_data={"type": "payment_method_update", "after_completion": redirect})

    done = press(url, "add", number="4242424242424242", expiry="12/40", cvc="123")

    assert done.headers["location"] == "https://shop.test/cards"


def test_the_portals_link_lives_an_hour(sandbox: Payments, owner: str) -> None:
    url = portal(sandbox, owner)
    sandbox.advance(hours=2)

    assert httpx.get(url, trust_env=False).status_code == 410


def test_a_single_purchase_has_an_invoice_where_asked_for(sandbox: Payments, owner: str) -> None:
    session = sandbox.stripe().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": owner,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {"currency": "eur", "unit_amount": 500, "product_data": {"name": "Starter"}},
                }
            ],
            "invoice_creation": {"enabled": True, "invoice_data": {"metadata": {"purchase": "1"}}},
            "success_url": "https://shop.test/",
        }
    )
    sandbox.pay(session.url or "")

    done = sandbox.stripe().v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    invoice = done.invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.status, invoice.billing_reason, invoice.parent) == ("paid", "manual", None)
    assert invoice.metadata is not None
    assert invoice.metadata.to_dict() == {"purchase": "1"}
    payments = sandbox.stripe().v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": str(done.payment_intent)}}
    )
    assert [each.invoice for each in payments.data] == [invoice.id]
    page = httpx.get(invoice.hosted_invoice_url or "", trust_env=False)
    assert "5.00 EUR" in page.text
    file = httpx.get(invoice.invoice_pdf or "", trust_env=False)
    assert file.headers["content-type"] == "application/pdf"
    assert file.content.startswith(b"%PDF-")


def test_an_open_invoice_is_paid_on_its_page(sandbox: Payments, owner: str) -> None:
    client = sandbox.stripe()
    client.v1.invoice_items.create({"customer": owner, "amount": 2000, "currency": "usd", "description": "Setup"})
    draft = client.v1.invoices.create({"customer": owner, "pending_invoice_items_behavior": "include"})
    opened = client.v1.invoices.finalize_invoice(draft.id)
    page = opened.hosted_invoice_url or ""

    declined = httpx.post(page, data={"number": "4000000000000002", "expiry": "12/40", "cvc": "123"}, trust_env=False)
    assert declined.status_code == 402
    httpx.post(page, data={"number": "4242424242424242", "expiry": "12/40", "cvc": "123"}, trust_env=False)

    assert client.v1.invoices.retrieve(draft.id).status == "paid"
