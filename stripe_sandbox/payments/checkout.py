"""Checkout sessions through the API: made, read, listed, expired. Paying them is in `checkout_pay`."""

from typing import Any
from urllib.parse import urlsplit

from stripe_sandbox.front.errors import ApiError, missing
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import INCLUDABLE, a_list, page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.recurring.products import make_price
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import task
from stripe_sandbox.state.events import emit
from stripe_sandbox.state.money import check_amount

DAY = 86_400
SHORTEST_SECONDS = 30 * 60 - 60  # a minute of grace for clocks
ASKED_FOR = (
    *("payment_intent_data", "subscription_data", "setup_intent_data", "invoice_creation", "line_items"),
    *("saved_payment_method_options", "payment_method_data"),
)

ONLY_IN = {
    "line_items": ("payment", "subscription"),
    "payment_intent_data": ("payment",),
    "subscription_data": ("subscription",),
    "setup_intent_data": ("setup",),
    "invoice_creation": ("payment",),
}


@route("post", "/v1/checkout/sessions")
def create(call: Call) -> Answer:
    params, account = call.params, call.account
    mode = params.get("mode", "payment")
    _check(call, mode)
    items = [_item(account, each, mode) for each in _listed(params.get("line_items"))]
    session = _blank(account, params, mode)
    if mode == "setup":
        session |= {"currency": params.get("currency"), "payment_status": "no_payment_required"}
    else:
        _price(session, items)
    if mode == "payment":
        check_amount(session["amount_total"], session["currency"], param="line_items")
    session["expires_at"] = _expiry(account, params)
    account.add(session, items=items, **{name: params[name] for name in ASKED_FOR if name in params})
    session["url"] = f"{account.base_url}/c/pay/{session['id']}"
    account.later(session["expires_at"] - account.now(), "expire_session", session["id"])
    return session


def _listed(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value or []


def _check(call: Call, mode: str) -> None:
    params = call.params
    if params.get("customer"):
        call.account.get("customer", params["customer"], param="customer")
        if params.get("customer_email"):
            raise ApiError("You may only specify one of these parameters: customer, customer_email.")
    if mode != "setup" and not params.get("line_items"):
        raise missing("line_items")
    _check_addresses(params)
    for name, only in ONLY_IN.items():
        if name in params and mode not in only:
            raise ApiError(f"You can not pass `{name}` in `{mode}` mode.", param=name)


def _check_addresses(params: Thing) -> None:
    if params.get("ui_mode", "hosted_page") == "hosted_page" and not params.get("success_url"):
        raise missing("success_url")
    for name in ("success_url", "cancel_url"):
        url = params.get(name)
        if url and urlsplit(str(url)).scheme not in {"http", "https"}:
            raise ApiError("Not a valid URL", code="url_invalid", param=name)


def _item(account: Account, sent: Thing, mode: str) -> Thing:
    if sent.get("price"):
        price = account.get("price", sent["price"], param="line_items[0][price]")
    elif sent.get("price_data"):
        price = make_price(account, sent["price_data"])
        price["active"] = False  # made for this session alone
    else:
        raise missing("line_items[0][price]")
    if mode == "payment" and price["type"] == "recurring":
        raise ApiError(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices."
        )
    quantity = int(sent.get("quantity", 1))
    if quantity < 1:
        raise ApiError("This value must be greater than or equal to 1.", param="line_items[0][quantity]")
    amount = price["unit_amount"] * quantity
    product = account.get("product", price["product"])
    return skeleton(
        "item",
        id=account.new_id("item", 14),
        amount_subtotal=amount,
        amount_total=amount,
        currency=price["currency"],
        description=product["name"],
        metadata={},
        price=price,
        quantity=quantity,
    )


def _price(session: Thing, items: list[Thing]) -> None:
    currencies = {each["currency"] for each in items}
    if len(currencies) > 1:
        raise ApiError("All line items must be in the same currency.", param="line_items")
    if session["mode"] == "subscription" and not any(each["price"]["recurring"] for each in items):
        raise ApiError("You must provide at least one recurring price in `subscription` mode.", param="line_items")
    total = sum(each["amount_total"] for each in items)
    session |= {
        "amount_subtotal": total,
        "amount_total": total,
        "currency": currencies.pop(),
        "payment_status": "unpaid",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    }


def _blank(account: Account, params: Thing, mode: str) -> Thing:
    session = skeleton(
        "checkout.session",
        created=account.now(),
        customer=params.get("customer"),
        customer_creation=None if params.get("customer") else params.get("customer_creation", "if_required"),
        customer_email=params.get("customer_email"),
        adaptive_pricing={"enabled": bool((params.get("adaptive_pricing") or {}).get("enabled", True))},
        metadata=merged({}, params.get("metadata")),
        mode=mode,
        payment_method_collection="always" if mode == "subscription" else "if_required",
        payment_method_options={},
        payment_method_types=["card", "link"] if mode != "payment" else ["card", "link", "konbini", "us_bank_account"],
        phone_number_collection={"enabled": False},
        custom_fields=[],
        discounts=[],
        status="open",
        ui_mode=params.get("ui_mode", "hosted_page"),
    )
    for name in ("line_items", "client_secret", "presentment_details", "redirect_on_completion"):
        session.pop(name, None)
    plain = (
        "success_url",
        "cancel_url",
        "client_reference_id",
        "locale",
        "submit_type",
        "return_url",
        "billing_address_collection",
        "allow_promotion_codes",
    )
    take(session, {name: value for name, value in params.items() if name != "metadata"}, *plain)
    if isinstance(params.get("payment_method_types"), list):
        session["payment_method_types"] = params["payment_method_types"]
    invoice_creation = params.get("invoice_creation") or {}
    if mode == "payment":
        session["invoice_creation"] = {
            "enabled": bool(invoice_creation.get("enabled", False)),
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": (invoice_creation.get("invoice_data") or {}).get("description"),
                "footer": None,
                "issuer": None,
                "metadata": merged({}, (invoice_creation.get("invoice_data") or {}).get("metadata")),
                "rendering_options": None,
            },
        }
    if wallets := params.get("wallet_options"):
        session["wallet_options"] = {"link": {"display": (wallets.get("link") or {}).get("display", "auto")}}
    if options := params.get("saved_payment_method_options"):
        session["saved_payment_method_options"] = {
            "allow_redisplay_filters": options.get("allow_redisplay_filters") or ["always"],
            "payment_method_remove": options.get("payment_method_remove", "disabled"),
            "payment_method_save": options.get("payment_method_save"),
        }
    return session


