"""What the sandbox's tests do again and again."""

from typing import Any

import stripe

from tests.support.billing.payments import Payments


def customer(sandbox: Payments, **more: Any) -> stripe.Customer:
    """A new customer."""
    params: Any = {"email": "owner@example.com", "name": "Owner", **more}
    return sandbox.stripe().v1.customers.create(params)


def saved_card(sandbox: Payments, owner: str, name: str = "pm_card_visa") -> str:
    """A test card, saved and made the default."""
    client = sandbox.stripe()
    method = client.v1.payment_methods.attach(name, {"customer": owner}).id
    client.v1.customers.update(owner, {"invoice_settings": {"default_payment_method": method}})
    return method


def set_up_card(sandbox: Payments, owner: str, name: str) -> str:
    """A test card, set up for later with the customer's confirmation where the bank asks."""
    client = sandbox.stripe()
    intent = client.v1.setup_intents.create(
        {"customer": owner, "payment_method": name, "confirm": True, "return_url": "https://shop.test/"}
    )
    if intent.next_action:
        redirect = intent.next_action.redirect_to_url
        assert redirect is not None
        assert redirect.url
        sandbox.answer_bank(redirect.url)
    method = client.v1.setup_intents.retrieve(intent.id).payment_method
    assert isinstance(method, str)
    return method


def charge_off_session(sandbox: Payments, owner: str, method: str, amount: int = 2000, **more: Any) -> Any:
    """Charge a saved method without the customer."""
    params: Any = {
        "amount": amount,
        "currency": "usd",
        "customer": owner,
        "payment_method": method,
        "off_session": True,
        "confirm": True,
        **more,
    }
    return sandbox.stripe().v1.payment_intents.create(params)


def paid(sandbox: Payments, card: str = "pm_card_visa", amount: int = 2000) -> stripe.PaymentIntent:
    """A payment by this test card, with the customer present."""
    return sandbox.stripe().v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "payment_method": card,
            "confirm": True,
            "return_url": "https://shop.test/",
        }
    )


def monthly_price(sandbox: Payments, amount: int = 1500, name: str = "Team plan") -> str:
    """A price per month."""
    return (
        sandbox.stripe()
        .v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": "month"},
                "product_data": {"name": name},
            }
        )
        .id
    )


def since(sandbox: Payments, kind: str) -> list[str]:
    """The types of events from the last one of this type on."""
    types = sandbox.event_types()
    last = len(types) - 1 - types[::-1].index(kind)
    return types[last:]
