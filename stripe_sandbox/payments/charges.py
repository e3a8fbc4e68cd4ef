"""Charges: one per attempt to take money, with the bank's outcome."""

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.fields import take
from stripe_sandbox.front.lists import INCLUDABLE, a_list, page, search
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import methods
from stripe_sandbox.payments.cards import Card
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import task
from stripe_sandbox.state.events import emit

FEE_PERMILLE = 29
FEE_FIXED = 30
AVAILABLE_AFTER_SECONDS = 2 * 86_400


def make(account: Account, intent: Thing, method: Thing, *, status: str, failure: ApiError | None = None) -> Thing:
    """A charge for the intent's amount and its event. status: succeeded, pending, or failed, with why in `failure`."""
    card = methods.card_of(account, method)
    paid = status == "succeeded"
    captured = intent["capture_method"] != "manual"
    charge = skeleton(
        "charge",
        amount=intent["amount"],
        amount_captured=intent["amount"] if paid and captured else 0,
        captured=paid and captured,
        created=account.now(),
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        billing_details=dict(method["billing_details"]),
        calculated_statement_descriptor="PAYMENTS SANDBOX",
        fraud_details={},
        metadata=dict(intent["metadata"]),
        paid=paid,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=details(method, intent),
        receipt_email=intent["receipt_email"],
        shipping=intent["shipping"],
        status=status,
        outcome=_outcome(failure, blocked=bool(card and card.blocked)),
    )
    for name in ("refunds", "authorization_code", "level3"):  # only when expanded, or of other trades
        charge.pop(name, None)
    charge["id"] = account.new_id("charge")
    charge["receipt_url"] = f"{account.base_url}/receipts/{charge['id']}" if paid else None
    if failure is not None:
        charge |= {"failure_code": failure.fields["code"], "failure_message": str(failure)}
    account.add(charge)
    emit(account, f"charge.{status}", charge)
    if paid:
        _after_success(account, charge, card)
    return charge


def _outcome(failure: ApiError | None, *, blocked: bool) -> Thing:
    kind = "blocked" if blocked else "issuer_declined" if failure else "authorized"
    why = failure.fields if failure else {}
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": {"blocked": "not_sent_to_network", "issuer_declined": "declined_by_network"}.get(
            kind, "approved_by_network"
        ),
        "reason": why.get("decline_code") or why.get("code"),
        "risk_level": "highest" if blocked else "normal",
        "risk_score": 99 if blocked else 8,
        "seller_message": "Payment complete." if kind == "authorized" else "The bank did not accept the payment.",
        "type": kind,
    }


def details(method: Thing, intent: Thing) -> Thing:
    """The part of a charge that describes the payment method."""
    kind = method["type"]
    if kind == "link":
        return {"type": "link", "link": {"country": "US"}}
    if kind == "konbini":
        return {"type": "konbini", "konbini": {"store": {"chain": "lawson"}}}
    if kind == "card":
        card = method["card"]
        same = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
        return {
            "type": "card",
            "card": {
                **{name: card[name] for name in same},
                "amount_authorized": intent["amount"],
                "authorization_code": None,
                "checks": {**card["checks"], "cvc_check": "pass"},
                "extended_authorization": {"status": "disabled"},
                "incremental_authorization": {"status": "unavailable"},
                "installments": None,
                "mandate": None,
                "multicapture": {"status": "unavailable"},
                "network": card["brand"],
                "network_token": {"used": False},
                "network_transaction_id": None,
                "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
                "regulated_status": "unregulated",
                "three_d_secure": None,
            },
        }
    if kind == "sepa_debit":
        shown = ("bank_code", "branch_code", "country", "fingerprint", "last4")
        return {"type": kind, kind: {**{name: method[kind][name] for name in shown}, "mandate": None}}
    names = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
    return {"type": kind, kind: {**{name: method[kind][name] for name in names}, "payment_reference": None}}


