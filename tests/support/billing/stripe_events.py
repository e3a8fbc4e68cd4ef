"""Makers of Stripe's events as bodies, and their signatures."""

import json
import time
from itertools import count
from typing import Any

import stripe
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

URL = "/billing/webhooks/stripe/"
_numbers = count(1)


def event(kind: str = "payment_intent.succeeded", thing: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """An event of a type about a thing, of our own account, in test mode, with an id of its own."""
    return {
        "id": f"evt_{next(_numbers)}",
        "object": "event",
        "api_version": stripe.api_version,
        "created": int(time.time()),
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}, **(thing or {})}},
        **fields,
    }


def sign(body: str, *, secret: str | None = None, at: float | None = None) -> str:
    """The Stripe-Signature header of a body, now and with our secret unless said otherwise."""
    secret = settings.STRIPE_WEBHOOK_SECRET if secret is None else secret
    header: str = stripe.WebhookSignature.generate_signature_header(
        body, secret, int(time.time() if at is None else at)
    )
    return header


def deliver(body: bytes | str | dict[str, Any], signature: str | None = None) -> HttpResponse:
    """Post a webhook, signed as it should be unless another signature is given."""
    text = json.dumps(body) if isinstance(body, dict) else body
    if signature is None:
        signature = sign(text if isinstance(text, str) else text.decode(errors="replace"))
    return Client().post(  # type: ignore[return-value]
        URL, data=text, content_type="application/json", headers={"Stripe-Signature": signature}
    )
