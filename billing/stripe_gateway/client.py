"""The connection to Stripe: one client per key and address, its time limits, and how its errors are read.

Every call goes through `write`, `read` or `read_all`. A write that fails without a clear refusal is OutcomeUnknown,
never Refused.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import stripe
from django.conf import settings
from django.db import transaction
from stripe import RequestOptions, StripeClient

from billing.stripe_gateway.errors import (
    AuthenticationRequired,
    Declined,
    GatewayError,
    NotSetUp,
    OutcomeUnknown,
    Refused,
    Unavailable,
)

API_VERSION = "2026-10-28.endive"
# Both attempts with their pause end before a background job's soft time limit of 30 seconds.
CONNECT_SECONDS = 3
READ_SECONDS = 10
RETRIES = 1
LONGEST_KEY = 255

# It would write a file into the home directory, and send Stripe data about this installation.
stripe.enable_telemetry = False

T = TypeVar("T")


def is_set_up() -> bool:
    """Whether a Stripe key is configured."""
    return bool(settings.STRIPE_SECRET_KEY)


def is_live() -> bool:
    """Whether the key moves real money."""
    return "_live_" in settings.STRIPE_SECRET_KEY


def write(call: Callable[[StripeClient, RequestOptions], T], *, key: str) -> T:
    """Make a call that changes something at Stripe, under an idempotency key of 1 to 255 characters.

    Raises Refused (Declined, AuthenticationRequired, NotSetUp) and OutcomeUnknown.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise ValueError("An idempotency key has 1 to 255 characters")
    _refuse_inside_transaction()
    client = _client()
    try:
        return call(client, {"idempotency_key": key})
    except stripe.StripeError as error:
        raise _failure_of_write(error) from error


def read(call: Callable[[StripeClient], T]) -> T:
    """Make a call that changes nothing. Raises Refused (code `resource_missing`: there is none) and Unavailable."""
    _refuse_inside_transaction()
    client = _client()
    with _reading():
        return call(client)


def read_all(call: Callable[[StripeClient], Any]) -> Iterator[Any]:
    """Go through a list of Stripe's, page by page. Raises as `read` does, at any page."""
    _refuse_inside_transaction()
    client = _client()
    with _reading():
        for item in call(client).auto_paging_iter():
            yield item
            _refuse_inside_transaction()


def _client() -> StripeClient:
    if not is_set_up():
        raise NotSetUp("Payments are not set up: STRIPE_SECRET_KEY is empty.", code="not_set_up")
    return _client_for(settings.STRIPE_SECRET_KEY, settings.PAYMENTS_SANDBOX_URL)


@lru_cache(maxsize=4)
def _client_for(secret_key: str, sandbox: str) -> StripeClient:
    return StripeClient(
        secret_key,
        stripe_version=API_VERSION,
        base_addresses=(
            {"api": sandbox, "connect": sandbox, "files": sandbox, "meter_events": sandbox} if sandbox else None
        ),
        max_network_retries=RETRIES,
        # It keeps a session for each thread.
        http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
    )


def _refuse_inside_transaction() -> None:
    """A lock must not wait for Stripe, and what Stripe did can't be rolled back. A test's transaction is allowed."""
    blocks = transaction.get_connection().atomic_blocks
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        raise RuntimeError("Stripe is never called inside a database transaction")


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        raise (_refusal(error) if _is_refusal(error) else Unavailable(_described(error))) from error


def _failure_of_write(error: stripe.StripeError) -> GatewayError:
    # "Same key, other parameters" means that there was an earlier call, whose fate is not known here.
    if isinstance(error, stripe.IdempotencyError) or not _is_refusal(error):
        return OutcomeUnknown(_described(error))
    return _refusal(error)


def _is_refusal(error: stripe.StripeError) -> bool:
    """Whether Stripe clearly refused. Rate limits, conflicts and 5xx say nothing about what was done."""
    return isinstance(
        error,
        stripe.CardError | stripe.InvalidRequestError | stripe.AuthenticationError | stripe.PermissionError,
    )


def _refusal(error: stripe.StripeError) -> Refused:
    code, decline_code = error.code or "", getattr(error.error, "decline_code", None) or ""
    message = error.user_message or _described(error)
    payment_id = payment_named_by(error)
    if "authentication_required" in {code, decline_code} or code == "payment_intent_authentication_failure":
        return AuthenticationRequired(message, code=code, decline_code=decline_code, payment_id=payment_id)
    if isinstance(error, stripe.CardError):
        return Declined(message, code=code, decline_code=decline_code, payment_id=payment_id)
    return Refused(message, code=code)


def payment_named_by(error: stripe.StripeError) -> str | None:
    """The payment that an error is about: it exists although the call failed."""
    payment = getattr(error.error, "payment_intent", None)
    identifier = payment["id"] if payment is not None and "id" in payment else None
    return None if identifier is None else str(identifier)


def _described(error: stripe.StripeError) -> str:
    """The error in one line: its type, and the request's id for Stripe's support."""
    kind = type(error).__name__
    request = f", request {error.request_id}" if error.request_id else ""
    return f"{error.user_message or kind} ({kind}{request})"
