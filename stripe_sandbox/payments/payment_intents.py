"""Payment intents: an amount to be paid, and every attempt to take it. Their calls are in `payment_intent_calls`.

Checkout sessions and invoices pay through an intent too and are notified of its outcome: see `HOOKS`.
"""

from collections.abc import Callable
from typing import Any

from stripe_sandbox.front.errors import ApiError, unexpected_state
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import cards, charges, methods
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import task
from stripe_sandbox.state.events import emit
from stripe_sandbox.state.money import check_amount

# By noun: what is called with the outcome (succeeded, failed, waiting) of an intent made for a session or invoice.
HOOKS: dict[str, Callable[[Account, Thing, Thing, str], None]] = {}
VOUCHER_SECONDS = 3 * 86_400
TYPES = ["card", "link", "konbini", "us_bank_account"]
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def make(account: Account, *, amount: int, currency: str, **fields: Any) -> Thing:
    """A new intent, with its event; `made_for` names the session or invoice that it pays. Raises ApiError."""
    check_amount(amount, currency)
    made_for = fields.pop("made_for", None)
    intent = skeleton(
        "payment_intent",
        amount=amount,
        amount_details={"tip": {}},
        automatic_payment_methods={"allow_redirects": "always", "enabled": True},
        capture_method=fields.pop("capture_method", "automatic_async"),
        created=account.now(),
        currency=currency,
        payment_method_types=list(TYPES),
        status="requires_payment_method",
        **fields,
    )
    for name in ("hooks", "payment_record", "payment_details"):
        intent.pop(name, None)
    intent["id"] = account.new_id("payment_intent")
    intent["client_secret"] = f"{intent['id']}_secret_{account.new_id('coupon', 25)}"
    account.add(intent, made_for=made_for)
    emit(account, "payment_intent.created", intent)
    return intent


def confirm(
    account: Account, intent: Thing, method: Thing, *, off_session: bool = False, authenticated: bool = False
) -> Thing:
    """Try to take the money. Raises ApiError (402) where the bank declines, with the intent inside."""
    intent["payment_method"] = method["id"]
    card = methods.card_of(account, method)
    if intent["customer"]:
        methods.must_belong(method, intent["customer"])
    if card is None:
        return _wait_for_money(account, intent, method)
    if methods.is_expired(account, method):
        raise declined(account, intent, method, "expired_card", None)
    set_up = account.hidden(method)["set_up"]
    asked = cards.wants_customer(card, present=not off_session, set_up=set_up) and not authenticated
    if asked and off_session:
        raise declined(account, intent, method, "authentication_required", "authentication_required")
    if asked:
        return ask_customer(account, intent)
    if card.code:
        raise declined(account, intent, method, card.code, card.decline_code)
    return _take_money(account, intent, method)


def _take_money(account: Account, intent: Thing, method: Thing) -> Thing:
    charge = charges.make(account, intent, method, status="succeeded")
    intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        emit(account, "payment_intent.amount_capturable_updated", intent)
    else:
        _succeed(account, intent, method)
    return intent


def _succeed(account: Account, intent: Thing, method: Thing) -> None:
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "next_action": None, "processing": None}
    emit(account, "payment_intent.succeeded", intent)
    if intent["setup_future_usage"]:
        account.hidden(method)["set_up"] = True
        if intent["customer"] and method["type"] != "konbini":
            methods.attach(account, method, intent["customer"], allow_redisplay=_redisplay(method))
    notify(account, intent, "succeeded")


def _redisplay(method: Thing) -> str | None:
    return "limited" if method["allow_redisplay"] == "unspecified" else None


def _wait_for_money(account: Account, intent: Thing, method: Thing) -> Thing:
    intent["last_payment_error"] = None
    if method["type"] == "konbini":
        until = account.now() + VOUCHER_SECONDS
        stores = dict.fromkeys(("familymart", "lawson", "ministop", "seicomart"))
        intent |= {
            "status": "requires_action",
            "next_action": {
                "type": "konbini_display_details",
                "konbini_display_details": {
                    "expires_at": until,
                    "hosted_voucher_url": f"{account.base_url}/vouchers/{intent['id']}",
                    "stores": stores,
                },
            },
        }
        account.later(VOUCHER_SECONDS, "expire_voucher", intent["id"])
        emit(account, "payment_intent.requires_action", intent)
    else:
        charge = charges.make(account, intent, method, status="pending")
        intent |= {"status": "processing", "latest_charge": charge["id"], "next_action": None}
        emit(account, "payment_intent.processing", intent)
        if account.hidden(method).get("fails"):
            account.later(1, "fail_debit", intent["id"])
        elif method["type"] == "sepa_debit":
            account.later(1, "pay_debit", intent["id"])
    notify(account, intent, "waiting")
    return intent


