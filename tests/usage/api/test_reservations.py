"""Reservations and refunds over real HTTP."""

from datetime import datetime, timedelta
from uuid import uuid4

from credits.models import Reservation
from tests.support import factories
from tests.support.usage.api_caller import Caller, assert_problem, new_key
from tests.support.usage.usage_stage import Stage


def test_it_reserves_settles_and_gives_the_rest_back(caller: Caller, served_stage: Stage) -> None:
    reserved = caller.reserve(credits=1_000, expires_in=60, resource={"project": "apollo"})
    assert reserved.status_code == 201
    assert (reserved.json()["credits"], reserved.json()["balance"]) == (1_000, 9_000)
    row = Reservation.objects.get()
    assert datetime.fromisoformat(reserved.json()["expires_at"]) == row.expires_at == row.created_at + timedelta(0, 60)
    path = f"/api/v1/reservations/{reserved.json()['id']}/settle"
    settled = caller.post(path, {"credits": 300})
    assert settled.status_code == 200
    answer = settled.json()
    assert (answer["credits"], answer["released"], answer["uncollected"]) == (300, 700, 0)
    assert (answer["reservation"], answer["balance"]) == (reserved.json()["id"], 9_700)
    again = caller.post(path, {"credits": 300})
    assert (again.content, again.headers["Idempotent-Replayed"]) == (settled.content, "true")
    assert_problem(caller.post(path, {"credits": 301}), 409, "idempotency_conflict")
    assert served_stage.balance() == 9_700


def test_it_prices_a_settlement_by_tokens(caller: Caller) -> None:
    body = {"organization": "acme", "feature": "chat", "model": "small", "input_tokens": 100, "output_tokens": 100}
    reserved = caller.post("/api/v1/reservations", body).json()
    assert reserved["credits"] == 1_800
    path = f"/api/v1/reservations/{reserved['id']}/settle"
    settled = caller.post(path, {"input_tokens": 100, "output_tokens": 10}).json()
    assert (settled["credits"], settled["released"]) == (450, 1_350)


def test_it_replays_a_reservation(caller: Caller) -> None:
    first, again = caller.reserve(credits=10, key="same"), caller.reserve(credits=10, key="same")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert_problem(caller.reserve(credits=11, key="same"), 409, "idempotency_conflict")
    assert caller.spend(key="same").status_code == 201, "keys of other calls are apart"


def test_it_releases_as_often_as_it_is_asked(caller: Caller, served_stage: Stage) -> None:
    reserved = caller.reserve(credits=1_000).json()
    path = f"/api/v1/reservations/{reserved['id']}/release"
    first, again = caller.post(path), caller.post(path)
    assert first.json() == {"id": reserved["id"], "state": "released", "credits": 1_000}
    assert (again.status_code, again.content) == (200, first.content)
    assert caller.balance()["balance"] == 10_000
    problem = assert_problem(caller.post(path.replace("release", "settle"), {"credits": 1}), 409, "reservation_closed")
    assert problem["state"] == "released"


def test_it_refuses_to_release_what_was_settled(caller: Caller) -> None:
    path = f"/api/v1/reservations/{caller.reserve(credits=10).json()['id']}"
    caller.post(f"{path}/settle", {"credits": 10})
    assert assert_problem(caller.post(f"{path}/release"), 409, "reservation_closed")["state"] == "settled"


def test_it_refuses_reservations_that_make_no_sense(caller: Caller) -> None:
    for fields in ({"credits": 0}, {"credits": 10, "expires_in": 86_401}, {"credits": 10, "occurred_at": "now"}, {}):
        assert_problem(caller.reserve(**fields), 422, "invalid")
    assert_problem(caller.reserve(credits=10_001), 402, "insufficient_credits")


def test_it_refunds_a_part_then_the_rest_then_nothing(caller: Caller, served_stage: Stage) -> None:
    used = caller.spend().json()["id"]
    path = f"/api/v1/usage/{used}/refund"
    part = caller.post(path, {"credits": 20, "reason": "The report was half empty."}, key="part")
    assert part.status_code == 201
    assert (part.json()["usage"], part.json()["credits"], part.json()["balance"]) == (used, 20, 9_970)
    assert (
        caller.post(path, {"credits": 20, "reason": "The report was half empty."}, key="part").content == part.content
    )
    problem = assert_problem(caller.post(path, {"credits": 31}), 409, "refund_too_large")
    assert problem["refundable"] == 30
    assert caller.post(path).json()["credits"] == 30
    assert_problem(caller.post(path), 409, "refund_too_large")
    assert served_stage.balance() == 10_000


def test_it_finds_nothing_of_others_and_nothing_malformed(caller: Caller, served_stage: Stage) -> None:
    used, reserved = caller.spend().json()["id"], caller.reserve(credits=10).json()["id"]
    rival = factories.organization(factories.person("Bob"), slug="rival")
    factories.wallet(rival, served_stage.program)
    stranger = Caller(caller.client, new_key(served_stage.owner, rival, name="Rival"))
    unknown = uuid4().hex
    for name in (used, f"use_{unknown}", used.upper(), used[4:], f"res_{used[4:]}", "use_1", f"use_{unknown}0"):
        response = stranger.post(f"/api/v1/usage/{name}/refund")
        assert_problem(response, 404, "not_found")
    for name in (reserved, f"res_{unknown}", f"use_{reserved[4:]}"):
        assert_problem(stranger.post(f"/api/v1/reservations/{name}/settle", {"credits": 1}), 404, "not_found")
        assert_problem(stranger.post(f"/api/v1/reservations/{name}/release"), 404, "not_found")
    foreign, nothing = (stranger.post(f"/api/v1/usage/{name}/refund") for name in (used, f"use_{unknown}"))
    assert foreign.content == nothing.content
