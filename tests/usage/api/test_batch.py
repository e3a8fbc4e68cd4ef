"""POST /api/v1/usage/batch: many uses, each answered by itself."""

import json
from typing import Any

import httpx

from tests.support import factories
from tests.support.usage.api_caller import Caller, assert_problem, new_key
from tests.support.usage.usage_stage import Stage, give

BATCH = "/api/v1/usage/batch"


def use(key: str, feature: str = "report", **fields: Any) -> dict[str, Any]:
    return {"organization": "acme", "feature": feature, "idempotency_key": key, **fields}


def test_it_answers_each_use_by_itself_and_in_order(caller: Caller, served_stage: Stage) -> None:
    response = caller.post(
        BATCH,
        {
            "uses": [
                use("a"),
                use("b", "nope"),
                use("c", "enrich", quantity=20_000),
                use("d", organization="nobody"),
                use("e", quantity="3"),
                use("f", surprise=1),
                {"feature": "report"},
                "not an object",
                use("a"),
                use("a", "query", credits=10),
                use("g", occurred_at="yesterday"),
                use("h"),
            ]
        },
    )
    results = response.json()["results"]
    assert response.status_code == 200
    assert [result["status"] for result in results] == [201, 422, 402, 404, 422, 422, 422, 422, 201, 409, 422, 201]
    assert results[0]["use"] == results[8]["use"]
    assert (results[0]["replayed"], results[8]["replayed"]) == (False, True)
    fields = [result["problem"]["errors"][0]["field"] for result in results if result["status"] == 422]
    assert fields == ["feature", "quantity", "surprise", "organization", "", "occurred_at"]
    assert results[2]["problem"]["type"] == "/api/problems/insufficient_credits"
    assert served_stage.balance() == 9_900


def test_it_answers_a_replayed_batch_as_before(caller: Caller, served_stage: Stage) -> None:
    body = {"uses": [use(f"k{i}") for i in range(100)]}
    first, again = caller.post(BATCH, body).json()["results"], caller.post(BATCH, body).json()["results"]
    assert [result["use"] for result in first] == [result["use"] for result in again]
    assert all(result["replayed"] for result in again)
    assert served_stage.balance() == 5_000


def test_a_small_use_still_fits_after_a_large_one_was_refused(caller: Caller, served_stage: Stage) -> None:
    uses = [use("a", "enrich", quantity=9_990), use("b"), use("c", "query", credits=10), use("d", "query", credits=10)]
    results = caller.post(BATCH, {"uses": uses}).json()["results"]
    assert [result["status"] for result in results] == [201, 402, 201, 402]
    assert served_stage.balance() == 0


def test_a_product_server_pays_for_many_organizations_at_once(caller: Caller, served_stage: Stage) -> None:
    rival = factories.wallet(factories.organization(factories.person("Bob"), slug="rival"), served_stage.program)
    give(rival, 100)
    uses = [use("a"), use("a", organization="rival"), use("b", organization="rival"), use("c", organization="rival")]
    anyone = Caller(caller.client, new_key(served_stage.owner, name="Platform"))
    results = anyone.post(BATCH, {"uses": uses}).json()["results"]
    assert [result["status"] for result in results] == [201, 201, 201, 402]
    own = caller.post(BATCH, {"uses": [use("d"), use("e", organization="rival")]}).json()["results"]
    assert [result["status"] for result in own] == [201, 404]


def test_it_takes_a_thousand_uses_and_no_more(caller: Caller, served_stage: Stage) -> None:
    uses = [use(f"k{i}", "query", credits=10) for i in range(1_000)]
    results = caller.post(BATCH, {"uses": uses}).json()["results"]
    assert [result["status"] for result in results] == [201] * 1_000
    assert served_stage.balance() == 0
    for wrong in ([*uses, use("one more")], []):
        assert_problem(caller.post(BATCH, {"uses": wrong}), 422, "invalid")


def test_a_name_that_comes_twice_in_a_use_refuses_only_that_use(caller: Caller, served_stage: Stage) -> None:
    good = json.dumps(use("a"))
    bad = [
        good.replace('"feature"', '"feature": "query", "feature"'),
        json.dumps(use("b", resource={"x": 1})).replace('"x": 1', '"x": 1, "x": 2'),
        json.dumps(use("c", quantity=7)).replace("7", "7" * 5_000),
    ]
    results = send(caller, f'{{"uses": [{", ".join([*bad, good])}]}}').json()["results"]
    assert [result["status"] for result in results] == [422, 422, 422, 201]
    named = [result["problem"]["errors"][0]["field"] for result in results[:3]]
    assert named == ["feature", "x", "quantity"]
    assert served_stage.balance() == 10_000 - 50


def test_a_list_that_comes_twice_is_refused_whole(caller: Caller, served_stage: Stage) -> None:
    uses = json.dumps([use("a")])
    problem = assert_problem(send(caller, f'{{"uses": {uses}, "uses": {uses}}}'), 422, "invalid")
    assert problem["errors"] == [{"field": "uses", "detail": "This field is repeated."}]
    assert served_stage.balance() == 10_000


def send(caller: Caller, content: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
    return caller.client.post(BATCH, content=content.encode(), headers=headers)
