"""A use that is refused while auto-recharge is buying: the answer says when to try again."""

from datetime import timedelta

from django.utils import timezone

from credits import ledger
from tests.support.usage.api_caller import Caller, assert_problem
from tests.support.usage.usage_stage import Stage


def say_recharging(stage: Stage, *, seconds: int) -> None:
    with ledger.open_book(keys=[(stage.wallet.pk, "")]) as book:
        until = timezone.now() + timedelta(seconds=seconds)
        ledger.set_recharging(book, wallet_id=stage.wallet.pk, until=until)


def test_a_spend_hears_how_long_to_wait(caller: Caller, served_stage: Stage) -> None:
    say_recharging(served_stage, seconds=60)

    answer = caller.spend("enrich", quantity=10_001)

    problem = assert_problem(answer, 402, "insufficient_credits")
    assert (problem["reason"], problem["retry_after"]) == ("recharging", 5)
    assert answer.headers["Retry-After"] == "5"


def test_a_reservation_hears_it_too(caller: Caller, served_stage: Stage) -> None:
    say_recharging(served_stage, seconds=60)

    answer = caller.reserve("enrich", quantity=10_001)

    assert assert_problem(answer, 402, "insufficient_credits")["reason"] == "recharging"
    assert answer.headers["Retry-After"] == "5"


def test_in_a_batch_the_problem_says_it(caller: Caller, served_stage: Stage) -> None:
    say_recharging(served_stage, seconds=60)
    use = {"organization": "acme", "feature": "enrich", "quantity": 10_001, "idempotency_key": "batched"}

    (result,) = caller.post("/api/v1/usage/batch", {"uses": [use]}).json()["results"]

    assert result["problem"]["retry_after"] == 5


def test_once_the_time_is_over_it_is_the_plain_answer(caller: Caller, served_stage: Stage) -> None:
    say_recharging(served_stage, seconds=-1)

    answer = caller.spend("enrich", quantity=10_001)

    assert assert_problem(answer, 402, "insufficient_credits")["reason"] == "empty"
    assert "Retry-After" not in answer.headers
