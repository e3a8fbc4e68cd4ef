"""Drafts of invoices: the blank, its lines and its totals."""

from typing import Any

from stripe_sandbox.front.lists import a_list
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.state.account import Account


def make(account: Account, *, customer: Thing | None, currency: str, reason: str, **fields: Any) -> Thing:
    """A draft without lines; invoice.created is for the caller to emit, once the lines are in."""
    subscription = fields.pop("subscription", None)
    invoice = skeleton(
        "invoice",
        account_country="US",
        account_name="Payments sandbox",
        auto_advance=False,
        billing_reason=reason,
        created=account.now(),
        currency=currency,
        customer=customer and customer["id"],
        customer_address=customer and customer["address"],
        customer_email=customer and customer["email"],
        customer_name=customer and customer["name"],
        customer_phone=customer and customer["phone"],
        customer_tax_exempt="none",
        customer_tax_ids=[],
        effective_at=None,
        metadata={},
        period_start=account.now(),
        period_end=account.now(),
        status="draft",
        total_discount_amounts=[],
        total_pretax_credit_amounts=[],
        total_taxes=[],
        **fields,
    )
    invoice.pop("deleted", None)
    for name in ("confirmation_secret", "payments", "threshold_reason", "amount_paid_off_stripe"):
        invoice.pop(name, None)
    if subscription:
        inside = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
        invoice["parent"] = {"type": "subscription_details", "quote_details": None, "subscription_details": inside}
    account.add(invoice)
    invoice["lines"] = a_list([], f"/v1/invoices/{invoice['id']}/lines")
    return invoice


def add_line(
    account: Account,
    invoice: Thing,
    *,
    amount: int,
    description: str | None,
    price: Thing | None = None,
    quantity: int = 1,
    period: tuple[int, int] | None = None,
    item: Thing | None = None,
    proration: bool = False,
) -> Thing:
    """Add a line and bring the totals up to date. `item`: the subscription item that it is for."""
    start, end = period or (account.now(), account.now())
    line = skeleton(
        "line_item",
        id=account.new_id("line_item"),
        amount=amount,
        subtotal=amount,
        currency=invoice["currency"],
        description=description,
        discountable=True,
        discount_amounts=[],
        discounts=[],
        invoice=invoice["id"],
        metadata={},
        period={"start": start, "end": end},
        pretax_credit_amounts=[],
        quantity=quantity,
        quantity_decimal=str(quantity),
        taxes=[],
    )
    if price:
        line["pricing"] = {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    if item:
        line["subscription"] = item["subscription"]
        inside = {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        }
        line["parent"] = {
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": inside,
        }
    invoice["lines"]["data"].append(line)
    total(invoice)
    return line


def total(invoice: Thing) -> None:
    """Amounts from the lines; a negative total owes nothing."""
    amount = sum(line["amount"] for line in invoice["lines"]["data"])
    due = max(0, amount)
    invoice |= {
        "amount_due": due,
        "amount_remaining": due - invoice["amount_paid"],
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
    }
