"""The API's calls on subscriptions: make, read, change, cancel."""

import copy

from stripe_sandbox.front.errors import ApiError, missing
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import page, search
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.payments import methods
from stripe_sandbox.recurring import invoice_drafts, invoices, subscriptions
from stripe_sandbox.recurring.products import make_price, plan_of
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.events import emit

PLAIN = ("default_payment_method", "description", "days_until_due", "collection_method")


@route("post", "/v1/subscriptions")
def create(call: Call) -> Answer:
    account, params = call.account, call.params
    customer = account.get("customer", params.get("customer"), param="customer")
    items = _items(account, params.get("items"))
    if not items:
        raise missing("items")
    behaviour = params.get("payment_behavior", "allow_incomplete")
    plain = {name: params[name] for name in PLAIN if name in params}
    default = plain.pop("default_payment_method", None)
    if default:
        methods.must_belong(account.get("payment_method", default, param="default_payment_method"), customer["id"])
    chargeable = default or customer["invoice_settings"]["default_payment_method"]
    automatic = params.get("collection_method", "charge_automatically") == "charge_automatically"
    trial = int(params.get("trial_period_days") or 0)
    if automatic and not chargeable and not trial and behaviour != "default_incomplete":
        raise ApiError(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method.",
            code="resource_missing",
        )
    subscription = subscriptions.make(
        account,
        customer=customer["id"],
        items=items,
        default_payment_method=default,
        metadata=merged({}, params.get("metadata")),
        trial_days=trial,
        pay_first=behaviour != "default_incomplete",
        **plain,
    )
    if params.get("cancel_at_period_end"):
        subscriptions.set_cancel_at_period_end(account, subscription, wanted=True)
    if behaviour == "error_if_incomplete" and subscription["status"] == "incomplete":
        raise methods.card_error("card_declined", decline_code="generic_decline")
    return subscription


def _items(account: Account, sent: object) -> list[Thing]:
    listed = list(sent.values()) if isinstance(sent, dict) else sent
    found: list[Thing] = list(listed) if isinstance(listed, list) else []
    return [
        {**each, "price": make_price(account, each["price_data"])["id"]}
        if "price_data" in each
        else {**each, "price": each.get("price") or each.get("plan")}
        for each in found
    ]