def _expiry(account: Account, params: Thing) -> int:
    now = account.now()
    expires_at = int(params.get("expires_at", now + DAY))
    if not now + SHORTEST_SECONDS <= expires_at <= now + DAY + 60:
        raise ApiError(
            "The `expires_at` timestamp must be less than 24 hours and at least 30 minutes from Checkout Session "
            "creation.",
            param="expires_at",
        )
    return expires_at


@route("get", "/v1/checkout/sessions/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("checkout.session", call.place)


@route("post", "/v1/checkout/sessions/{id}")
def update(call: Call) -> Answer:
    session = call.account.get("checkout.session", call.place)
    take(session, call.params)
    return session


@route("get", "/v1/checkout/sessions")
def list_sessions(call: Call) -> Answer:
    names = ("customer", "payment_intent", "status", "subscription")
    wanted = {name: call.params[name] for name in names if name in call.params}
    return page(call, call.account.newest_first("checkout.session", **wanted), "/v1/checkout/sessions")


@route("get", "/v1/checkout/sessions/{id}/line_items")
def line_items(call: Call) -> Answer:
    session = call.account.get("checkout.session", call.place)
    return _items(call.account, session)


def _items(account: Account, session: Thing) -> Thing:
    return a_list(account.hidden(session)["items"], f"/v1/checkout/sessions/{session['id']}/line_items")


INCLUDABLE["checkout.session", "line_items"] = _items


@route("post", "/v1/checkout/sessions/{id}/expire")
def expire(call: Call) -> Answer:
    session = call.account.get("checkout.session", call.place)
    if session["status"] != "open":
        raise ApiError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status '
            f"of {session['status']}.",
        )
    return close(call.account, session)


def close(account: Account, session: Thing) -> Thing:
    """End an open session without payment."""
    session |= {"status": "expired", "url": None}
    emit(account, "checkout.session.expired", session)
    return session


@task("expire_session")
def expire_when_due(account: Account, session: Thing) -> None:
    """A session's time is over."""
    if session["status"] == "open":
        close(account, session)