def succeed(account: Account, charge: Thing) -> None:
    """A pending charge is paid."""
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
    charge["receipt_url"] = f"{account.base_url}/receipts/{charge['id']}"
    emit(account, "charge.succeeded", charge)
    _after_success(account, charge, None)


def fail(account: Account, charge: Thing, code: str, message: str) -> None:
    """A pending charge is not paid after all."""
    charge |= {"status": "failed", "paid": False, "failure_code": code, "failure_message": message}
    emit(account, "charge.failed", charge)


def _after_success(account: Account, charge: Thing, card: Card | None) -> None:
    if charge["captured"]:
        account.later(0, "settle_charge", charge["id"])
    if card and card.dispute:
        account.later(0, "open_dispute", charge["id"])
    if card and card.fraud_warning:
        account.later(0, "warn_of_fraud", charge["id"])


def balance_transaction(
    account: Account, kind: str, *, amount: int, fee: int, currency: str, source: str, at_once: bool = False
) -> Thing:
    """A movement of the account's balance."""
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return account.add(
        skeleton(
            "balance_transaction",
            amount=amount,
            available_on=account.now() + (0 if at_once else AVAILABLE_AFTER_SECONDS),
            balance_type="payments",
            created=account.now(),
            currency=currency,
            fee=fee,
            fee_details=fees if fee else [],
            net=amount - fee,
            reporting_category=kind,
            source=source,
            status="available" if at_once else "pending",
            type=kind,
        )
    )


@task("settle_charge")
def settle(account: Account, charge: Thing) -> None:
    """The charge gets its balance transaction, some time after the answer: since 2024 it is not in the answer."""
    method = account.find(charge["payment_method"])
    card = methods.card_of(account, method) if method else None
    movement = balance_transaction(
        account,
        "charge",
        amount=charge["amount_captured"],
        fee=charge["amount_captured"] * FEE_PERMILLE // 1000 + FEE_FIXED,
        currency=charge["currency"],
        source=charge["id"],
        at_once=bool(card and card.available_at_once),
    )
    charge["balance_transaction"] = movement["id"]
    emit(account, "charge.updated", charge, previous={"balance_transaction": None, "receipt_url": None})


@task("warn_of_fraud")
def warn_of_fraud(account: Account, charge: Thing) -> None:
    """The issuer reports the charge as fraud, before any dispute."""
    warning = skeleton(
        "radar.early_fraud_warning",
        actionable=True,
        charge=charge["id"],
        created=account.now(),
        fraud_type="misc",
        payment_intent=charge["payment_intent"],
    )
    emit(account, "radar.early_fraud_warning.created", account.add(warning))


@route("get", "/v1/charges/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("charge", call.place)


@route("post", "/v1/charges/{id}")
def update(call: Call) -> Answer:
    charge = call.account.get("charge", call.place)
    if previous := take(charge, call.params, "description", "receipt_email", "customer", "transfer_group"):
        emit(call.account, "charge.updated", charge, previous=previous)
    return charge


@route("get", "/v1/charges")
def list_charges(call: Call) -> Answer:
    wanted = {name: call.params[name] for name in ("customer", "payment_intent") if name in call.params}
    return page(call, call.account.newest_first("charge", **wanted), "/v1/charges")


@route("get", "/v1/charges/search")
def search_charges(call: Call) -> Answer:
    return search(call, call.account.newest_first("charge"), "/v1/charges/search")


@route("get", "/v1/balance_transactions/{id}")
def retrieve_movement(call: Call) -> Answer:
    return call.account.get("balance_transaction", call.place)


@route("get", "/v1/balance_transactions")
def list_movements(call: Call) -> Answer:
    wanted = {name: call.params[name] for name in ("type", "source", "currency") if name in call.params}
    return page(call, call.account.newest_first("balance_transaction", **wanted), "/v1/balance_transactions")


INCLUDABLE["charge", "refunds"] = lambda account, charge: a_list(
    account.newest_first("refund", charge=charge["id"]), f"/v1/charges/{charge['id']}/refunds"
)
