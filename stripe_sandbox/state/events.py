"""Events: what happened, with a snapshot of the object. Each is enqueued for delivery when it is made."""

import copy
from typing import Any

from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import API_VERSION, Thing, skeleton
from stripe_sandbox.state import deliveries
from stripe_sandbox.state.account import Account

KEPT_SECONDS = 30 * 86_400


def emit(account: Account, kind: str, thing: Thing, *, previous: Thing | None = None) -> Thing:
    """Record an event about an object, and enqueue it for every endpoint that subscribes to its type."""
    request: dict[str, Any] = account.notes.get("request") or {"id": None, "idempotency_key": None}
    data: dict[str, Any] = {"object": copy.deepcopy(thing)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = skeleton(
        "event", api_version=API_VERSION, created=account.now(), type=kind, data=data, request=dict(request)
    )
    for name in ("account", "context"):  # only for events of connected accounts
        event.pop(name, None)
    account.add(event)
    event["pending_webhooks"] = deliveries.enqueue(account, event)
    return event


@route("get", "/v1/events")
def list_events(call: Call) -> Answer:
    wanted = call.params.get("types") or ([call.params["type"]] if "type" in call.params else [])
    oldest = call.account.now() - KEPT_SECONDS
    events = [
        each
        for each in call.account.newest_first("event")
        if each["created"] >= oldest and (not wanted or _matches(each["type"], wanted))
    ]
    return page(call, events, "/v1/events")


@route("get", "/v1/events/{id}")
def retrieve_event(call: Call) -> Answer:
    return call.account.get("event", call.place)


def _matches(kind: str, wanted: list[str]) -> bool:
    return any(kind == each or (each.endswith("*") and kind.startswith(each[:-1])) for each in wanted)
