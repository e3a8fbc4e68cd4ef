"""The API's calls on payment methods."""

from stripe_sandbox.front.errors import ApiError, missing
from stripe_sandbox.front.fields import address, take
from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.payments import cards, methods
from stripe_sandbox.state.events import emit


@route("post", "/v1/payment_methods")
def create(call: Call) -> Answer:
    params, account = call.params, call.account
    if not params.get("type"):
        raise missing("type")
    kind = str(params["type"])
    billing = params.get("billing_details")
    if kind == "card":
        card: Thing = params.get("card") or {}
        if "token" in card:
            method = methods.from_name(account, card["token"], param="card[token]")
            method["billing_details"] = methods.billing_details(billing)
        else:
            method = methods.make_card(
                account,
                str(card.get("number", "")),
                month=int(card.get("exp_month", 0)),
                year=int(card.get("exp_year", 0)),
                cvc=card.get("cvc"),
                billing=billing,
            )
    elif kind == "link":
        method = methods.make_link(account, (billing or {}).get("email") or "link@example.com")
    else:
        method = methods.make_delayed(account, kind, billing)
        if kind == "sepa_debit":
            account.hidden(method)["fails"] = (params.get("sepa_debit") or {}).get("iban") in methods.FAILING_ACCOUNTS
    take(method, params, "allow_redisplay")
    return method


@route("get", "/v1/payment_methods/{id}")
def retrieve(call: Call) -> Answer:
    return methods.from_name(call.account, call.place) if call.place in cards.BY_NAME else _named(call)


def _named(call: Call) -> Thing:
    return call.account.get("payment_method", call.place)


@route("post", "/v1/payment_methods/{id}")
def update(call: Call) -> Answer:
    method = _named(call)
    previous = take(method, call.params, "allow_redisplay")
    if "billing_details" in call.params:
        before = dict(method["billing_details"])
        sent = dict(call.params["billing_details"])
        if "address" in sent:
            sent["address"] = address(sent["address"])
        method["billing_details"] = before | {name: value or None for name, value in sent.items()}
        previous["billing_details"] = before
    if sent_card := call.params.get("card"):
        previous["card"] = {name: method["card"][name] for name in ("exp_month", "exp_year") if name in sent_card}
        method["card"] |= {name: int(sent_card[name]) for name in ("exp_month", "exp_year") if name in sent_card}
    if previous:
        emit(call.account, "payment_method.updated", method, previous=previous)
    return method


@route("post", "/v1/payment_methods/{id}/attach")
def attach_method(call: Call) -> Answer:
    method = methods.from_name(call.account, call.place)
    if call.account.hidden(method).get("detached"):
        raise ApiError(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again.",
        )
    customer = call.account.get("customer", call.params.get("customer"), param="customer")
    return methods.attach(call.account, method, customer["id"])


@route("post", "/v1/payment_methods/{id}/detach")
def detach_method(call: Call) -> Answer:
    return methods.detach(call.account, _named(call))


@route("get", "/v1/payment_methods")
def list_methods(call: Call) -> Answer:
    return page(call, methods.of_customer(call, call.params.get("customer", "")), "/v1/payment_methods")
