"""The contracts of pyproject.toml bite: a violation of each, planted in a copy of the sources, is named."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, python_files

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
# By contract, a module and what it must not import.
VIOLATIONS = {
    "Imports point one way, from config down to sql": ("credits.burndown", "usage.pricing"),
    "Inside billing, from its doors down to its models": (
        "billing.models.catalog",
        "billing.purchases.orders",
    ),
    "Inside usage, from its doors down to its models": ("usage.rollups.adding_up", "usage.reports.queries"),
    "Inside credits, from its doors down to its models": (
        "credits.ledger.spends",
        "credits.history.queries",
    ),
    "Only the gateway speaks to Stripe": ("billing.purchases.quotes", "stripe"),
    "The ledger is used through its front door alone": ("billing.refunds.disputes", "credits.ledger.rows"),
    "Nothing that ships imports the demo, the sandbox, benchmarks or tests": ("config.urls", "tests.stage"),
    "The payments sandbox knows nothing of the product": ("stripe_sandbox.state.money", "organizations.calendar"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By contract, what lint-imports says where each is violated once."""
    copy = tmp_path_factory.mktemp("sources")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path in python_files(*CONTRACTS["root_packages"]):
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for importer, imported in VIOLATIONS.values():
        module = (copy / importer.replace(".", "/")).with_suffix(".py")
        module.write_text(f"{module.read_text()}import {imported}\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    linted = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    found = linted.stdout.partition("Broken contracts")[2]
    sections = re.split(r"^(.+)\n-{10,}$", found, flags=re.MULTILINE)
    return dict(zip(sections[1::2], sections[2::2], strict=True))


def test_each_contract_is_violated_below() -> None:
    assert {contract["name"] for contract in CONTRACTS["contracts"]} == set(VIOLATIONS)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_is_named(contract: str, report: dict[str, str]) -> None:
    importer, imported = VIOLATIONS[contract]

    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported.split('.')[0])}", report[contract])
