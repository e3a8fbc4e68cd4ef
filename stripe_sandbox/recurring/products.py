"""Products and prices."""

from typing import Any

from stripe_sandbox.front.errors import ApiError, missing
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import page, search
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.events import emit

PLAIN = ("active", "description", "images", "name", "shippable", "statement_descriptor", "unit_label", "url")


def make_product(account: Account, params: Thing) -> Thing:
    """A new product, with its event."""
    product = skeleton(
        "product",
        active=True,
        created=account.now(),
        updated=account.now(),
        type="service",
        metadata=merged({}, params.get("metadata")),
    )
    for name in ("deleted", "package_dimensions"):
        product.pop(name, None)
    product["id"] = params.get("id") or account.new_id("product", 14)
    if account.find(product["id"]):
        raise ApiError(f"Product already exists: {product['id']}", code="resource_already_exists", param="id")
    take(product, params, *PLAIN)
    account.add(product)
    emit(account, "product.created", product)
    return product


def make_price(account: Account, params: Thing) -> Thing:
    """A new price, with its event; a product described inside is made too."""
    if "currency" not in params:
        raise missing("currency")
    product = params.get("product")
    if product is None:
        if "product_data" not in params:
            raise missing("product")
        product = make_product(account, params["product_data"])["id"]
    account.get("product", product, param="product")
    amount = _amount(params)
    recurring = params.get("recurring")
    price = skeleton(
        "price",
        active=params.get("active", True),
        created=account.now(),
        currency=str(params["currency"]).lower(),
        lookup_key=params.get("lookup_key"),
        metadata=merged({}, params.get("metadata")),
        nickname=params.get("nickname"),
        product=product,
        recurring=recurring
        and {
            "interval": recurring["interval"],
            "interval_count": int(recurring.get("interval_count", 1)),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        tax_behavior=params.get("tax_behavior", "unspecified"),
        type="recurring" if recurring else "one_time",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )
    for name in ("deleted", "tiers", "currency_options"):
        price.pop(name, None)
    account.add(price)
    emit(account, "price.created", price)
    return price


def _amount(params: Thing) -> int:
    if "unit_amount" in params:
        amount = int(params["unit_amount"])
    elif "unit_amount_decimal" in params:
        amount = round(float(params["unit_amount_decimal"]))
    else:
        raise missing("unit_amount")
    if amount < 0:
        raise ApiError("Invalid non-negative integer", param="unit_amount", code="parameter_invalid_integer")
    return amount


def plan_of(price: Thing) -> Thing:
    """The plan that a subscription's item still shows beside its price."""
    recurring: Any = price["recurring"]
    plan = skeleton(
        "plan",
        active=price["active"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        created=price["created"],
        currency=price["currency"],
        id=price["id"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
        metadata=dict(price["metadata"]),
        nickname=price["nickname"],
        product=price["product"],
    )
    for name in ("deleted", "tiers"):
        plan.pop(name, None)
    return plan


@route("post", "/v1/products")
def create_product(call: Call) -> Answer:
    if not call.params.get("name"):
        raise missing("name")
    product = make_product(call.account, call.params)
    if "default_price_data" in call.params:
        inside = {**call.params["default_price_data"], "product": product["id"]}
        product["default_price"] = make_price(call.account, inside)["id"]
    return product


@route("get", "/v1/products/{id}")
def retrieve_product(call: Call) -> Answer:
    return call.account.get("product", call.place)


@route("post", "/v1/products/{id}")
def update_product(call: Call) -> Answer:
    product = call.account.get("product", call.place)
    if previous := take(product, call.params, *PLAIN, "default_price"):
        product["updated"] = call.account.now()
        emit(call.account, "product.updated", product, previous=previous)
    return product


@route("delete", "/v1/products/{id}")
def delete_product(call: Call) -> Answer:
    product = call.account.get("product", call.place)
    if any(call.account.all("price", product=product["id"])):
        raise ApiError("This product cannot be deleted because it has one or more user-created prices.")
    emit(call.account, "product.deleted", product)
    call.account.remove(product)
    return {"id": product["id"], "object": "product", "deleted": True}


@route("get", "/v1/products")
def list_products(call: Call) -> Answer:
    wanted = {"active": call.params["active"]} if "active" in call.params else {}
    products = call.account.newest_first("product", **wanted)
    if "ids" in call.params:
        products = [each for each in products if each["id"] in call.params["ids"]]
    return page(call, products, "/v1/products")


@route("get", "/v1/products/search")
def search_products(call: Call) -> Answer:
    return search(call, call.account.newest_first("product"), "/v1/products/search")


@route("post", "/v1/prices")
def create_price(call: Call) -> Answer:
    return make_price(call.account, call.params)


@route("get", "/v1/prices/{id}")
def retrieve_price(call: Call) -> Answer:
    return call.account.get("price", call.place)


@route("post", "/v1/prices/{id}")
def update_price(call: Call) -> Answer:
    price = call.account.get("price", call.place)
    if previous := take(price, call.params, "active", "nickname", "lookup_key", "tax_behavior"):
        emit(call.account, "price.updated", price, previous=previous)
    return price


@route("get", "/v1/prices")
def list_prices(call: Call) -> Answer:
    names = ("active", "currency", "product", "type")
    wanted = {name: call.params[name] for name in names if name in call.params}
    prices = call.account.newest_first("price", **wanted)
    if "lookup_keys" in call.params:
        prices = [each for each in prices if each["lookup_key"] in call.params["lookup_keys"]]
    return page(call, prices, "/v1/prices")


@route("get", "/v1/prices/search")
def search_prices(call: Call) -> Answer:
    return search(call, call.account.newest_first("price"), "/v1/prices/search")
