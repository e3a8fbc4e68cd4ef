"""The API's calls on invoices, their items and their payments."""

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import page, search
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import methods
from stripe_sandbox.recurring import invoice_drafts, invoices
from stripe_sandbox.state.events import emit

PLAIN = ("auto_advance", "collection_method", "default_payment_method", "description", "due_date", "footer")


@route("post", "/v1/invoices")
def create(call: Call) -> Answer:
    account, params = call.account, call.params
    customer = account.get("customer", params.get("customer"), param="customer")
    pending = [each for each in account.all("invoiceitem", customer=customer["id"]) if not each["invoice"]]
    # Left out unless asked for since 2022; Stripe's command line counts on the old way.
    if params.get("pending_invoice_items_behavior", "exclude" if call.strict else "include") == "exclude":
        pending = []
    currency = params.get("currency") or (pending[0]["currency"] if pending else "usd")
    invoice = invoice_drafts.make(account, customer=customer, currency=currency, reason="manual")
    invoice["collection_method"] = "charge_automatically"
    take(invoice, params, *PLAIN)
    if "days_until_due" in params:
        invoice["due_date"] = account.now() + int(params["days_until_due"]) * 86_400
    for item in pending:
        _bill(call, invoice, account.get("invoiceitem", item["id"]))
    emit(account, "invoice.created", invoice)
    return invoice


def _bill(call: Call, invoice: Thing, item: Thing) -> None:
    price = call.account.find(call.account.hidden(item).get("price"))
    line = invoice_drafts.add_line(
        call.account,
        invoice,
        amount=item["amount"],
        description=item["description"],
        price=price,
        quantity=item["quantity"],
        period=(item["period"]["start"], item["period"]["end"]),
    )
    line["parent"] = {
        "type": "invoice_item_details",
        "subscription_item_details": None,
        "invoice_item_details": {
            "invoice_item": item["id"],
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": None,
        },
    }
    item["invoice"] = invoice["id"]


@route("get", "/v1/invoices/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("invoice", call.place)


@route("post", "/v1/invoices/{id}")
def update(call: Call) -> Answer:
    invoice = call.account.get("invoice", call.place)
    if previous := take(invoice, call.params, *PLAIN):
        emit(call.account, "invoice.updated", invoice, previous=previous)
    return invoice


@route("delete", "/v1/invoices/{id}")
def delete(call: Call) -> Answer:
    invoice = call.account.get("invoice", call.place)
    if invoice["status"] != "draft" or invoice["parent"]:
        raise ApiError("You can only delete draft invoices that no subscription made.", code="invoice_no_draft")
    emit(call.account, "invoice.deleted", invoice)
    call.account.remove(invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@route("post", "/v1/invoices/{id}/finalize")
def finalize(call: Call) -> Answer:
    return invoices.finalize(call.account, call.account.get("invoice", call.place))


@route("post", "/v1/invoices/{id}/pay")
def pay(call: Call) -> Answer:
    account = call.account
    invoice = account.get("invoice", call.place)
    if invoice["status"] == "draft":
        invoices.finalize(account, invoice)
    if call.params.get("paid_out_of_band") is True:
        invoices.mark_paid(account, invoice)
        return invoice
    named = call.params.get("payment_method") or call.params.get("source")
    method = methods.from_name(account, named) if named else None
    if method and not method["customer"]:
        methods.attach(account, method, invoice["customer"])
    return invoices.pay(account, invoice, method, off_session=call.params.get("off_session", True))


@route("post", "/v1/invoices/{id}/send")
def send(call: Call) -> Answer:
    invoice = call.account.get("invoice", call.place)
    if invoice["collection_method"] != "send_invoice":
        raise ApiError("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "draft":
        invoices.finalize(call.account, invoice)
    emit(call.account, "invoice.sent", invoice)
    return invoice


@route("post", "/v1/invoices/{id}/void")
def void(call: Call) -> Answer:
    return _close(call, "void", "voided_at", "invoice.voided")


@route("post", "/v1/invoices/{id}/mark_uncollectible")
def mark_uncollectible(call: Call) -> Answer:
    return _close(call, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def _close(call: Call, status: str, mark: str, kind: str) -> Thing:
    invoice = call.account.get("invoice", call.place)
    if invoice["status"] not in {"open", "uncollectible"}:
        raise ApiError(f"You can't do this to an invoice that is {invoice['status']}.")
    invoice["status"] = status
    invoice["status_transitions"][mark] = call.account.now()
    emit(call.account, kind, invoice)
    return invoice


@route("get", "/v1/invoices")
def list_invoices(call: Call) -> Answer:
    names = ("customer", "status", "collection_method")
    found = call.account.newest_first("invoice", **{name: call.params[name] for name in names if name in call.params})
    if wanted := call.params.get("subscription"):
        found = [
            each
            for each in found
            if each["parent"] and each["parent"]["subscription_details"]["subscription"] == wanted
        ]
    return page(call, found, "/v1/invoices")


@route("get", "/v1/invoices/search")
def search_invoices(call: Call) -> Answer:
    return search(call, call.account.newest_first("invoice"), "/v1/invoices/search")


@route("get", "/v1/invoice_payments")
def list_payments(call: Call) -> Answer:
    names = ("invoice", "status")
    wanted = {name: call.params[name] for name in names if name in call.params}
    found = call.account.newest_first("invoice_payment", **wanted)
    if asked := call.params.get("payment"):
        found = [each for each in found if each["payment"].get("payment_intent") == asked.get("payment_intent")]
    return page(call, found, "/v1/invoice_payments")


@route("get", "/v1/invoice_payments/{id}")
def retrieve_payment(call: Call) -> Answer:
    return call.account.get("invoice_payment", call.place)


@route("post", "/v1/invoiceitems")
def create_item(call: Call) -> Answer:
    account, params = call.account, call.params
    customer = account.get("customer", params.get("customer"), param="customer")
    named = params.get("price") or (params.get("pricing") or {}).get("price")
    price = account.get("price", named, param="price") if named else None
    quantity = int(params.get("quantity", 1))
    unit = price["unit_amount"] if price else int(params.get("unit_amount_decimal") or params.get("amount") or 0)
    amount = unit * quantity
    now = account.now()
    item = skeleton(
        "invoiceitem",
        amount=amount,
        currency=price["currency"] if price else str(params.get("currency", "usd")).lower(),
        customer=customer["id"],
        date=now,
        description=params.get("description"),
        discountable=True,
        discounts=[],
        metadata=merged({}, params.get("metadata")),
        net_amount=amount,
        period={"start": now, "end": now},
        quantity=quantity,
        quantity_decimal=str(quantity),
        tax_rates=[],
    )
    for name in ("deleted", "frozen_fields", "invoicing_rules"):
        item.pop(name, None)
    if price:
        item["pricing"] = {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    account.add(item, price=price and price["id"])
    emit(account, "invoiceitem.created", item)
    if params.get("invoice"):
        invoice = account.get("invoice", params["invoice"], param="invoice")
        if invoice["status"] != "draft":
            raise ApiError("You can only add items to a draft invoice.", code="invoice_not_editable")
        _bill(call, invoice, item)
    return item


@route("get", "/v1/invoiceitems/{id}")
def retrieve_item(call: Call) -> Answer:
    return call.account.get("invoiceitem", call.place)


@route("delete", "/v1/invoiceitems/{id}")
def delete_item(call: Call) -> Answer:
    item = call.account.get("invoiceitem", call.place)
    emit(call.account, "invoiceitem.deleted", item)
    call.account.remove(item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}
