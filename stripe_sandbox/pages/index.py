"""The list of everything that was paid here, newest first, and what can be done to it."""

from stripe_sandbox.front import html
from stripe_sandbox.front.html import tag
from stripe_sandbox.pages.base import Page, Visit, view
from stripe_sandbox.payments.payment_intents import is_waiting_for_money
from stripe_sandbox.state import periods
from stripe_sandbox.state.money import shown

SHOWN = 200


@view("/")
def index(visit: Visit) -> Page:
    account = visit.account
    intents = account.newest_first("payment_intent")
    rows: list[list[object]] = []
    for intent in intents[:SHOWN]:
        charge = account.find(intent["latest_charge"]) or {}
        customer = account.find(intent["customer"]) or {}
        status = intent["status"].replace("_", " ")
        if is_waiting_for_money(intent):
            status = html.link("waits for money", f"/vouchers/{intent['id']}")
        refunded = shown(charge["amount_refunded"], intent["currency"]) if charge.get("amount_refunded") else ""
        rows.append(
            [
                tag("code", intent["id"]),
                periods.minute(intent["created"]),
                customer.get("name") or customer.get("email") or "",
                shown(intent["amount"], intent["currency"]),
                status,
                refunded,
                "disputed" if charge.get("disputed") else "",
            ]
        )
    headings = ["Payment", "When", "Customer", "Amount", "Status", "Refunded", "Dispute"]
    listed = (
        html.table(f"Payments, {len(intents)} in all", headings, rows) if rows else tag("p", "Nothing was paid yet.")
    )
    clock = tag("p", f"The sandbox's clock says {periods.minute(account.now())}.")
    return Page(html.page("Payments", clock, listed))
