"""Refunds: whole, partial, pending, and those that fail days later."""

from stripe_sandbox.front.errors import ApiError, missing
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import charges, methods
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import task
from stripe_sandbox.state.events import emit

PENDING_SECONDS = 5
FAILS_AFTER_SECONDS = 5


@route("post", "/v1/refunds")
def create(call: Call) -> Answer:
    params, account = call.params, call.account
    charge = _charge(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = int(params.get("amount", left))
    _check(charge, amount, left)
    method = account.find(charge["payment_method"])
    card = methods.card_of(account, method) if method else None
    behaviour = card.refund if card else "succeeded"
    refund = skeleton(
        "refund",
        amount=amount,
        charge=charge["id"],
        created=account.now(),
        currency=charge["currency"],
        customer=charge["customer"],
        metadata=merged({}, params.get("metadata")),
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=params.get("reason"),
        status="pending" if behaviour == "pending" else "succeeded",
    )
    for name in ("next_action", "presentment_details", "failure_reason", "failure_balance_transaction", "description"):
        refund.pop(name, None)
    if behaviour == "pending":
        refund["pending_reason"] = "processing"
    account.add(refund)
    movement = charges.balance_transaction(
        account, "refund", amount=-amount, fee=0, currency=charge["currency"], source=refund["id"]
    )
    refund["balance_transaction"] = movement["id"]
    emit(account, "refund.created", refund)
    _return(account, charge, amount)
    task_name = {"pending": "complete_refund", "fails": "fail_refund"}.get(behaviour, "reference_refund")
    wait = {"pending": PENDING_SECONDS, "fails": FAILS_AFTER_SECONDS}.get(behaviour, 0)
    account.later(wait, task_name, refund["id"])
    return refund


def _charge(call: Call) -> Thing:
    params, account = call.params, call.account
    if "charge" in params:
        return account.get("charge", params["charge"], param="charge")
    if "payment_intent" not in params:
        raise missing("payment_intent")
    intent = account.get("payment_intent", params["payment_intent"], param="payment_intent")
    charge = account.find(intent["latest_charge"])
    if charge is None or intent["status"] != "succeeded":
        raise ApiError(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
            code="payment_intent_unexpected_state",
        )
    return charge


def _check(charge: Thing, amount: int, left: int) -> None:
    if not charge["paid"]:
        raise ApiError(f"Charge {charge['id']} was not paid and can't be refunded.", param="charge")
    if charge["refunded"]:
        raise ApiError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if charge["disputed"]:
        raise ApiError(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if amount < 1:
        raise ApiError("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        raise ApiError(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")


def _return(account: Account, charge: Thing, amount: int) -> None:
    previous = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    emit(account, "charge.refunded", charge, previous=previous)


def _emit_updates(account: Account, refund: Thing, previous: Thing, *kinds: str) -> None:
    for kind in kinds:
        emit(account, kind, refund, previous=previous)


@task("reference_refund")
def reference(account: Account, refund: Thing) -> None:
    """The bank gives its reference, a while after the refund."""
    if refund["status"] != "succeeded":
        return
    before = refund["destination_details"]
    refund["destination_details"] = {
        "type": "card",
        "card": {
            "reference": refund["id"][-8:].upper(),
            "reference_status": "available",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
    }
    _emit_updates(account, refund, {"destination_details": before}, "refund.updated", "charge.refund.updated")


@task("complete_refund")
def complete(account: Account, refund: Thing) -> None:
    """A pending refund arrives."""
    if refund["status"] == "pending":
        refund |= {"status": "succeeded", "pending_reason": None}
        _emit_updates(account, refund, {"status": "pending"}, "refund.updated", "charge.refund.updated")


@task("fail_refund")
def fail(account: Account, refund: Thing) -> None:
    """The bank could not give the money back: it is with us again."""
    before = refund["status"]
    if before not in {"pending", "succeeded"}:
        raise ApiError(f"Refund {refund['id']} is {before} already.")
    charge = account.get("charge", refund["charge"])
    movement = charges.balance_transaction(
        account, "refund_failure", amount=refund["amount"], fee=0, currency=refund["currency"], source=refund["id"]
    )
    refund |= {
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
        "failure_balance_transaction": movement["id"],
    }
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    _emit_updates(account, refund, {"status": before}, "refund.updated", "refund.failed", "charge.refund.updated")


@route("get", "/v1/refunds/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("refund", call.place)


@route("post", "/v1/refunds/{id}")
def update(call: Call) -> Answer:
    refund = call.account.get("refund", call.place)
    if previous := take(refund, call.params):
        _emit_updates(call.account, refund, previous, "refund.updated", "charge.refund.updated")
    return refund


@route("get", "/v1/refunds")
def list_refunds(call: Call) -> Answer:
    wanted = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return page(call, call.account.newest_first("refund", **wanted), "/v1/refunds")
