"""Concurrent spends committed together: the right answer for each, few transactions, faults that reach no neighbour."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from credits.models import Operation, Wallet
from organizations.models import ApiKey
from tests.support import factories, races
from tests.support.usage import usage_stage
from tests.support.usage.api_caller import new_key
from tests.support.usage.usage_stage import Stage, give
from usage.api import keys, spending
from usage.api.problems import ApiError
from usage.api.spending import Spend
from usage.metering import meter as metering
from usage.pricing import Measures
from usage.uses import Metered, Use, UseRefusal


@pytest.fixture
def acme(transactional_db: None) -> Iterator[Stage]:
    yield usage_stage.set_up()
    spending.close_connection()


@pytest.fixture
def key(acme: Stage) -> str:
    return new_key(acme.owner)


@pytest.fixture
def rival(acme: Stage) -> Wallet:
    wallet = factories.wallet(factories.organization(factories.person("Bob"), slug="rival"), acme.program)
    give(wallet, 1_000)
    return wallet


def spend(key: str, name: str, feature: str = "report", *, organization: str = "acme") -> Spend:
    return Spend(key, Use(organization=organization, key=name, feature=feature))


def pay_together(spends: list[Spend]) -> list[Any]:
    """Pay for all at the same moment; an answer each, or what was raised."""
    return races.run_together([lambda one=one: spending.pay(one) for one in spends])  # type: ignore[misc]


def slugs(answers: list[Any]) -> list[str]:
    return [answer.slug if isinstance(answer, ApiError) else "paid" for answer in answers]


def transactions() -> int:
    """How many transactions wrote the usage operations."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM credits_operation WHERE kind = 'usage'")
        return int(cursor.fetchone()[0])


def test_fifty_at_once_are_answered_one_by_one_and_committed_together(acme: Stage, rival: Wallet, key: str) -> None:
    spends = [spend(key, f"k{i}") for i in range(46)]
    spends.insert(10, spend(key, "unknown", "nope"))
    spends.insert(20, Spend(key, Use(organization="rival", key="large", feature="query", measures=_named(5))))
    spends.insert(30, spend("dd_wrong", "stranger"))
    spends.insert(40, spend(key, "elsewhere", organization="nobody"))
    answers = pay_together(spends)
    expected = ["paid"] * 46
    for position, slug in ((10, "invalid"), (20, "invalid"), (30, "unauthorized"), (40, "not_found")):
        expected.insert(position, slug)
    assert slugs(answers) == expected
    assert acme.balance() == 10_000 - 46 * 50
    balances = sorted(answer.available for answer in answers if isinstance(answer, Metered))
    assert balances == [10_000 - 50 * n for n in range(46, 0, -1)], "each was decided after the one before it"
    assert transactions() <= 25


def test_no_more_is_spent_than_there_is(acme: Stage, rival: Wallet, key: str) -> None:
    answers = pay_together([spend(key, f"k{i}", organization="rival") for i in range(30)])
    assert sorted(slugs(answers)) == ["insufficient_credits"] * 10 + ["paid"] * 20
    assert Wallet.objects.get(pk=rival.pk).balance == 0


def test_a_blocked_wallet_does_not_take_its_neighbours_along(
    acme: Stage, rival: Wallet, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch meets the lock time-out once; then each is tried by itself, and only the blocked ones are refused."""
    spends = [spend(key, f"k{i}", organization=("acme", "rival")[i % 2]) for i in range(10)]
    blocked, may_end = threading.Event(), threading.Event()

    def block() -> None:
        with transaction.atomic():
            Wallet.objects.select_for_update().get(pk=rival.pk)
            blocked.set()
            assert may_end.wait(60)
        connection.close()

    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", "-c lock_timeout=300ms")
    # The connection that an earlier test opened goes by the old time-out.
    spending.close_connection()
    monkeypatch.setattr(spending, "_connection_of_spends", None)
    with ThreadPoolExecutor(1) as thread:
        blocker = thread.submit(block)
        assert blocked.wait(60)
        outcomes = spending.run_batch(spends)
        may_end.set()
        blocker.result(60)
    assert slugs(outcomes) == ["paid", "unavailable"] * 5
    assert acme.balance() == 10_000 - 5 * 50
    assert Wallet.objects.get(pk=rival.pk).balance == 1_000
    again = spending.run_batch(spends)
    assert slugs(again) == ["paid"] * 10
    assert [answer.was_replayed for answer in again if isinstance(answer, Metered)] == [True, False] * 5
    spending.close_connection()


def end_connection_of_spends() -> None:
    with connection.cursor() as cursor:
        # Its own alone: a server that other tests call would answer the first of them 503.
        cursor.execute("SELECT pg_terminate_backend(%s)", [_backend_of_spends()])


def test_a_broken_connection_that_was_idle_costs_no_answer(
    acme: Stage, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spending.pay(spend(key, "before")).credits == 50
    end_connection_of_spends()
    monkeypatch.setattr(spending, "_trusted_until", 0.0)
    monkeypatch.setattr(spending, "_plans_until", 0.0)

    assert spending.pay(spend(key, "after")).credits == 50

    assert acme.balance() == 9_900


def test_a_broken_connection_costs_one_answer_and_is_replaced(acme: Stage, key: str) -> None:
    assert spending.pay(spend(key, "before")).credits == 50
    end_connection_of_spends()
    answers = races.run_many(lambda: _paid_or_refused(spend(key, "after")), 1)
    assert slugs(answers) in (["unavailable"], ["paid"])
    assert spending.pay(spend(key, "after")).credits == 50
    assert acme.balance() == 9_900


def test_a_defect_reaches_only_the_one_who_met_it(acme: Stage, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = metering.meter

    def broken(uses: list[Use]) -> list[Metered | UseRefusal]:
        if any(use.key == "defect" for use in uses):
            raise ZeroDivisionError
        return meter(uses)

    monkeypatch.setattr(metering, "meter", broken)
    outcomes = spending.run_batch([spend(key, "a"), spend(key, "defect"), spend(key, "b")])
    assert [type(outcome) for outcome in outcomes] == [Metered, ZeroDivisionError, Metered]
    assert acme.balance() == 9_900


def test_inside_a_transaction_a_use_is_paid_for_in_it(acme: Stage, key: str) -> None:
    with transaction.atomic():
        assert spending.pay(spend(key, "inside")).credits == 50
        transaction.set_rollback(True)
    assert acme.balance() == 10_000
    assert not Operation.objects.filter(kind="usage").exists()


def test_a_spend_asks_for_its_key_once_and_notes_its_use_once_a_minute(acme: Stage, key: str) -> None:
    keys._noted.clear()
    with transaction.atomic(), CaptureQueriesContext(connection) as first:
        spending.meter_together([spend(key, f"a{i}") for i in range(20)])
    with transaction.atomic(), CaptureQueriesContext(connection) as second:
        spending.meter_together([spend(key, f"b{i}") for i in range(20)])
    assert _about_keys(first) == 2
    assert _about_keys(second) == 1
    assert ApiKey.objects.get().last_used_at is not None


def _about_keys(queries: CaptureQueriesContext) -> int:
    return sum("organizations_apikey" in query["sql"] for query in queries.captured_queries)


def _backend_of_spends() -> int:
    assert spending._connection_of_spends is not None
    return int(spending._connection_of_spends.connection.info.backend_pid)


def _named(credits: int) -> Measures:
    return Measures(credits=credits)


def _paid_or_refused(one: Spend) -> Any:
    try:
        return spending.pay(one)
    except ApiError as refused:
        return refused
