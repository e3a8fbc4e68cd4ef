"""The API: finds the route, converts parameters to their types, handles idempotency, and answers as Stripe does."""

import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.lists import expanded
from stripe_sandbox.front.routes import ROUTES, Call, find
from stripe_sandbox.front.shapes import API_VERSION, Thing, decode, typed
from stripe_sandbox.payments import (  # noqa: F401 - each brings its routes
    charges,
    checkout,
    checkout_pay,
    customers,
    disputes,
    method_calls,
    payment_intent_calls,
    refunds,
    setup_intents,
)
from stripe_sandbox.recurring import (  # noqa: F401 - likewise
    invoice_calls,
    portal,
    products,
    subscription_calls,
)
from stripe_sandbox.state import clocks, events, webhook_endpoints  # noqa: F401 - likewise
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import run_due

LONGEST_KEY = 255
__all__ = ["ROUTES", "Request", "Response", "answer"]


@dataclass(frozen=True)
class Request:
    """One HTTP request of the API. Header names are in lower case."""

    verb: str
    path: str
    query: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Response:
    """Status, JSON body and headers of the answer."""

    status: int
    body: Thing
    headers: dict[str, str] = field(default_factory=dict)


def answer(account: Account, request: Request) -> Response:
    """Answer a call; never raises. The account's lock must not be held: it is taken here, while working."""
    request_id = account.new_id("coupon", 14)
    headers = {"Request-Id": f"req_{request_id}", "Stripe-Version": request.headers.get("stripe-version", API_VERSION)}
    key = request.headers.get("idempotency-key") if request.verb == "POST" else None
    if key:
        headers["Idempotency-Key"] = key
    try:
        _authenticate(request)
        with account.lock:
            if key and (kept := _kept(account, request, key)):
                return Response(kept.status, kept.body, headers | kept.headers)
            run_due(account)
            status, body = _work(account, request, key, headers["Request-Id"])
    except ApiError as refused:
        status, body = refused.status, refused.body()
    if status >= 400:
        body["error"]["request_log_url"] = f"{account.base_url}/requests/{headers['Request-Id']}"
    return Response(status, body, headers)


def _authenticate(request: Request) -> None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not value:
        raise ApiError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not value.startswith(("sk_test_", "rk_test_")):
        raise ApiError("This is the payments sandbox: it takes test keys only (sk_test_…).", status=401)


def _kept(account: Account, request: Request, key: str) -> Response | None:
    if len(key) > LONGEST_KEY:
        raise ApiError(f"Idempotency-Key may be at most {LONGEST_KEY} characters long.", kind="idempotency_error")
    found = account.answer_of(key)
    if found is None:
        return None
    asked, status, body = found
    if asked != _digest(request):
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    return Response(status, body, {"Idempotent-Replayed": "true"})


def _digest(request: Request) -> str:
    sent = json.dumps([request.path, sorted(parse_qsl(request.body, keep_blank_values=True))])
    return hashlib.sha256(sent.encode()).hexdigest()


def _work(account: Account, request: Request, key: str | None, request_id: str) -> tuple[int, Thing]:
    found = find(request.verb, request.path)
    if found is None:
        raise ApiError(
            f"Unrecognized request URL ({request.verb}: {request.path}). The payments sandbox does not know it.",
            status=404,
        )
    route, places = found
    pairs = parse_qsl(request.body if request.verb == "POST" else request.query, keep_blank_values=True)
    # Strict for the version that we send; Stripe's own command line names none and speaks an older dialect.
    strict = request.headers.get("stripe-version") == API_VERSION
    params = typed(route.name, decode(pairs), strict=strict)
    expand = params.pop("expand", [])
    place, second = [*places, "", ""][:2]
    call = Call(account, params, place, second, request_id, key, strict)
    account.notes["request"] = {"id": request_id, "idempotency_key": key} if request.verb != "GET" else None
    try:
        body = expanded(account, route.handler(call), expand)
        status = 200
    except ApiError as refused:
        if refused.status != 402:  # an error before anything was done is not kept under the key
            raise
        status, body = refused.status, json.loads(json.dumps(refused.body()))
    finally:
        account.notes["request"] = None
    if key:
        account.keep_answer(key, _digest(request), status, body)
    account.commit()
    return status, body
