"""The billing portal through the API: configurations, and sessions whose address leads to the page."""

from typing import Any

from stripe_sandbox.front.errors import ApiError, missing
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.events import emit


@route("post", "/v1/billing_portal/configurations")
def create_configuration(call: Call) -> Answer:
    configuration = make_configuration(call.account, call.params)
    emit(call.account, "billing_portal.configuration.created", configuration)
    return configuration


def make_configuration(account: Account, params: Thing, *, is_default: bool = False) -> Thing:
    """A new configuration; what is not asked for is switched off."""
    profile = params.get("business_profile") or {}
    configuration = skeleton(
        "billing_portal.configuration",
        active=True,
        business_profile={
            name: profile.get(name) for name in ("headline", "privacy_policy_url", "terms_of_service_url")
        },
        created=account.now(),
        default_return_url=params.get("default_return_url"),
        features=_features(params.get("features") or {}),
        is_default=is_default,
        login_page={"enabled": False, "url": None},
        metadata=merged({}, params.get("metadata")),
        updated=account.now(),
    )
    configuration.pop("name", None)
    configuration["name"] = params.get("name")
    return account.add(configuration)


def _features(sent: Thing) -> Thing:
    cancel = sent.get("subscription_cancel") or {}
    update = sent.get("subscription_update") or {}
    reason = cancel.get("cancellation_reason") or {}
    customer = sent.get("customer_update") or {}
    on = {name: _flag((sent.get(name) or {}).get("enabled")) for name in ("invoice_history", "payment_method_update")}
    schedule = update.get("schedule_at_period_end") or {}
    return {
        "customer_update": {
            "allowed_updates": customer.get("allowed_updates") or [],
            "enabled": _flag(customer.get("enabled", bool(customer.get("allowed_updates")))),
        },
        "invoice_history": {"enabled": on["invoice_history"]},
        "payment_method_update": {"enabled": on["payment_method_update"], "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": _flag(reason.get("enabled")),
                "feedback_options": None,
                "options": reason.get("options") or [],
            },
            "enabled": _flag(cancel.get("enabled")),
            "mode": cancel.get("mode", "at_period_end"),
            "proration_behavior": cancel.get("proration_behavior", "none"),
        },
        "subscription_pause": {"enabled": False, "duration": {"interval_options": [], "type": "indefinite"}},
        "subscription_update": {
            "billing_cycle_anchor": update.get("billing_cycle_anchor"),
            "default_allowed_updates": update.get("default_allowed_updates") or [],
            "enabled": _flag(update.get("enabled")),
            "products": [_product(each) for each in update.get("products") or []],
            "proration_behavior": update.get("proration_behavior", "none"),
            "schedule_at_period_end": {"conditions": schedule.get("conditions") or []},
            "trial_update_behavior": "end_trial",
        },
    }


def _product(sent: Thing) -> Thing:
    quantity = {"enabled": False, "maximum": None, "minimum": 1}
    return {"adjustable_quantity": quantity, "prices": sent.get("prices") or [], "product": sent.get("product")}


def _flag(value: Any) -> bool:
    return value in (True, "true")


@route("get", "/v1/billing_portal/configurations/{id}")
def retrieve_configuration(call: Call) -> Answer:
    return call.account.get("billing_portal.configuration", call.place)


@route("post", "/v1/billing_portal/configurations/{id}")
def update_configuration(call: Call) -> Answer:
    configuration = call.account.get("billing_portal.configuration", call.place)
    previous = take(configuration, call.params, "active", "default_return_url", "name")
    if "features" in call.params:
        previous["features"] = configuration["features"]
        configuration["features"] = configuration["features"] | {
            name: value for name, value in _features(call.params["features"]).items() if name in call.params["features"]
        }
    configuration["updated"] = call.account.now()
    emit(call.account, "billing_portal.configuration.updated", configuration, previous=previous)
    return configuration


@route("get", "/v1/billing_portal/configurations")
def list_configurations(call: Call) -> Answer:
    names = ("active", "is_default")
    wanted = {name: call.params[name] for name in names if name in call.params}
    found = call.account.newest_first("billing_portal.configuration", **wanted)
    return page(call, found, "/v1/billing_portal/configurations")


@route("post", "/v1/billing_portal/sessions")
def create_session(call: Call) -> Answer:
    account, params = call.account, call.params
    if not params.get("customer"):
        raise missing("customer")
    account.get("customer", params["customer"], param="customer")
    session = skeleton(
        "billing_portal.session",
        configuration=_configuration(call)["id"],
        created=account.now(),
        customer=params["customer"],
        flow=_flow(account, params.get("flow_data")),
        locale=params.get("locale"),
        return_url=params.get("return_url"),
    )
    session.pop("after_expiration", None)
    account.add(session)
    session["url"] = f"{account.base_url}/p/session/{session['id']}"
    emit(account, "billing_portal.session.created", session)
    return session


def _configuration(call: Call) -> Thing:
    account = call.account
    if call.params.get("configuration"):
        return account.get("billing_portal.configuration", call.params["configuration"], param="configuration")
    default = next(account.all("billing_portal.configuration", is_default=True), None)
    if default is None:
        everything = {
            "customer_update": {"enabled": True, "allowed_updates": ["email", "name", "address"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True},
        }
        default = make_configuration(account, {"features": everything}, is_default=True)
    return default


def _flow(account: Account, sent: Thing | None) -> Thing | None:
    if not sent:
        return None
    flow: Thing = {
        "type": sent["type"],
        "after_completion": {"type": "portal_homepage", "hosted_confirmation": None, "redirect": None},
        **dict.fromkeys(("subscription_cancel", "subscription_update", "subscription_update_confirm")),
    }
    after = sent.get("after_completion") or {}
    if after.get("type") == "redirect":
        flow["after_completion"] |= {"type": "redirect", "redirect": {"return_url": after["redirect"]["return_url"]}}
    elif after.get("type") == "hosted_confirmation":
        message = (after.get("hosted_confirmation") or {}).get("custom_message")
        flow["after_completion"] |= {"type": after["type"], "hosted_confirmation": {"custom_message": message}}
    kind = sent["type"]
    if kind.startswith("subscription_"):
        inside = sent.get(kind) or {}
        account.get("subscription", inside.get("subscription"), param=f"flow_data[{kind}][subscription]")
        flow[kind] = {"subscription": inside["subscription"]}
        if kind == "subscription_cancel":
            flow[kind]["retention"] = None
        if kind == "subscription_update_confirm":
            flow[kind] |= {"discounts": None, "items": [_flow_item(each) for each in inside.get("items") or []]}
            if not flow[kind]["items"]:
                raise ApiError("Name the item to change.", param="flow_data[subscription_update_confirm][items]")
    return flow


def _flow_item(sent: Thing) -> Thing:
    return {"id": sent.get("id"), "price": sent.get("price"), "quantity": sent.get("quantity", 1)}
