"""Doors that imports can't show: who writes which table, and what the sandbox may need. The rest is import-linter's."""

import ast
import re
import sys

import pytest

from tests.architecture.sources import APPS, name, python_files, tree

# By folder, the models that its modules alone may write. Program is data that staff edit.
WRITERS = {
    "credits/ledger/": ("Wallet", "Grant", "Operation", "Entry", "Reservation", "ReservationDraw"),
    "credits/audit/": ("AuditSeal", "SealedSegment"),
}
WRITES = {
    "create",
    "bulk_create",
    "get_or_create",
    "update_or_create",
    "update",
    "bulk_update",
    "delete",
}
SQL = r"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE|COPY)\s+\"?credits_({})\b"


def writes(module: ast.Module, models: tuple[str, ...]) -> list[str]:
    """What in a module writes to these tables: by a model's manager, by saving a new row, or by hand-written SQL."""
    sql = re.compile(SQL.format("|".join(models)), re.IGNORECASE)
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = {inner.id for inner in ast.walk(node.func.value) if isinstance(inner, ast.Name)}
            rows = names & {model.lower() for model in models} if node.func.attr in {"save", "delete"} else set()
            managed = names & set(models) if node.func.attr in {*WRITES, "save"} else set()
            found += [f"line {node.lineno}: {written}…{node.func.attr}()" for written in rows | managed]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value):
            found.append(f"line {node.lineno}: SQL")
    return found


def imported(module: ast.Module) -> set[str]:
    """The top packages that a module imports."""
    names = {alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and not node.level}
    return {each.split(".")[0] for each in names}


@pytest.mark.parametrize("folder", WRITERS)
def test_only_its_own_folder_writes_a_table(folder: str) -> None:
    may_write = (folder, "credits/migrations/")
    offenders = {
        name(path): found
        for path in python_files(*APPS, "demo")
        if not name(path).startswith(may_write) and (found := writes(tree(path), WRITERS[folder]))
    }

    assert offenders == {}, f"Call a verb of {folder} instead"


def test_the_payments_sandbox_needs_the_standard_library_alone() -> None:
    known = {*sys.stdlib_module_names, "stripe_sandbox"}
    offenders = {
        name(path): found for path in python_files("stripe_sandbox") if (found := imported(tree(path)) - known)
    }

    assert offenders == {}


class TestTheGuardsThemselves:
    def test_they_see_each_way_of_writing(self) -> None:
        source = """
Wallet.objects.filter(pk=1).update(balance=0)
Entry.objects.bulk_create(entries)
Grant(amount=1).save()
wallet.save()
cursor.execute("UPDATE credits_wallet SET balance = 0")
cursor.execute("DELETE FROM credits_entry")
cursor.execute("INSERT INTO credits_reservationdraw VALUES (1)")
"""
        assert len(writes(ast.parse(source), WRITERS["credits/ledger/"])) == 7

    def test_they_see_a_seal_that_is_made_elsewhere(self) -> None:
        source = "AuditSeal.objects.create(hash=b'')\ncursor.execute('DELETE FROM credits_sealedsegment')"

        assert len(writes(ast.parse(source), WRITERS["credits/audit/"])) == 2

    def test_they_let_reading_pass(self) -> None:
        source = "Wallet.objects.filter(pk=1).select_for_update().get()\nnames.update(more)"

        assert writes(ast.parse(source), WRITERS["credits/ledger/"]) == []

    def test_they_see_each_way_of_importing(self) -> None:
        source = "import json, stripe\nfrom django.conf import settings\ndef f(): import billing.models"

        assert imported(ast.parse(source)) == {"json", "stripe", "django", "billing"}
