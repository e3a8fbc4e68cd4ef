"""The billing portal's page: saved payment methods, the plan, invoices, billing details; and its narrower flows."""

from collections.abc import Callable

from stripe_sandbox.front import html
from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.fields import address
from stripe_sandbox.front.html import Html, tag
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.pages.base import Page, Visit, go_to, origin, view
from stripe_sandbox.pages.checkout import name_of, typed_card
from stripe_sandbox.payments import methods, setup_intents
from stripe_sandbox.recurring import subscription_calls, subscriptions
from stripe_sandbox.state import periods
from stripe_sandbox.state.events import emit
from stripe_sandbox.state.money import shown

Section = Callable[[Visit, Thing], Html | None]

LIVES_SECONDS = 3_600
ADDRESS = (("line1", "Street"), ("city", "City"), ("postal_code", "Postal code"), ("country", "Country, two letters"))


@view("/p/session/{session}")
def portal(visit: Visit) -> Page:
    """Shows the portal, or does what was posted: `do` names the action, `to` its object."""
    account = visit.account
    session = account.get("billing_portal.session", visit.place)
    if session["created"] + LIVES_SECONDS < account.now():
        return Page(html.page("This link has expired", tag("p", "Open the portal again."), _back(session)), status=410)
    problem = None
    if visit.form is not None:
        try:
            done = _do(visit, session, visit.form)
        except ApiError as refused:
            problem = str(refused)
        else:
            after = (session["flow"] or {}).get("after_completion") or {}
            redirect = (after.get("redirect") or {}).get("return_url")
            return go_to(done or redirect or session["url"])
    problem = problem or account.hidden(session).pop("problem", None)
    body = html.page(
        "Your billing",
        html.alert(problem) if problem else None,
        _back(session),
        *(section(visit, session) for section in _sections(session)),
    )
    leads_to = tuple(found for each in (session["return_url"], _after(session)) if (found := origin(each)))
    return Page(body, status=402 if problem else 200, leads_to=leads_to)


def _after(session: Thing) -> str | None:
    after = (session["flow"] or {}).get("after_completion") or {}
    found: str | None = (after.get("redirect") or {}).get("return_url")
    return found


def _back(session: Thing) -> Html | None:
    return tag("p", html.link("Go back", session["return_url"])) if session["return_url"] else None


def _sections(session: Thing) -> list[Section]:
    flow = (session["flow"] or {}).get("type")
    if flow == "payment_method_update":
        return [_methods]
    if flow:
        return [_plan]
    return [_plan, _methods, _details, _invoices]


def _post(session: Thing, label: str, do: str, to: str = "", *inner: object, plain: bool = True) -> Html:
    hidden = [tag("input", type="hidden", name="do", value=do), tag("input", type="hidden", name="to", value=to)]
    return html.form(f"/p/session/{session['id']}", *hidden, *inner, html.button(label, plain=plain))


def _features(visit: Visit, session: Thing) -> Thing:
    features: Thing = visit.account.get("billing_portal.configuration", session["configuration"])["features"]
    return features


def _plan(visit: Visit, session: Thing) -> Html | None:
    alive = [
        each
        for each in visit.account.newest_first("subscription", customer=session["customer"])
        if each["status"] in subscriptions.ALIVE
    ]
    parts: list[object] = []
    for subscription in alive:
        item = subscription["items"]["data"][0]
        parts.append(tag("p", f"{_price_name(visit, item['price'])}, {subscription['status'].replace('_', ' ')}"))
        if subscription["cancel_at_period_end"]:
            parts.append(tag("p", f"Ends on {periods.day(item['current_period_end'])}."))
            parts.append(_post(session, "Keep the plan", "resume", subscription["id"]))
        else:
            parts.append(tag("p", f"Renews on {periods.day(item['current_period_end'])}."))
            parts += _offers(visit, session, subscription)
            parts.append(_post(session, "Cancel the plan", "cancel", subscription["id"]))
    return tag("section", tag("h2", "Plan"), *parts) if parts else None


def _offers(visit: Visit, session: Thing, subscription: Thing) -> list[object]:
    flow = session["flow"] or {}
    if flow.get("type") == "subscription_update_confirm":
        prices = [each["price"] for each in flow["subscription_update_confirm"]["items"]]
    else:
        update = _features(visit, session)["subscription_update"]
        prices = [price for each in update["products"] for price in each["prices"]] if update["enabled"] else []
    current = subscription["items"]["data"][0]["price"]["id"]
    offered = [visit.account.get("price", each) for each in prices if each != current]
    return [
        _post(
            session,
            f"Change to {_price_name(visit, price)}",
            "change",
            subscription["id"],
            tag("input", type="hidden", name="price", value=price["id"]),
            plain=False,
        )
        for price in offered
    ]


def _price_name(visit: Visit, price: Thing) -> str:
    product = visit.account.find(price["product"])
    name = product["name"] if product else "Plan"
    return f"{name}, {shown(price['unit_amount'] or 0, price['currency'])} per {price['recurring']['interval']}"