def money_came(account: Account, intent: Thing) -> Thing:
    """A delayed payment arrives."""
    method = _waiting_method(account, intent)
    charge = account.find(intent["latest_charge"])
    if charge and charge["status"] == "pending":
        charges.succeed(account, charge)
    else:
        charge = charges.make(account, intent, method, status="succeeded")
    intent["latest_charge"] = charge["id"]
    _succeed(account, intent, method)
    return intent


def money_failed(account: Account, intent: Thing, code: str = "payment_intent_payment_attempt_failed") -> Thing:
    """A delayed payment does not arrive: it failed, or its voucher expired."""
    method = _waiting_method(account, intent)
    message = "The payment failed." if code.startswith("payment_intent") else "The voucher expired before it was paid."
    charge = account.find(intent["latest_charge"])
    if charge and charge["status"] == "pending":
        charges.fail(account, charge, code, message)
    error = {"type": "invalid_request_error", "code": code, "message": message, "payment_method": dict(method)}
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_payment_error"] = error
    emit(account, "payment_intent.payment_failed", intent)
    notify(account, intent, "failed")
    return intent


def is_waiting_for_money(intent: Thing) -> bool:
    """Whether a delayed payment is under way."""
    voucher = (intent["next_action"] or {}).get("type") == "konbini_display_details"
    return intent["status"] == "processing" or (intent["status"] == "requires_action" and voucher)


def _waiting_method(account: Account, intent: Thing) -> Thing:
    if not is_waiting_for_money(intent):
        raise unexpected_state(f"PaymentIntent {intent['id']} is not waiting for money.")
    return account.get("payment_method", intent["payment_method"])


@task("expire_voucher")
def expire_voucher(account: Account, intent: Thing) -> None:
    """A voucher's days are over."""
    if is_waiting_for_money(intent):
        money_failed(account, intent, "payment_method_provider_timeout")


@task("pay_debit")
def pay_debit(account: Account, intent: Thing) -> None:
    """A bank account that pays."""
    if is_waiting_for_money(intent):
        money_came(account, intent)


@task("fail_debit")
def fail_debit(account: Account, intent: Thing) -> None:
    """A bank account that does not pay."""
    if is_waiting_for_money(intent):
        money_failed(account, intent)


def ask_customer(account: Account, intent: Thing) -> Thing:
    """The bank wants the customer: the intent leads to a page where it asks."""
    return_url = account.hidden(intent).get("return_url")
    intent |= {
        "status": "requires_action",
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": f"{account.base_url}/3ds/{intent['id']}"},
        },
    }
    emit(account, "payment_intent.requires_action", intent)
    return intent


def authenticate(account: Account, intent: Thing, *, passed: bool) -> Thing:
    """The customer answered the bank. Raises ApiError (402) where the bank declines after all."""
    if (intent["next_action"] or {}).get("type") != "redirect_to_url":
        raise unexpected_state(f"PaymentIntent {intent['id']} does not wait for the customer.")
    method = account.get("payment_method", intent["payment_method"])
    if passed:
        return confirm(account, intent, method, authenticated=True)
    message = (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    )
    error = {
        "type": "invalid_request_error",
        "code": "payment_intent_authentication_failure",
        "message": message,
        "payment_method": dict(method),
    }
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_payment_error"] = error
    emit(account, "payment_intent.payment_failed", intent)
    notify(account, intent, "failed")
    return intent


def declined(account: Account, intent: Thing, method: Thing, code: str, decline_code: str | None) -> ApiError:
    """The bank declines: makes a failed charge and its events; returns the ApiError to raise, with the intent."""
    error = methods.card_error(code, decline_code=decline_code)
    charge = charges.make(account, intent, method, status="failed", failure=error)
    error.fields["charge"] = charge["id"]
    last_error = {
        "type": error.kind,
        "message": str(error),
        **error.fields,
        "payment_method": dict(method),
    }
    intent |= {
        "status": "requires_payment_method",
        "latest_charge": charge["id"],
        "payment_method": None,
        "next_action": None,
        "last_payment_error": last_error,
    }
    emit(account, "payment_intent.payment_failed", intent)
    notify(account, intent, "failed")
    error.fields |= {"payment_intent": dict(intent), "payment_method": dict(method)}
    return error


def notify(account: Account, intent: Thing, outcome: str) -> None:
    """Notify the session or invoice that the intent was made for."""
    made_for = account.hidden(intent)["made_for"]
    thing = account.find(made_for) if made_for else None
    if thing is not None:
        HOOKS[thing["object"]](account, thing, intent, outcome)
