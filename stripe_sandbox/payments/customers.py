"""Customers."""

from stripe_sandbox.front.fields import address, merged, take
from stripe_sandbox.front.lists import INCLUDABLE, a_list, page, search
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import methods
from stripe_sandbox.payments.cards import BY_NAME
from stripe_sandbox.state.events import emit

PLAIN = ("business_name", "description", "email", "individual_name", "name", "phone", "tax_exempt", "balance")


@route("post", "/v1/customers")
def create(call: Call) -> Answer:
    account = call.account
    customer = skeleton(
        "customer",
        balance=0,
        created=account.now(),
        delinquent=False,
        metadata=merged({}, call.params.get("metadata")),
        preferred_locales=call.params.get("preferred_locales", []),
        tax_exempt="none",
        next_invoice_sequence=1,
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
    )
    for name in ("cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids", "deleted"):
        customer.pop(name, None)
    customer["id"] = account.new_id("customer", 14)
    customer["invoice_prefix"] = customer["id"][-8:].upper()
    _take(call, customer)
    if isinstance(call.params.get("test_clock"), str):
        customer["test_clock"] = call.params["test_clock"]
    method = call.params.get("payment_method") or call.params.get("source")
    made = methods.from_name(account, method) if method else None
    account.add(customer)
    emit(account, "customer.created", customer)
    if made:
        methods.attach(account, made, customer["id"])
        if call.params.get("source"):
            customer["invoice_settings"]["default_payment_method"] = made["id"]
    _take_settings(call, customer)
    return customer


def _take(call: Call, customer: Thing) -> Thing:
    previous = take(customer, call.params, *PLAIN, "preferred_locales")
    if "address" in call.params:
        previous["address"] = customer["address"]
        customer["address"] = address(call.params["address"])
    if "shipping" in call.params:
        shipping = call.params["shipping"] or None
        customer["shipping"] = shipping and {
            "address": address(shipping.get("address")) or address({"city": ""}),
            "name": shipping.get("name"),
            "phone": shipping.get("phone"),
            "carrier": None,
            "tracking_number": None,
        }
    return previous


def _take_settings(call: Call, customer: Thing) -> Thing:
    settings = call.params.get("invoice_settings") or {}
    if "default_payment_method" not in settings:
        return {}
    before = customer["invoice_settings"]["default_payment_method"]
    wanted = settings["default_payment_method"] or None
    if wanted:
        method = _default_method(call, customer, wanted)
        wanted = method["id"]
        methods.must_belong(method, customer["id"])
    customer["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": wanted}
    return {"invoice_settings": {"default_payment_method": before}} if before != wanted else {}


def _default_method(call: Call, customer: Thing, name: str) -> Thing:
    """The method of this identifier; a test card's name means the one just saved under it."""
    if name not in BY_NAME:
        return call.account.get("payment_method", name, param="invoice_settings[default_payment_method]")
    for saved in call.account.newest_first("payment_method", customer=customer["id"]):
        if methods.card_of(call.account, saved) == BY_NAME[name]:
            return saved
    return methods.attach(call.account, methods.from_name(call.account, name), customer["id"])


@route("get", "/v1/customers/{id}")
def retrieve(call: Call) -> Answer:
    return _deleted(call.place) if call.place in _gone(call) else call.account.get("customer", call.place)


@route("post", "/v1/customers/{id}")
def update(call: Call) -> Answer:
    customer = call.account.get("customer", call.place)
    previous = {**_take(call, customer), **_take_settings(call, customer)}
    if source := call.params.get("source"):
        method = methods.attach(call.account, methods.from_name(call.account, source), customer["id"])
        customer["invoice_settings"]["default_payment_method"] = method["id"]
        previous["default_source"] = None
    if previous:
        emit(call.account, "customer.updated", customer, previous=previous)
    return customer


@route("delete", "/v1/customers/{id}")
def delete(call: Call) -> Answer:
    customer = call.account.get("customer", call.place)
    emit(call.account, "customer.deleted", customer)
    for method in call.account.all("payment_method", customer=customer["id"]):
        call.account.get("payment_method", method["id"])["customer"] = None
    call.account.remove(customer)
    call.account.notes.setdefault("deleted_customers", []).append(customer["id"])
    return _deleted(customer["id"])


def _gone(call: Call) -> list[str]:
    gone: list[str] = call.account.notes.get("deleted_customers", [])
    return gone


def _deleted(identifier: str) -> Answer:
    return {"id": identifier, "object": "customer", "deleted": True}


@route("get", "/v1/customers")
def list_customers(call: Call) -> Answer:
    wanted = {"email": call.params["email"]} if "email" in call.params else {}
    return page(call, call.account.newest_first("customer", **wanted), "/v1/customers")


@route("get", "/v1/customers/search")
def search_customers(call: Call) -> Answer:
    return search(call, call.account.newest_first("customer"), "/v1/customers/search")


@route("get", "/v1/customers/{id}/payment_methods")
def list_methods(call: Call) -> Answer:
    customer = call.account.get("customer", call.place)
    return page(call, methods.of_customer(call, customer["id"]), f"/v1/customers/{customer['id']}/payment_methods")


@route("get", "/v1/customers/{id}/payment_methods/{method}")
def retrieve_method(call: Call) -> Answer:
    method = call.account.get("payment_method", call.second_place)
    methods.must_belong(method, call.place)
    return method


@route("post", "/v1/customers/{id}/tax_ids")
def create_tax_id(call: Call) -> Answer:
    customer = call.account.get("customer", call.place)
    tax_id = skeleton(
        "tax_id",
        created=call.account.now(),
        customer=customer["id"],
        type=call.params["type"],
        value=call.params["value"],
        owner={
            "account": None,
            "application": None,
            "customer": customer["id"],
            "customer_account": None,
            "type": "customer",
        },
        verification={"status": "pending", "verified_address": None, "verified_name": None},
    )
    return call.account.add(tax_id)


@route("get", "/v1/customers/{id}/tax_ids")
def list_tax_ids(call: Call) -> Answer:
    found = call.account.newest_first("tax_id", customer=call.place)
    return page(call, found, f"/v1/customers/{call.place}/tax_ids")


@route("delete", "/v1/customers/{id}/tax_ids/{tax_id}")
def delete_tax_id(call: Call) -> Answer:
    tax_id = call.account.get("tax_id", call.second_place)
    call.account.remove(tax_id)
    return {"id": tax_id["id"], "object": "tax_id", "deleted": True}


INCLUDABLE["customer", "subscriptions"] = lambda account, customer: a_list(
    account.newest_first("subscription", customer=customer["id"]),
    f"/v1/customers/{customer['id']}/subscriptions",
)
INCLUDABLE["customer", "tax_ids"] = lambda account, customer: a_list(
    account.newest_first("tax_id", customer=customer["id"]), f"/v1/customers/{customer['id']}/tax_ids"
)
