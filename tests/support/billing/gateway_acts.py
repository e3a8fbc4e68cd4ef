"""What tests of the gateway do over and over: a customer, an order, a saved card, a plan."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from billing import stripe_gateway as gateway
from tests.support.billing.payments import Payments

DONE = "http://localhost:8000/done/"
BACK = "http://localhost:8000/back/"
SOON = timedelta(hours=1)
_numbers = count(1)


def key() -> str:
    """A key that was never used."""
    return f"key-{next(_numbers)}"


def customer(**fields: Any) -> str:
    """A new customer's id."""
    named = {"organization_id": 7, "name": "Growi", "email": "aiko@example.com", "language": "ja", "key": key()}
    return gateway.ensure_customer(**{**named, **fields})


def order(of: str, **fields: Any) -> gateway.CheckoutOrder:
    """An order of ¥10,000 by a customer."""
    terms: dict[str, Any] = {
        "purchase_id": uuid4(),
        "reference": "GRW-7K2M-9Q4T",
        "customer": of,
        "description": "5,000 credits",
        "amount_minor": 10_000,
        "currency": "JPY",
        "locale": "ja",
        "success_url": DONE,
        "cancel_url": BACK,
        "expires_at": datetime.now(UTC) + SOON,
        "offers_link": True,
        "saves_method": True,
        "invoice": True,
    }
    return gateway.CheckoutOrder(**{**terms, **fields})


def save_card(payments: Payments, of: str, card: str = "4242424242424242") -> str:
    """Put a card on file through the setup page; its id. 3-D Secure is confirmed where the card asks for it."""
    checkout = gateway.create_setup_checkout(
        customer=of, currency="JPY", locale="ja", success_url=DONE, cancel_url=BACK, key=key()
    )
    page = payments.pay(checkout.url, card)
    if "/3ds/" in page.headers.get("location", ""):
        payments.answer_bank(page)
    return gateway.list_payment_methods(of)[0].id


def charge(of: str, method: str, **fields: Any) -> gateway.PaymentState:
    """Charge a saved card ¥2,000 off-session."""
    asked: dict[str, Any] = {
        "customer": of,
        "payment_method": method,
        "amount_minor": 2_000,
        "currency": "JPY",
        "purchase_id": uuid4(),
        "description": "Auto-recharge",
        "key": key(),
    }
    return gateway.charge_off_session(**{**asked, **fields})


def subscribe(payments: Payments, of: str, *, amount_minor: int = 3_000) -> gateway.SubscriptionState:
    """Subscribe to a monthly plan through the checkout page."""
    price = gateway.ensure_price(
        plan_key=f"basic-{amount_minor}", name="Basic", amount_minor=amount_minor, currency="JPY", key=key()
    )
    checkout = gateway.create_subscription_checkout(
        customer=of, price_id=price, organization_id=7, locale="ja", success_url=DONE, cancel_url=BACK, key=key()
    )
    payments.pay(checkout.url)
    subscription_id = gateway.read_checkout(checkout.session_id).subscription_id
    assert subscription_id is not None
    return gateway.read_subscription(subscription_id)
