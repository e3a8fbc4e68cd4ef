"""The benchmark measures: a tiny run of all of it. How fast anything is must not be asserted here."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from config.embedded import ROOT

# What tests.stage put there would name another database, and the benchmark insists on the embedded server.
NOT_FOR_IT = {"DATABASE_URL", "REDIS_URL", "TEST_DATABASE_NAME", "DJANGO_SETTINGS_MODULE"}


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """What a tiny run measured; it raises where an answer is wrong or the ledger is not in order."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_IT}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--tiny", "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def test_it_measures_spends_beside_pgbench_and_the_view_that_does_nothing(figures: dict[str, Any]) -> None:
    assert [(case["where"], case["connections"]) for case in figures["singles"]] == [("hot", 4), ("spread", 4)]
    assert all(case["spends"] > 0 and case["bare"] > 0 and case["nothing"] > 0 for case in figures["singles"])


def test_it_measures_batches_beside_sql_alone(figures: dict[str, Any]) -> None:
    assert [case["where"] for case in figures["batches"]] == ["hot", "spread"]
    assert all(case["spends"] > 0 and case["by_sql"] > 0 for case in figures["batches"])


def test_statements_of_a_transaction_do_not_grow_with_its_spends(figures: dict[str, Any]) -> None:
    hot = [case for case in figures["transactions"] if case["where"] == "hot"]
    assert len({case["statements"] for case in hot}) == 1
    assert len({case["round_trips"] for case in hot}) == 1
    assert all(case["bytes"] > 0 for case in hot)


def test_it_says_what_was_aimed_at_and_reached(figures: dict[str, Any]) -> None:
    assert len(figures["aims"]) == 5
    assert {aim["is_met"] for aim in figures["aims"]} <= {True, False, None}
