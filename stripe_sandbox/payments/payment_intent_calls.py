"""The API's calls on payment intents: make, confirm, capture, cancel, read."""

from stripe_sandbox.front.errors import ApiError, missing, unexpected_state
from stripe_sandbox.front.fields import address, merged, take
from stripe_sandbox.front.lists import page, search
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.payments import charges, methods, payment_intents
from stripe_sandbox.state.events import emit
from stripe_sandbox.state.money import check_amount


@route("post", "/v1/payment_intents")
def create(call: Call) -> Answer:
    params, account = call.params, call.account
    for name in ("amount", "currency"):
        if name not in params:
            raise missing(name)
    if params.get("off_session") and not params.get("confirm"):
        raise ApiError("The parameter `off_session` can only be passed with `confirm=true`.", param="off_session")
    customer = params.get("customer")
    if customer:
        account.get("customer", customer, param="customer")
    method = methods.from_name(account, params["payment_method"]) if params.get("payment_method") else None
    if method and customer:
        methods.must_belong(method, customer)
    plain = ("description", "receipt_email", "setup_future_usage", "statement_descriptor", "capture_method")
    intent = payment_intents.make(
        account,
        amount=int(params["amount"]),
        currency=str(params["currency"]).lower(),
        customer=customer,
        metadata=merged({}, params.get("metadata")),
        **{name: params[name] for name in (*plain, "statement_descriptor_suffix") if params.get(name)},
    )
    _take_details(intent, params)
    if params.get("return_url"):
        account.hidden(intent)["return_url"] = params["return_url"]
    if method:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    if params.get("confirm"):
        return _confirm(call, intent)
    return intent


def _take_details(intent: Thing, params: Thing) -> None:
    shipping = params.get("shipping")
    if shipping:
        intent["shipping"] = {
            "address": address(shipping.get("address")),
            "carrier": shipping.get("carrier"),
            "name": shipping.get("name"),
            "phone": shipping.get("phone"),
            "tracking_number": shipping.get("tracking_number"),
        }
    sent_types = params.get("payment_method_types") or params.get("allowed_payment_method_types")
    if isinstance(sent_types, list):
        intent["payment_method_types"] = [str(each) for each in sent_types]


def _confirm(call: Call, intent: Thing) -> Thing:
    account, params = call.account, call.params
    if intent["status"] not in payment_intents.OPEN or payment_intents.is_waiting_for_money(intent):
        raise unexpected_state(
            f"This PaymentIntent's payment_method could not be confirmed because it has a status of "
            f"{intent['status']}.",
            payment_intent=dict(intent),
        )
    if params.get("return_url"):
        account.hidden(intent)["return_url"] = params["return_url"]
    named = params.get("payment_method") or intent["payment_method"]
    if not named:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method.",
            payment_intent=dict(intent),
        )
    method = methods.from_name(account, named)
    off_session = params.get("off_session", False) not in (False, "false")
    result = payment_intents.confirm(account, intent, method, off_session=off_session)
    if params.get("error_on_requires_action") and result["status"] == "requires_action":
        raise payment_intents.declined(account, intent, method, "authentication_required", "authentication_required")
    return result


@route("post", "/v1/payment_intents/{id}/confirm")
def confirm_intent(call: Call) -> Answer:
    intent = call.account.get("payment_intent", call.place)
    take(intent, call.params, "setup_future_usage", "receipt_email")
    return _confirm(call, intent)


@route("get", "/v1/payment_intents/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("payment_intent", call.place)


@route("post", "/v1/payment_intents/{id}")
def update(call: Call) -> Answer:
    intent = call.account.get("payment_intent", call.place)
    changing = {"amount", "currency", "customer", "payment_method"} & set(call.params)
    if changing and intent["status"] not in payment_intents.OPEN:
        raise unexpected_state(
            f"This PaymentIntent's {min(changing)} could not be updated because it has a status of {intent['status']}.",
            payment_intent=dict(intent),
        )
    if "amount" in call.params:
        check_amount(int(call.params["amount"]), intent["currency"])
    if call.params.get("payment_method"):
        call.params["payment_method"] = methods.from_name(call.account, call.params["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    plain = ("amount", "currency", "customer", "description", "payment_method", "receipt_email", "setup_future_usage")
    take(intent, call.params, *plain)
    return intent


@route("post", "/v1/payment_intents/{id}/cancel")
def cancel(call: Call) -> Answer:
    intent = call.account.get("payment_intent", call.place)
    if intent["status"] not in (*payment_intents.OPEN, "requires_capture", "processing"):
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            payment_intent=dict(intent),
        )
    intent |= {
        "status": "canceled",
        "canceled_at": call.account.now(),
        "cancellation_reason": call.params.get("cancellation_reason"),
        "amount_capturable": 0,
        "next_action": None,
    }
    emit(call.account, "payment_intent.canceled", intent)
    return intent


@route("post", "/v1/payment_intents/{id}/capture")
def capture(call: Call) -> Answer:
    account = call.account
    intent = account.get("payment_intent", call.place)
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}.",
            payment_intent=dict(intent),
        )
    amount = int(call.params.get("amount_to_capture") or intent["amount"])
    charge = account.get("charge", intent["latest_charge"])
    charge |= {"captured": True, "amount_captured": amount}
    emit(account, "charge.captured", charge)
    charges.settle(account, charge)
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    emit(account, "payment_intent.succeeded", intent)
    payment_intents.notify(account, intent, "succeeded")
    return intent


@route("get", "/v1/payment_intents")
def list_intents(call: Call) -> Answer:
    wanted = {"customer": call.params["customer"]} if "customer" in call.params else {}
    return page(call, call.account.newest_first("payment_intent", **wanted), "/v1/payment_intents")


@route("get", "/v1/payment_intents/search")
def search_intents(call: Call) -> Answer:
    return search(call, call.account.newest_first("payment_intent"), "/v1/payment_intents/search")
