"""Subscriptions: made, renewed, changed, failed and ended. Their calls of the API are in `subscription_calls`."""

from typing import Any

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.lists import INCLUDABLE, a_list
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.recurring import invoice_drafts, invoices
from stripe_sandbox.recurring.products import plan_of
from stripe_sandbox.state import periods
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import task
from stripe_sandbox.state.events import emit

ALIVE = ("active", "trialing", "past_due", "unpaid", "incomplete")


def make(
    account: Account,
    *,
    customer: str,
    items: list[Thing],
    default_payment_method: str | None = None,
    paid_by: Thing | None = None,
    trial_days: int = 0,
    pay_first: bool = True,
    **fields: Any,
) -> Thing:
    """A new subscription with its first invoice. `paid_by`: the intent that has paid it already (Checkout).

    Without it the first invoice is tried at once, unless `pay_first` is False; a decline leaves it incomplete.
    """
    now = account.now()
    prices = [(account.get("price", each["price"], param="items[0][price]"), each) for each in items]
    if any(not price["recurring"] for price, _ in prices):
        raise ApiError(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param="items[0][price]",
        )
    subscription = skeleton(
        "subscription",
        billing_cycle_anchor=now + trial_days * 86_400,
        billing_mode={"type": "flexible", "flexible": {"proration_discounts": "included"}, "updated_at": None},
        created=now,
        currency=prices[0][0]["currency"],
        customer=customer,
        default_payment_method=default_payment_method,
        default_tax_rates=[],
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        start_date=now,
        status="trialing" if trial_days else "active" if paid_by else "incomplete",
        trial_settings={"end_behavior": {"missing_payment_method": "create_invoice"}},
        **fields,
    )
    subscription["metadata"] = subscription["metadata"] or {}
    for name in ("presentment_details", "billing_schedules", "managed_payments"):
        subscription.pop(name, None)
    subscription["billing_schedules"] = []
    if trial_days:
        subscription |= {"trial_start": now, "trial_end": now + trial_days * 86_400}
    account.add(subscription)
    subscription["items"] = a_list([], f"/v1/subscription_items?subscription={subscription['id']}")
    for price, each in prices:
        add_item(account, subscription, price, int(each.get("quantity", 1)), each.get("metadata"))
    account.later(_period(subscription)[1] - now, "renew_subscription", subscription["id"])
    emit(account, "customer.subscription.created", subscription)
    _first_invoice(account, subscription, paid_by=paid_by, pay_first=pay_first)
    return subscription


def add_item(account: Account, subscription: Thing, price: Thing, quantity: int, metadata: Any = None) -> Thing:
    """Add an item; its period is the subscription's current one."""
    start, end = new_period(account, subscription, price)
    item = skeleton(
        "subscription_item",
        id=account.new_id("subscription_item", 14),
        created=account.now(),
        current_period_start=start,
        current_period_end=end,
        metadata=metadata or {},
        plan=plan_of(price),
        price=price,
        quantity=quantity,
        subscription=subscription["id"],
        tax_rates=[],
    )
    for name in ("deleted", "current_trial"):
        item.pop(name, None)
    subscription["items"]["data"].append(item)
    return item


def new_period(account: Account, subscription: Thing, price: Thing) -> tuple[int, int]:
    """Start and end of a period that begins now."""
    now = account.now()
    if subscription["trial_end"] and subscription["trial_end"] > now:
        return now, subscription["trial_end"]
    recurring = price["recurring"]
    anchor = subscription["billing_cycle_anchor"]
    return now, periods.next_after(anchor, recurring["interval"], recurring["interval_count"], now)


def _period(subscription: Thing) -> tuple[int, int]:
    first = subscription["items"]["data"][0]
    return first["current_period_start"], first["current_period_end"]


def invoice_now(account: Account, subscription: Thing, reason: str, *, charge: bool = True) -> Thing:
    """A draft for the current period of every item; invoice.created is emitted."""
    invoice = invoice_drafts.make(
        account,
        customer=account.find(subscription["customer"]),
        currency=subscription["currency"],
        reason=reason,
        subscription=subscription,
        collection_method=subscription["collection_method"],
    )
    for item in subscription["items"]["data"]:
        start, end = item["current_period_start"], item["current_period_end"]
        product = account.find(item["price"]["product"])
        name = product["name"] if product else "Subscription"
        amount = (item["price"]["unit_amount"] or 0) * item["quantity"] if charge else 0
        invoice_drafts.add_line(
            account,
            invoice,
            amount=amount,
            description=f"{item['quantity']} × {name}",
            price=item["price"],
            quantity=item["quantity"],
            period=(start, end),
            item=item,
        )
    invoice["auto_advance"] = True
    subscription["latest_invoice"] = invoice["id"]
    emit(account, "invoice.created", invoice)
    return invoice


