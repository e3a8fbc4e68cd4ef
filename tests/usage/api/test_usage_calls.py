"""POST /api/v1/usage: one use, paid for or refused, over real HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import httpx

from organizations.models import Scope
from tests.support import factories
from tests.support.usage.api_caller import Caller, assert_problem, new_key
from tests.support.usage.usage_stage import Stage
from usage import limits
from usage.models import Service, UsageEvent


def test_it_charges_a_use_and_says_what_is_left(caller: Caller, served_stage: Stage) -> None:
    response = caller.spend(
        "chat",
        user="alice@example.com",
        service="assistant",
        model="small",
        input_tokens=100,
        output_tokens=10,
        resource={"project": "apollo", "session": "s-1"},
    )
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in response.headers
    assert response.json() == {"id": response.json()["id"], "credits": 450, "balance": 9_550}
    event = UsageEvent.objects.get(pk=response.json()["id"].removeprefix("use_"))
    assert (event.user, event.service.key, event.credits) == (served_stage.owner, "assistant", 450)


def test_it_answers_a_replay_as_it_answered_at_first(caller: Caller, served_stage: Stage) -> None:
    first = caller.spend(key="same")
    caller.spend(key="another")
    again = caller.spend(key="same")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert served_stage.balance() == 9_900


def test_it_refuses_a_key_that_was_used_for_something_else(caller: Caller, served_stage: Stage) -> None:
    caller.spend(key="same")
    assert_problem(caller.spend("query", key="same", credits=20), 409, "idempotency_conflict")
    assert served_stage.balance() == 9_950


def test_it_acts_once_when_the_same_request_comes_fifty_times_at_once(caller: Caller, served_stage: Stage) -> None:
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: caller.spend(key="storm"), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert served_stage.balance() == 9_950


def test_it_says_what_is_missing_and_where_to_buy(caller: Caller, served_stage: Stage) -> None:
    problem = assert_problem(caller.spend("enrich", quantity=10_001), 402, "insufficient_credits")
    assert (problem["needed"], problem["available"], problem["reserved"]) == (10_001, 10_000, 0)
    assert problem["reason"] == "empty"
    assert problem["buy_url"].endswith("/o/acme/buy/")
    assert served_stage.balance() == 10_000


def test_it_says_that_credits_are_only_reserved(caller: Caller) -> None:
    assert caller.reserve(credits=9_980).status_code == 201
    problem = assert_problem(caller.spend(), 402, "insufficient_credits")
    assert (problem["available"], problem["reserved"], problem["reason"]) == (20, 9_980, "reserved")


def test_it_names_the_limit_that_was_reached(caller: Caller, served_stage: Stage) -> None:
    limits.set_limit(organization=served_stage.organization, credits=70, actor=served_stage.owner)
    assert caller.spend().status_code == 201
    problem = assert_problem(caller.spend(), 403, "usage_limit_reached")
    named = problem["limit"]
    resets_at = datetime.fromisoformat(named.pop("resets_at"))
    assert named == {"scope": "organization", "name": "Acme", "feature": "", "credits": 70, "used": 50}
    assert problem["needed"] == 50
    assert (resets_at.day, resets_at.hour, resets_at.minute, resets_at.utcoffset()) == (1, 0, 0, timedelta())


def test_it_refuses_while_ai_is_switched_off(caller: Caller, served_stage: Stage) -> None:
    Service.objects.create(organization=served_stage.organization, key="main", name="Main", is_ai_on=False)
    problem = assert_problem(caller.spend(), 403, "ai_switched_off")
    assert (problem["service"], problem["reason"]) == ("main", "switched_off")


def test_it_refuses_a_key_that_may_only_read(caller: Caller, served_stage: Stage) -> None:
    reader = Caller(caller.client, new_key(served_stage.owner, served_stage.organization, scope=Scope.READ, name="R"))
    assert_problem(reader.spend(), 403, "scope")
    assert_problem(reader.reserve(credits=1), 403, "scope")
    assert reader.balance()["balance"] == 10_000


def test_it_asks_for_a_valid_key_before_anything_else(caller: Caller, live_api: httpx.Client) -> None:
    for headers in ({}, {"Authorization": "Basic dd_x"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer no"}):
        response = live_api.post("/api/v1/usage", content=b"not json", headers=headers)
        assert_problem(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert_problem(Caller(live_api, "dd_" + "x" * 32).spend(), 401, "unauthorized")


def test_it_answers_alike_for_a_foreign_and_an_unknown_organization(caller: Caller) -> None:
    factories.wallet(
        factories.organization(factories.person("Bob"), slug="rival"), factories.program("other", decimals=2)
    )
    foreign = caller.post("/api/v1/usage", {"organization": "rival", "feature": "report"})
    unknown = caller.post("/api/v1/usage", {"organization": "nobody", "feature": "report"})
    assert_problem(foreign, 404, "not_found")
    assert foreign.content == unknown.content


def test_a_product_servers_key_may_act_for_any_organization(caller: Caller, served_stage: Stage) -> None:
    anyone = Caller(caller.client, new_key(served_stage.owner, name="Platform"))
    assert anyone.spend().status_code == 201
    assert_problem(anyone.post("/api/v1/usage", {"organization": "nobody", "feature": "report"}), 404, "not_found")


def test_it_refuses_a_revoked_key_at_once(caller: Caller, served_stage: Stage) -> None:
    from organizations.api_keys import revoke_key
    from organizations.models import ApiKey

    assert caller.spend().status_code == 201
    revoke_key(key=ApiKey.objects.get(), actor=served_stage.owner)
    assert_problem(caller.spend(), 401, "unauthorized")


def test_it_names_what_the_meter_finds_wrong(caller: Caller, served_stage: Stage) -> None:
    wrong = {
        "feature": caller.spend("nope"),
        "user": caller.spend(user="stranger@example.com"),
        "credits": caller.spend("query", credits=51),
        "model": caller.spend("chat", model="huge", input_tokens=1, output_tokens=1),
        "occurred_at": caller.spend(occurred_at="2020-01-01T00:00:00Z"),
        "quantity": caller.spend(quantity=3),
    }
    for field, response in wrong.items():
        assert assert_problem(response, 422, "invalid")["errors"][0]["field"] == field
    assert served_stage.balance() == 10_000
