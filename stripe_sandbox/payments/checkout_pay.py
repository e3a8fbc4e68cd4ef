"""Paying a checkout session: what the hosted page's button does, and its consequences."""

from dataclasses import dataclass

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.fields import address, merged
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.payments import methods, payment_intents, setup_intents
from stripe_sandbox.recurring import invoices, subscriptions
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.events import emit


@dataclass(frozen=True)
class Payer:
    """Who pays and with what, as the page was filled in."""

    method: Thing
    email: str | None = None
    name: str | None = None
    save: bool = False


def pay(account: Account, session: Thing, payer: Payer) -> Thing:
    """Try to pay; the session is then complete, or still open while the bank asks. Raises ApiError."""
    if session["status"] != "open":
        raise ApiError("This Checkout Session is no longer open.", code="checkout_session_not_open")
    _note_customer(account, session, payer)
    if session["mode"] == "setup":
        return _set_up(account, session, payer)
    if session["mode"] == "subscription":
        return _subscribe(account, session, payer)
    hidden = account.hidden(session)
    asked = hidden.get("payment_intent_data") or {}
    future = asked.get("setup_future_usage") or ("off_session" if payer.save else None)
    if (payer.save or asked.get("setup_future_usage")) and payer.method["allow_redisplay"] == "unspecified":
        payer.method["allow_redisplay"] = "always" if payer.save else "limited"
    intent = account.find(session["payment_intent"]) or _intent(account, session, future)
    if future:
        intent["setup_future_usage"] = future
    payment_intents.confirm(account, intent, payer.method)
    return session


def _intent(account: Account, session: Thing, future: str | None) -> Thing:
    asked = account.hidden(session).get("payment_intent_data") or {}
    plain = {name: asked[name] for name in ("description", "receipt_email", "capture_method") if name in asked}
    intent = payment_intents.make(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        metadata=merged({}, asked.get("metadata")),
        setup_future_usage=future,
        made_for=session["id"],
        **plain,
    )
    if asked.get("shipping"):
        shipping = asked["shipping"]
        intent["shipping"] = {"carrier": None, "phone": None, "tracking_number": None, "name": shipping.get("name")}
        intent["shipping"]["address"] = address(shipping.get("address"))
    account.hidden(intent)["return_url"] = session["success_url"]
    session["payment_intent"] = intent["id"]
    return intent