@route("get", "/v1/subscriptions/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("subscription", call.place)


@route("post", "/v1/subscriptions/{id}")
def update(call: Call) -> Answer:
    account, params = call.account, call.params
    subscription = account.get("subscription", call.place)
    if subscription["status"] in {"canceled", "incomplete_expired"}:
        raise ApiError("A canceled subscription can only update its cancellation_details and metadata.")
    previous = take(subscription, params, *PLAIN)
    if "cancel_at_period_end" in params and params["cancel_at_period_end"] != subscription["cancel_at_period_end"]:
        wanted = bool(params["cancel_at_period_end"])
        previous |= subscriptions.set_cancel_at_period_end(account, subscription, wanted=wanted)
    if params.get("trial_end") == "now" and subscription["trial_end"]:
        previous["trial_end"] = subscription["trial_end"]
        subscription |= {"trial_end": account.now(), "status": "active"}
    if params.get("items"):
        previous["items"] = {"object": "list", "data": [dict(item) for item in subscription["items"]["data"]]}
        _change(account, subscription, params)
    if previous:
        emit(account, "customer.subscription.updated", subscription, previous=previous)
    return subscription


def _change(account: Account, subscription: Thing, params: Thing) -> None:
    """Change the items as asked. With `error_if_incomplete` a decline leaves everything as it was and is raised."""
    before = copy.deepcopy(subscription)
    anchor = params.get("billing_cycle_anchor")
    refused = change_items(
        account,
        subscription,
        _items(account, params["items"]),
        from_now=anchor in ("now", {"type": "now"}),
        proration=params.get("proration_behavior", "create_prorations"),
    )
    if refused is not None and params.get("payment_behavior") == "error_if_incomplete":
        invoice = account.get("invoice", subscription["latest_invoice"])
        invoice["status"] = "void"
        subscription |= before
        raise refused


def change_items(
    account: Account, subscription: Thing, changes: list[Thing], *, from_now: bool, proration: str
) -> ApiError | None:
    """Change prices and quantities. `from_now` begins a new period and bills it whole; else by `proration`.

    What the bank said, if it declined the invoice that this brings about.
    """
    before = sum((item["price"]["unit_amount"] or 0) * item["quantity"] for item in subscription["items"]["data"])
    for change in changes:
        _change_item(account, subscription, change)
    items = subscription["items"]["data"]
    now = account.now()
    if from_now:
        subscription["billing_cycle_anchor"] = now
        for item in items:
            item["current_period_start"], item["current_period_end"] = subscriptions.new_period(
                account, subscription, item["price"]
            )
        account.later(items[0]["current_period_end"] - now, "renew_subscription", subscription["id"])
        return _bill(account, subscriptions.invoice_now(account, subscription, "subscription_update"))
    if proration == "always_invoice":
        after = sum((item["price"]["unit_amount"] or 0) * item["quantity"] for item in items)
        start, end = items[0]["current_period_start"], items[0]["current_period_end"]
        difference = round((after - before) * (end - now) / max(1, end - start))
        invoice = invoice_drafts.make(
            account,
            customer=account.find(subscription["customer"]),
            currency=subscription["currency"],
            reason="subscription_update",
            subscription=subscription,
        )
        invoice_drafts.add_line(
            account,
            invoice,
            amount=difference,
            description="Change of plan, rest of the period",
            price=items[0]["price"],
            period=(now, end),
            item=items[0],
            proration=True,
        )
        subscription["latest_invoice"] = invoice["id"]
        emit(account, "invoice.created", invoice)
        return _bill(account, invoice)
    return None


def _bill(account: Account, invoice: Thing) -> ApiError | None:
    invoices.finalize(account, invoice)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        return invoices.try_to_pay(account, invoice)
    return None


def _change_item(account: Account, subscription: Thing, change: Thing) -> None:
    items = subscription["items"]["data"]
    if "id" not in change:
        price = account.get("price", change["price"], param="items[0][price]")
        subscriptions.add_item(account, subscription, price, int(change.get("quantity", 1)))
        return
    item = next((each for each in items if each["id"] == change["id"]), None)
    if item is None:
        raise ApiError(f"No such subscription item: '{change['id']}'", code="resource_missing", param="items[0][id]")
    if change.get("deleted"):
        items.remove(item)
        return
    if change.get("price"):
        price = account.get("price", change["price"], param="items[0][price]")
        item |= {"price": price, "plan": plan_of(price)}
    if "quantity" in change:
        item["quantity"] = int(change["quantity"])


@route("delete", "/v1/subscriptions/{id}")
def cancel(call: Call) -> Answer:
    subscription = call.account.get("subscription", call.place)
    if subscription["status"] == "canceled":
        raise ApiError(f"No such subscription: {subscription['id']}", status=404, code="resource_missing", param="id")
    subscription["cancellation_details"] = {
        "comment": None,
        "feedback": None,
        "reason": "cancellation_requested",
    }
    subscriptions.end(call.account, subscription)
    return subscription


@route("get", "/v1/subscriptions")
def list_subscriptions(call: Call) -> Answer:
    wanted = {"customer": call.params["customer"]} if "customer" in call.params else {}
    found = call.account.newest_first("subscription", **wanted)
    status = call.params.get("status")
    if status is None:
        found = [each for each in found if each["status"] != "canceled"]
    elif status == "ended":
        found = [each for each in found if each["status"] in {"canceled", "incomplete_expired"}]
    elif status != "all":
        found = [each for each in found if each["status"] == status]
    return page(call, found, "/v1/subscriptions")


@route("get", "/v1/subscriptions/search")
def search_subscriptions(call: Call) -> Answer:
    return search(call, call.account.newest_first("subscription"), "/v1/subscriptions/search")


@route("get", "/v1/subscription_items")
def list_items(call: Call) -> Answer:
    subscription = call.account.get("subscription", call.params.get("subscription"), param="subscription")
    return page(call, subscription["items"]["data"][::-1], "/v1/subscription_items")
