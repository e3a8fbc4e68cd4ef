"""Events: verifying Stripe's webhooks by their signature, and listing events that never came.

What an event means belongs in `billing.stripe_events`.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import stripe
from django.conf import settings

from billing.stripe_gateway.client import read_all
from billing.stripe_gateway.errors import BadEvent, OversizedEvent
from billing.stripe_gateway.fields import instant

# How old a signature may be, and how far ahead of our clock: the library checks only the first.
TOLERANCE_SECONDS = 300
LARGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class VerifiedEvent:
    """An event of Stripe's. `account` names another account than our own, or is empty.

    `payload` is the event as it was sent. It may be out of date, so only ids are read from it.
    """

    id: str
    type: str
    account: str
    is_live: bool
    api_version: str
    object_id: str
    created_at: datetime
    payload: dict[str, Any]


def construct_event(body: bytes, signature: str) -> VerifiedEvent:
    """Verify a webhook's raw body against its `Stripe-Signature` header and read it. Calls nobody.

    Raises OversizedEvent for more than 1 MB, and BadEvent for no or a wrong signature, one made more than five minutes
    ago or ahead, and a body that is not UTF-8, not JSON, nested too deeply, or without the fields that every event has.
    """
    if len(body) > LARGEST_BODY:
        raise OversizedEvent("The body is larger than any event.")
    _verify(body, signature)
    try:
        payload = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadEvent("The body is not JSON.") from error
    return _event(payload)


def find_events(since: datetime) -> Iterator[VerifiedEvent]:
    """Go through every event of the account since then (Stripe keeps them for 30 days), newest first.

    Raises Refused, Unavailable.
    """
    created: Any = {"gte": int(since.timestamp())}
    found = read_all(lambda client: client.v1.events.list({"created": created, "limit": 100}))
    return (_event(json.loads(str(event))) for event in found)


def _verify(body: bytes, signature: str) -> None:
    if not signature.isascii():
        # The library compares it as text and raises TypeError.
        raise BadEvent("The signature is not ASCII.")
    try:
        stripe.WebhookSignature.verify_header(body, signature, settings.STRIPE_WEBHOOK_SECRET, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise BadEvent("The signature is missing, wrong or too old.") from error
    times = [part.partition("=")[2] for part in signature.split(",") if part.startswith("t=")]
    if int(times[0]) > time.time() + TOLERANCE_SECONDS:
        raise BadEvent("The signature is from the future.")


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


def _event(payload: Any) -> VerifiedEvent:
    match payload:
        case {
            "id": str(event_id),
            "object": "event",
            "type": str(kind),
            "created": int(created),
            "livemode": bool(is_live),
            "data": {"object": dict(thing)},
        }:
            return VerifiedEvent(
                id=event_id,
                type=kind,
                account=str(payload.get("account") or ""),
                is_live=is_live,
                api_version=str(payload.get("api_version") or ""),
                object_id=str(thing.get("id") or ""),
                created_at=_created(created),
                payload=payload,
            )
    raise BadEvent("The body is not an event.")


def _created(seconds: int) -> datetime:
    try:
        return instant(seconds)
    except (ValueError, OverflowError, OSError) as error:
        raise BadEvent("The event was made at no known time.") from error
