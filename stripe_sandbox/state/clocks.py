"""Stripe's test clocks, for its own command line. They keep their own time; the sandbox's clock is moved by control."""

from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import skeleton
from stripe_sandbox.state.events import emit


@route("post", "/v1/test_helpers/test_clocks")
def create(call: Call) -> Answer:
    clock = skeleton(
        "test_helpers.test_clock",
        created=call.account.now(),
        deletes_after=call.account.now() + 30 * 86_400,
        frozen_time=int(call.params["frozen_time"]),
        name=call.params.get("name"),
        status="ready",
        status_details={},
    )
    clock.pop("deleted", None)
    call.account.add(clock)
    emit(call.account, "test_helpers.test_clock.created", clock)
    return clock


@route("get", "/v1/test_helpers/test_clocks/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("test_helpers.test_clock", call.place)


@route("post", "/v1/test_helpers/test_clocks/{id}/advance")
def advance(call: Call) -> Answer:
    clock = call.account.get("test_helpers.test_clock", call.place)
    clock |= {"frozen_time": int(call.params["frozen_time"]), "status": "advancing"}
    emit(call.account, "test_helpers.test_clock.advancing", clock)
    clock["status"] = "ready"
    emit(call.account, "test_helpers.test_clock.ready", clock)
    return clock


@route("delete", "/v1/test_helpers/test_clocks/{id}")
def delete(call: Call) -> Answer:
    clock = call.account.get("test_helpers.test_clock", call.place)
    emit(call.account, "test_helpers.test_clock.deleted", clock)
    call.account.remove(clock)
    return {"id": clock["id"], "object": "test_helpers.test_clock", "deleted": True}


@route("get", "/v1/test_helpers/test_clocks")
def list_clocks(call: Call) -> Answer:
    return page(call, call.account.newest_first("test_helpers.test_clock"), "/v1/test_helpers/test_clocks")