def _methods(visit: Visit, session: Thing) -> Html:
    customer = visit.account.get("customer", session["customer"])
    default = customer["invoice_settings"]["default_payment_method"]
    parts: list[object] = []
    for method in visit.account.newest_first("payment_method", customer=customer["id"]):
        parts.append(tag("p", name_of(method) + (" (default)" if method["id"] == default else "")))
        if method["id"] != default:
            parts.append(_post(session, f"Make {name_of(method)} the default", "default", method["id"]))
        parts.append(_post(session, f"Remove {name_of(method)}", "remove", method["id"]))
    adding = _post(
        session,
        "Add card",
        "add",
        "",
        html.field("Card number", "number", inputmode="numeric", autocomplete="cc-number"),
        html.field("Expiry, MM / YY", "expiry", autocomplete="cc-exp"),
        html.field("Security code (CVC)", "cvc", inputmode="numeric", autocomplete="cc-csc"),
        plain=False,
    )
    return tag("section", tag("h2", "Payment methods"), *parts, adding)


def _details(visit: Visit, session: Thing) -> Html:
    customer = visit.account.get("customer", session["customer"])
    known = customer["address"] or {}
    fields = [html.field(label, name, value=known.get(name)) for name, label in ADDRESS]
    form = _post(
        session,
        "Save details",
        "details",
        "",
        html.field("Name", "name", value=customer["name"]),
        html.field("Email", "email", type="email", value=customer["email"]),
        *fields,
        plain=False,
    )
    return tag("section", tag("h2", "Billing details"), form)


def _invoices(visit: Visit, session: Thing) -> Html | None:
    found = [each for each in visit.account.newest_first("invoice", customer=session["customer"]) if each["number"]]
    rows: list[list[object]] = [
        [html.link(each["number"], f"/invoices/{each['id']}"), shown(each["total"], each["currency"]), each["status"]]
        for each in found
    ]
    table = html.table("Invoices", ["Number", "Amount", "Status"], rows)
    return tag("section", tag("h2", "Invoices"), table) if rows else None


def _do(visit: Visit, session: Thing, form: dict[str, str]) -> str | None:
    """Do one action; returns an address to go to, if it leads elsewhere."""
    account, customer_id, to = visit.account, session["customer"], form.get("to", "")
    match form.get("do"):
        case "add":
            return _add_card(visit, session, form)
        case "remove":
            method = account.get("payment_method", to)
            methods.must_belong(method, customer_id)
            methods.detach(account, method)
        case "default":
            make_default(visit, customer_id, to)
        case "details":
            _save_details(visit, customer_id, form)
        case "cancel" | "resume" as what:
            subscription = _own(visit, session, to)
            previous = subscriptions.set_cancel_at_period_end(account, subscription, wanted=what == "cancel")
            emit(account, "customer.subscription.updated", subscription, previous=previous)
        case "change":
            _change(visit, session, form)
    return None


def _own(visit: Visit, session: Thing, identifier: str) -> Thing:
    subscription = visit.account.get("subscription", identifier)
    if subscription["customer"] != session["customer"]:
        raise ApiError("This is somebody else's plan.")
    return subscription


def _change(visit: Visit, session: Thing, form: dict[str, str]) -> None:
    account = visit.account
    subscription = _own(visit, session, form.get("to", ""))
    items = subscription["items"]["data"]
    previous = {"items": {"object": "list", "data": [dict(item) for item in items]}}
    update = _features(visit, session)["subscription_update"]
    subscription_calls.change_items(
        account,
        subscription,
        [{"id": items[0]["id"], "price": form.get("price")}],
        from_now=update.get("billing_cycle_anchor") == "now",
        proration=update["proration_behavior"],
    )
    emit(account, "customer.subscription.updated", subscription, previous=previous)


def _add_card(visit: Visit, session: Thing, form: dict[str, str]) -> str | None:
    account = visit.account
    method = typed_card(account, form)
    intent = setup_intents.make(account, customer=session["customer"])
    account.hidden(intent).update(return_url=session["url"], redisplay="always")
    setup_intents.confirm(account, intent, method)
    if intent["next_action"]:
        return str(intent["next_action"]["redirect_to_url"]["url"])
    make_default(visit, session["customer"], method["id"])
    return None


def make_default(visit: Visit, customer_id: str, method_id: str) -> None:
    """Make a saved method the one that is charged."""
    customer = visit.account.get("customer", customer_id)
    methods.must_belong(visit.account.get("payment_method", method_id), customer_id)
    before = customer["invoice_settings"]["default_payment_method"]
    customer["invoice_settings"]["default_payment_method"] = method_id
    previous = {"invoice_settings": {"default_payment_method": before}}
    emit(visit.account, "customer.updated", customer, previous=previous)


def _save_details(visit: Visit, customer_id: str, form: dict[str, str]) -> None:
    customer = visit.account.get("customer", customer_id)
    previous = {name: customer[name] for name in ("name", "email", "address")}
    customer |= {"name": form.get("name") or None, "email": form.get("email") or None}
    customer["address"] = address({name: form.get(name) for name, _ in ADDRESS})
    emit(visit.account, "customer.updated", customer, previous=previous)