def _note_customer(account: Account, session: Thing, payer: Payer) -> None:
    customer = account.find(session["customer"])
    email = payer.email or session["customer_email"] or (customer and customer["email"])
    if email and "@" not in email:
        raise ApiError("Your email is incomplete.", param="email", code="email_invalid")
    needs_customer = session["mode"] == "subscription" or session["customer_creation"] == "always" or payer.save
    if customer is None and needs_customer:
        from stripe_sandbox.payments.customers import create  # noqa: PLC0415 - would be a circle at the top

        customer = create(Call(account, {"email": email, "name": payer.name or ""}))
        session["customer"] = customer["id"]
    session["customer_details"] = {
        "address": payer.method["billing_details"]["address"],
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": payer.name or payer.method["billing_details"]["name"] or (customer and customer["name"]),
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _set_up(account: Account, session: Thing, payer: Payer) -> Thing:
    asked = account.hidden(session).get("setup_intent_data") or {}
    intent = account.find(session["setup_intent"])
    if intent is None:
        intent = setup_intents.make(
            account,
            customer=session["customer"],
            metadata=merged({}, asked.get("metadata")),
            description=asked.get("description"),
            made_for=session["id"],
        )
        session["setup_intent"] = intent["id"]
        account.hidden(intent)["return_url"] = session["success_url"]
        account.hidden(intent)["redisplay"] = "always"
    setup_intents.confirm(account, intent, payer.method)
    return session


def _subscribe(account: Account, session: Thing, payer: Payer) -> Thing:
    """Since basil the subscription comes after the payment: the intent is paid first, then both are made."""
    hidden = account.hidden(session)
    methods.attach(account, payer.method, session["customer"], allow_redisplay="limited")
    if session["amount_total"] == 0 or (hidden.get("subscription_data") or {}).get("trial_period_days"):
        _finish_subscription(account, session, None, payer.method)
        return session
    intent = account.find(hidden.get("intent"))
    if intent is None:
        intent = payment_intents.make(
            account,
            amount=session["amount_total"],
            currency=session["currency"],
            customer=session["customer"],
            description="Subscription creation",
            setup_future_usage="off_session",
            made_for=session["id"],
        )
        hidden["intent"] = intent["id"]
        account.hidden(intent)["return_url"] = session["success_url"]
    payment_intents.confirm(account, intent, payer.method)
    return session


def _finish_subscription(account: Account, session: Thing, intent: Thing | None, method: Thing) -> None:
    hidden = account.hidden(session)
    asked = hidden.get("subscription_data") or {}
    wanted = [{"price": each["price"]["id"], "quantity": each["quantity"]} for each in hidden["items"]]
    subscription = subscriptions.make(
        account,
        customer=session["customer"],
        items=wanted,
        default_payment_method=method["id"],
        metadata=merged({}, asked.get("metadata")),
        description=asked.get("description"),
        trial_days=int(asked.get("trial_period_days", 0)),
        paid_by=intent,
    )
    session |= {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    _complete(account, session, "paid" if intent else "no_payment_required")


def _payment_ended(account: Account, session: Thing, intent: Thing, outcome: str) -> None:
    """The session's intent succeeded, waits for money, or failed."""
    if outcome == "waiting":
        _complete(account, session, "unpaid")
    elif outcome == "failed":
        if session["status"] == "complete":
            emit(account, "checkout.session.async_payment_failed", session)
    elif intent["object"] == "setup_intent":
        _complete(account, session, "no_payment_required")
    elif session["mode"] == "subscription":
        method = account.get("payment_method", intent["payment_method"])
        _finish_subscription(account, session, intent, method)
    else:
        _paid(account, session, intent)


def _paid(account: Account, session: Thing, intent: Thing) -> None:
    if (session["invoice_creation"] or {}).get("enabled") and not session["invoice"]:
        items = account.hidden(session)["items"]
        invoice = invoices.paid_already(account, session, intent, items)
        session["invoice"] = invoice["id"]
    if session["status"] == "complete":
        session["payment_status"] = "paid"
        emit(account, "checkout.session.async_payment_succeeded", session)
    else:
        _complete(account, session, "paid")


def _complete(account: Account, session: Thing, payment_status: str) -> None:
    session |= {"status": "complete", "payment_status": payment_status, "url": None}
    emit(account, "checkout.session.completed", session)


payment_intents.HOOKS["checkout.session"] = _payment_ended


def return_address(session: Thing) -> str:
    """Where the browser goes after paying."""
    return str(session["success_url"] or "/").replace("{CHECKOUT_SESSION_ID}", session["id"])


# What Stripe's own page calls, and with it Stripe's own command line; not part of the published API.


@route("get", "/v1/payment_pages/{id}")
def payment_page(call: Call) -> Answer:
    session = call.account.get("checkout.session", call.place)
    return {
        "id": f"ppage_{session['id']}",
        "object": "checkout.session",
        "session_id": session["id"],
        "mode": session["mode"],
        "currency": session["currency"],
        "status": session["status"],
        "line_item_group": {"total": session["amount_total"], "currency": session["currency"]},
    }


@route("post", "/v1/payment_pages/{id}/confirm")
def confirm_payment_page(call: Call) -> Answer:
    session = call.account.get("checkout.session", call.place)
    method = methods.from_name(call.account, call.params.get("payment_method", ""))
    expected = call.params.get("expected_amount")
    if expected is not None and int(expected) != session["amount_total"]:
        raise ApiError("The expected amount does not match the amount of this session.", param="expected_amount")
    pay(call.account, session, Payer(method, email=method["billing_details"]["email"]))
    return payment_page(call)
