"""Invoices: finalized and paid by an intent. How they are drafted: `invoice_drafts`; their calls: `invoice_calls`."""

from typing import Any

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.lists import INCLUDABLE, a_list
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import cards, methods, payment_intents
from stripe_sandbox.recurring import invoice_drafts
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import task
from stripe_sandbox.state.events import emit

FINALIZES_AFTER_SECONDS = 3_600
RETRY_AFTER_SECONDS = (3 * 86_400, 5 * 86_400, 7 * 86_400)


def finalize(account: Account, invoice: Thing) -> Thing:
    """From draft to open, with number and page; paid at once where nothing is due."""
    if invoice["status"] != "draft":
        raise ApiError("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    number = 1
    customer = account.find(invoice["customer"])
    prefix = "SANDBOX"
    if customer:
        number = customer["next_invoice_sequence"]
        customer["next_invoice_sequence"] = number + 1
        prefix = customer["invoice_prefix"]
    invoice |= {
        "status": "open",
        "number": f"{prefix}-{number:04}",
        "effective_at": account.now(),
        "hosted_invoice_url": f"{account.base_url}/invoices/{invoice['id']}",
        "invoice_pdf": f"{account.base_url}/invoices/{invoice['id']}/pdf",
        "starting_balance": 0,
        "ending_balance": 0,
        "automatically_finalizes_at": None,
    }
    invoice["status_transitions"]["finalized_at"] = account.now()
    if invoice["collection_method"] == "send_invoice" and not invoice["due_date"]:
        invoice["due_date"] = account.now() + 30 * 86_400
    emit(account, "invoice.finalized", invoice)
    if invoice["amount_remaining"] <= 0:
        mark_paid(account, invoice)
    elif invoice["collection_method"] == "charge_automatically":
        intent_of(account, invoice)
    return invoice


def intent_of(account: Account, invoice: Thing) -> Thing:
    """The intent that pays an open invoice; made when first asked for."""
    hidden = account.hidden(invoice)
    intent = account.find(hidden.get("intent"))
    if intent is None:
        intent = payment_intents.make(
            account,
            amount=invoice["amount_remaining"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            description="Subscription creation" if invoice["parent"] else "Payment for Invoice",
            setup_future_usage="off_session" if invoice["billing_reason"] == "subscription_create" else None,
            made_for=invoice["id"],
        )
        _connect(account, invoice, intent, status="open")
    return intent


def _connect(account: Account, invoice: Thing, intent: Thing, *, status: str) -> Thing:
    account.hidden(invoice)["intent"] = intent["id"]
    payment = skeleton(
        "invoice_payment",
        amount_requested=invoice["amount_due"],
        created=account.now(),
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        payment={"type": "payment_intent", "payment_intent": intent["id"]},
        status=status,
    )
    return account.add(payment)


def pay(account: Account, invoice: Thing, method: Thing | None = None, *, off_session: bool = True) -> Thing:
    """Try to take what is due. Raises ApiError (402) where the bank declines; the invoice then says so too."""
    if invoice["status"] != "open":
        raise ApiError(f"Invoice is {invoice['status']} and can't be paid.", code="invoice_not_open")
    method = method or default_method(account, invoice)
    if method is None:
        raise ApiError(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set a default payment "
            "method.",
            code="invoice_payment_intent_requires_action",
        )
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    intent = intent_of(account, invoice)
    card = methods.card_of(account, method)
    set_up = account.hidden(method)["set_up"]
    if off_session and card and cards.wants_customer(card, present=False, set_up=set_up):
        intent["payment_method"] = method["id"]
        account.hidden(intent).setdefault("return_url", invoice["hosted_invoice_url"])
        payment_intents.ask_customer(account, intent)
        emit(account, "invoice.payment_action_required", invoice)
        _payment_ended(account, invoice, intent, "failed")
        raise ApiError(
            "Payment for this invoice requires additional user action before it can be completed successfully.",
            status=402,
            kind="card_error",
            code="invoice_payment_intent_requires_action",
        )
    payment_intents.confirm(account, intent, method, off_session=off_session)
    return invoice


def default_method(account: Account, invoice: Thing) -> Thing | None:
    """The invoice's own method, its subscription's, or its customer's."""
    candidates = [invoice["default_payment_method"]]
    if invoice["parent"]:
        subscription = account.find(invoice["parent"]["subscription_details"]["subscription"])
        candidates.append(subscription["default_payment_method"] if subscription else None)
    customer = account.find(invoice["customer"])
    if customer:
        candidates.append(customer["invoice_settings"]["default_payment_method"])
    return next((found for each in candidates if (found := account.find(each))), None)


def mark_paid(account: Account, invoice: Thing) -> None:
    """Mark the invoice as paid, with its events."""
    invoice |= {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0}
    invoice |= {"attempted": True, "next_payment_attempt": None, "auto_advance": False}
    invoice["status_transitions"]["paid_at"] = account.now()
    emit(account, "invoice.paid", invoice)
    emit(account, "invoice.payment_succeeded", invoice)
    for each in list(account.all("invoice_payment", invoice=invoice["id"], status="open")):
        payment = account.get("invoice_payment", each["id"])
        payment |= {"status": "paid", "amount_paid": payment["amount_requested"]}
        payment["status_transitions"]["paid_at"] = account.now()
        emit(account, "invoice_payment.paid", payment)


def paid_already(account: Account, session: Thing, intent: Thing, items: list[Thing]) -> Thing:
    """The invoice of a one-time purchase, made after its payment: `billing_reason` manual, no parent."""
    asked = (session["invoice_creation"] or {}).get("invoice_data") or {}
    invoice = invoice_drafts.make(
        account,
        customer=account.find(session["customer"]),
        currency=session["currency"],
        reason="manual",
        description=asked.get("description"),
    )
    invoice["metadata"] = dict(asked.get("metadata") or {})
    if not invoice["customer_email"]:
        details = session["customer_details"] or {}
        invoice |= {"customer_email": details.get("email"), "customer_name": details.get("name")}
    for each in items:
        invoice_drafts.add_line(
            account,
            invoice,
            amount=each["amount_total"],
            description=each["description"],
            price=each["price"],
            quantity=each["quantity"],
        )
    emit(account, "invoice.created", invoice)
    settle(account, invoice, intent)
    return invoice


def settle(account: Account, invoice: Thing, intent: Thing) -> None:
    """Finalize a draft that an intent has paid before it was made."""
    invoice["collection_method"] = "charge_automatically"
    _connect(account, invoice, intent, status="open")
    finalize(account, invoice)
    mark_paid(account, invoice)


def _payment_ended(account: Account, invoice: Thing, _intent: Thing, outcome: str) -> None:
    """The invoice's intent succeeded or failed."""
    subscription = None
    if invoice["parent"]:
        subscription = account.find(invoice["parent"]["subscription_details"]["subscription"])
    if outcome == "succeeded":
        mark_paid(account, invoice)
        if subscription:
            AFTER_PAYMENT["paid"](account, subscription, invoice)
    elif outcome == "failed":
        waits = RETRY_AFTER_SECONDS[invoice["attempt_count"] - 1 : invoice["attempt_count"]]
        again = bool(waits) and invoice["billing_reason"] == "subscription_cycle"
        invoice["next_payment_attempt"] = account.now() + waits[0] if again else None
        if again:
            account.later(waits[0], "retry_invoice", invoice["id"])
        emit(account, "invoice.payment_failed", invoice)
        if subscription:
            AFTER_PAYMENT["failed"](account, subscription, invoice)


AFTER_PAYMENT: dict[str, Any] = {}
"""How a subscription takes the payment (paid) or its failure (failed) of one of its invoices."""
payment_intents.HOOKS["invoice"] = _payment_ended


@task("retry_invoice")
def retry(account: Account, invoice: Thing) -> None:
    """The next attempt of an invoice that a bank declined."""
    if invoice["status"] == "open":
        try_to_pay(account, invoice)


@task("finalize_invoice")
def finalize_when_due(account: Account, invoice: Thing) -> None:
    """An hour after a renewal its draft is finalized and paid."""
    if invoice["status"] == "draft":
        finalize(account, invoice)
        if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
            try_to_pay(account, invoice)


def try_to_pay(account: Account, invoice: Thing) -> ApiError | None:
    """Try to pay without a caller; returns the bank's error, if it declined."""
    try:
        pay(account, invoice)
    except ApiError as refused:
        if refused.kind != "card_error":  # nothing to charge: a failed attempt too
            invoice["attempted"] = True
            invoice["attempt_count"] += 1
            _payment_ended(account, invoice, {}, "failed")
        return refused
    return None


def _payments(account: Account, invoice: Thing) -> Thing:
    return a_list(
        account.newest_first("invoice_payment", invoice=invoice["id"]), f"/v1/invoice_payments?invoice={invoice['id']}"
    )


def _secret(account: Account, invoice: Thing) -> Thing | None:
    intent = account.find(account.hidden(invoice).get("intent"))
    return intent and {"client_secret": intent["client_secret"], "type": "payment_intent"}


INCLUDABLE["invoice", "payments"] = _payments
INCLUDABLE["invoice", "confirmation_secret"] = _secret
