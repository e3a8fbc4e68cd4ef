"""Setup intents: a payment method made ready for charges without the customer."""

from typing import Any

from stripe_sandbox.front.errors import ApiError, unexpected_state
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import methods
from stripe_sandbox.payments.payment_intents import HOOKS
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.events import emit

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def make(account: Account, *, customer: str | None, **fields: Any) -> Thing:
    """A new intent, with its event; `made_for` names the session that it belongs to."""
    made_for = fields.pop("made_for", None)
    intent = skeleton(
        "setup_intent",
        automatic_payment_methods={"allow_redirects": "always", "enabled": True},
        created=account.now(),
        customer=customer,
        payment_method_types=["card", "link"],
        status="requires_payment_method",
        usage=fields.pop("usage", None) or "off_session",
        **fields,
    )
    intent.pop("attach_to_self", None)
    intent["id"] = account.new_id("setup_intent")
    intent["client_secret"] = f"{intent['id']}_secret_{account.new_id('coupon', 25)}"
    account.add(intent, made_for=made_for)
    emit(account, "setup_intent.created", intent)
    return intent


def confirm(account: Account, intent: Thing, method: Thing, *, authenticated: bool = False) -> Thing:
    """Make the method ready. Raises ApiError (402) where the bank declines, with the intent inside."""
    intent["payment_method"] = method["id"]
    card = methods.card_of(account, method)
    if card and card.asks in {"unless_set_up", "always"} and not authenticated:
        url = f"{account.base_url}/3ds/{intent['id']}"
        return_url = account.hidden(intent).get("return_url")
        intent |= {
            "status": "requires_action",
            "next_action": {
                "type": "redirect_to_url",
                "redirect_to_url": {"return_url": return_url, "url": url},
            },
        }
        emit(account, "setup_intent.requires_action", intent)
        return intent
    if card and card.code and not card.saves:
        raise _failed(account, intent, method, methods.card_error(card.code, decline_code=card.decline_code))
    if intent["customer"]:
        methods.attach(account, method, intent["customer"], allow_redisplay=account.hidden(intent).get("redisplay"))
    account.hidden(method)["set_up"] = True
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    emit(account, "setup_intent.succeeded", intent)
    _notify(account, intent, "succeeded")
    return intent


def authenticate(account: Account, intent: Thing, *, passed: bool) -> Thing:
    """The customer answered the bank."""
    if intent["status"] != "requires_action":
        raise unexpected_state(f"SetupIntent {intent['id']} does not wait for the customer.")
    method = account.get("payment_method", intent["payment_method"])
    if passed:
        return confirm(account, intent, method, authenticated=True)
    error = ApiError(
        "The provided PaymentMethod has failed authentication. You can provide another PaymentMethod to attempt to "
        "fulfill this SetupIntent again.",
        code="setup_intent_authentication_failure",
    )
    _failed(account, intent, method, error)
    _notify(account, intent, "failed")
    return intent


def _failed(account: Account, intent: Thing, method: Thing, error: ApiError) -> ApiError:
    last_error = {"type": error.kind, "message": str(error), **error.fields, "payment_method": dict(method)}
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_setup_error"] = last_error
    emit(account, "setup_intent.setup_failed", intent)
    error.fields |= {"setup_intent": dict(intent), "payment_method": dict(method)}
    return error


def _notify(account: Account, intent: Thing, outcome: str) -> None:
    made_for = account.hidden(intent)["made_for"]
    thing = account.find(made_for) if made_for else None
    if thing is not None:
        HOOKS[thing["object"]](account, thing, intent, outcome)


@route("post", "/v1/setup_intents")
def create(call: Call) -> Answer:
    params, account = call.params, call.account
    if params.get("customer"):
        account.get("customer", params["customer"], param="customer")
    intent = make(
        account,
        customer=params.get("customer"),
        description=params.get("description"),
        metadata=merged({}, params.get("metadata")),
        usage=params.get("usage"),
    )
    sent_types = params.get("payment_method_types") or params.get("allowed_payment_method_types")
    if isinstance(sent_types, list):
        intent["payment_method_types"] = [str(each) for each in sent_types]
    if params.get("payment_method"):
        method = methods.from_name(account, params["payment_method"])
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return _confirm(call, intent) if params.get("confirm") else intent


def _confirm(call: Call, intent: Thing) -> Thing:
    if intent["status"] not in OPEN:
        raise unexpected_state(
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
            setup_intent=dict(intent),
        )
    named = call.params.get("payment_method") or intent["payment_method"]
    if not named:
        raise unexpected_state(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            code="setup_intent_unexpected_state",
            setup_intent=dict(intent),
        )
    if call.params.get("return_url"):
        call.account.hidden(intent)["return_url"] = call.params["return_url"]
    return confirm(call.account, intent, methods.from_name(call.account, named))


@route("post", "/v1/setup_intents/{id}/confirm")
def confirm_intent(call: Call) -> Answer:
    return _confirm(call, call.account.get("setup_intent", call.place))


@route("get", "/v1/setup_intents/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("setup_intent", call.place)


@route("post", "/v1/setup_intents/{id}")
def update(call: Call) -> Answer:
    intent = call.account.get("setup_intent", call.place)
    take(intent, call.params, "description", "customer", "payment_method")
    return intent


@route("post", "/v1/setup_intents/{id}/cancel")
def cancel(call: Call) -> Answer:
    intent = call.account.get("setup_intent", call.place)
    if intent["status"] not in OPEN:
        raise unexpected_state(
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
            setup_intent=dict(intent),
        )
    intent |= {"status": "canceled", "cancellation_reason": call.params.get("cancellation_reason")}
    emit(call.account, "setup_intent.canceled", intent)
    return intent


@route("get", "/v1/setup_intents")
def list_intents(call: Call) -> Answer:
    wanted = {name: call.params[name] for name in ("customer", "payment_method") if name in call.params}
    return page(call, call.account.newest_first("setup_intent", **wanted), "/v1/setup_intents")