def _first_invoice(account: Account, subscription: Thing, *, paid_by: Thing | None, pay_first: bool) -> None:
    trial = subscription["status"] == "trialing"
    invoice = invoice_now(account, subscription, "subscription_create", charge=not trial)
    if paid_by:
        invoices.settle(account, invoice, paid_by)
        return
    if subscription["collection_method"] == "send_invoice":
        account.later(invoices.FINALIZES_AFTER_SECONDS, "finalize_invoice", invoice["id"])
        activate(account, subscription)
        return
    invoices.finalize(account, invoice)
    if invoice["status"] == "paid":
        activate(account, subscription)
    elif pay_first and invoices.default_method(account, invoice):
        invoices.try_to_pay(account, invoice)


def activate(account: Account, subscription: Thing) -> None:
    """From incomplete or past due to active, with the event."""
    if subscription["status"] in {"incomplete", "past_due", "unpaid"}:
        before = subscription["status"]
        subscription["status"] = "active"
        emit(account, "customer.subscription.updated", subscription, previous={"status": before})


@task("renew_subscription")
def renew(account: Account, subscription: Thing) -> None:
    """A period is over: end what is to end, else move the items on and draft the next invoice."""
    if subscription["status"] not in ALIVE or _period(subscription)[1] > account.now():
        return
    if subscription["status"] == "incomplete":
        return
    if subscription["cancel_at_period_end"]:
        end(account, subscription)
        return
    previous: Thing = {"items": {"object": "list", "data": [dict(item) for item in subscription["items"]["data"]]}}
    if subscription["status"] == "trialing":
        previous["status"] = "trialing"
        subscription["status"] = "active"
    BEFORE_RENEWAL.get("change", lambda *_: None)(account, subscription)
    for item in subscription["items"]["data"]:
        recurring = item["price"]["recurring"]
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] = periods.next_after(
            subscription["billing_cycle_anchor"],
            recurring["interval"],
            recurring["interval_count"],
            item["current_period_start"],
        )
    account.later(_period(subscription)[1] - account.now(), "renew_subscription", subscription["id"])
    emit(account, "customer.subscription.updated", subscription, previous=previous)
    invoice = invoice_now(account, subscription, "subscription_cycle")
    invoice["automatically_finalizes_at"] = account.now() + invoices.FINALIZES_AFTER_SECONDS
    account.later(invoices.FINALIZES_AFTER_SECONDS, "finalize_invoice", invoice["id"])


BEFORE_RENEWAL: dict[str, Any] = {}
"""A change that a schedule makes as one period ends and the next begins."""


def end(account: Account, subscription: Thing) -> None:
    """The subscription is over."""
    now = account.now()
    subscription |= {"status": "canceled", "ended_at": now, "canceled_at": subscription["canceled_at"] or now}
    emit(account, "customer.subscription.deleted", subscription)


def _paid(account: Account, subscription: Thing, _invoice: Thing) -> None:
    activate(account, subscription)


def _failed(account: Account, subscription: Thing, invoice: Thing) -> None:
    if invoice["billing_reason"] == "subscription_create":
        return  # stays incomplete
    if invoice["next_payment_attempt"] is None and invoice["attempt_count"] > len(invoices.RETRY_AFTER_SECONDS):
        end(account, subscription)
    elif subscription["status"] == "active":
        subscription["status"] = "past_due"
        emit(account, "customer.subscription.updated", subscription, previous={"status": "active"})


invoices.AFTER_PAYMENT |= {"paid": _paid, "failed": _failed}


def set_cancel_at_period_end(account: Account, subscription: Thing, *, wanted: bool) -> Thing:
    """Plan the end at the period's end, or take it back; what was before."""
    previous = {name: subscription[name] for name in ("cancel_at", "cancel_at_period_end", "canceled_at")}
    subscription |= {
        "cancel_at_period_end": wanted,
        "cancel_at": _period(subscription)[1] if wanted else None,
        "canceled_at": account.now() if wanted else None,
    }
    subscription["cancellation_details"] = {
        "comment": None,
        "feedback": None,
        "reason": "cancellation_requested" if wanted else None,
    }
    return previous


INCLUDABLE["subscription", "items"] = lambda _account, subscription: subscription["items"]
