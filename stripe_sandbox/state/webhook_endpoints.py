"""Webhook endpoints made through the API; a secret is shown once, when its endpoint is made."""

from stripe_sandbox.front.errors import ApiError, missing
from stripe_sandbox.front.fields import merged, take
from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import API_VERSION, skeleton


@route("post", "/v1/webhook_endpoints")
def create(call: Call) -> Answer:
    params, account = call.params, call.account
    for name in ("url", "enabled_events"):
        if not params.get(name):
            raise missing(name)
    if not str(params["url"]).startswith(("http://", "https://")):
        raise ApiError(
            "Invalid URL: An explicit scheme (such as https) must be provided.", param="url", code="url_invalid"
        )
    secret = f"whsec_{account.new_id('coupon', 32)}"
    endpoint = skeleton(
        "webhook_endpoint",
        api_version=params.get("api_version") or API_VERSION,
        created=account.now(),
        description=params.get("description"),
        enabled_events=params["enabled_events"],
        metadata=merged({}, params.get("metadata")),
        status="enabled",
        url=params["url"],
    )
    for name in ("secret", "deleted"):
        endpoint.pop(name, None)
    account.add(endpoint, secret=secret)
    return {**endpoint, "secret": secret}


@route("get", "/v1/webhook_endpoints/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("webhook_endpoint", call.place)


@route("post", "/v1/webhook_endpoints/{id}")
def update(call: Call) -> Answer:
    endpoint = call.account.get("webhook_endpoint", call.place)
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    take(endpoint, call.params, "description", "enabled_events", "url")
    return endpoint


@route("delete", "/v1/webhook_endpoints/{id}")
def delete(call: Call) -> Answer:
    endpoint = call.account.get("webhook_endpoint", call.place)
    call.account.remove(endpoint)
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


@route("get", "/v1/webhook_endpoints")
def list_endpoints(call: Call) -> Answer:
    return page(call, call.account.newest_first("webhook_endpoint"), "/v1/webhook_endpoints")
