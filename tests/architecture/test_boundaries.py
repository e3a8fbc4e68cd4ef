"""Two doors: one writer of the ledger, one speaker to Stripe. Which app may import which is import-linter's part."""

import ast
import re
from pathlib import Path

from tests.architecture.sources import APPS, name, python_files, tree

# Program is data that staff edit; everything else in credits.models is the ledger.
LEDGER_MODELS = {"Wallet", "Grant", "Operation", "Entry", "Reservation", "ReservationDraw"}
WRITES = {
    "create",
    "bulk_create",
    "get_or_create",
    "update_or_create",
    "update",
    "bulk_update",
    "delete",
}
LEDGER_SQL = re.compile(
    r"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE|COPY)\s+\"?credits_(wallet|grant|operation|entry|reservation)",
    re.IGNORECASE,
)


def writes_to_the_ledger(module: ast.Module) -> list[str]:
    """What in a module writes to ledger tables: by a model's manager, by saving a new row, or by hand-written SQL."""
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = {inner.id for inner in ast.walk(node.func.value) if isinstance(inner, ast.Name)}
            rows = names & {model.lower() for model in LEDGER_MODELS} if node.func.attr in {"save", "delete"} else set()
            models = names & LEDGER_MODELS if node.func.attr in {*WRITES, "save"} else set()
            found += [f"line {node.lineno}: {written}…{node.func.attr}()" for written in rows | models]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and LEDGER_SQL.search(node.value):
            found.append(f"line {node.lineno}: SQL")
    return found


def imports_stripe(module: ast.Module) -> bool:
    names = {alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and not node.level}
    return any(imported.split(".")[0] == "stripe" for imported in names)


# The first shows the log to staff; the second names former members, who are recorded nowhere else.
MAY_READ_THE_AUDIT_LOG = ("organizations/", "credits/history/forms.py")


def reads_the_audit_log(module: ast.Module) -> bool:
    names = {alias.name for node in ast.walk(module) if isinstance(node, ast.ImportFrom) for alias in node.names}
    attributes = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    return "AuditEvent" in names | attributes


def test_nothing_is_decided_by_a_look_into_the_audit_log() -> None:
    offenders = [
        name(path)
        for path in python_files(*APPS)
        if not name(path).startswith(MAY_READ_THE_AUDIT_LOG) and reads_the_audit_log(tree(path))
    ]

    assert offenders == [], "Once is a unique key: call audit_events.record_once"


def _may_write(path: Path) -> bool:
    return name(path).startswith(("credits/ledger/", "credits/migrations/"))


def test_only_the_ledger_writes_the_ledger() -> None:
    offenders = {
        name(path): writes for path in python_files(*APPS) if not _may_write(path) and (writes := _writes(path))
    }

    assert offenders == {}, "Call a verb of credits.ledger instead"


def _writes(path: Path) -> list[str]:
    return writes_to_the_ledger(tree(path))


def test_only_the_gateway_speaks_to_stripe() -> None:
    offenders = [
        name(path)
        for path in python_files(*APPS)
        if not name(path).startswith("billing/stripe_gateway/") and imports_stripe(tree(path))
    ]

    assert offenders == [], "Call billing.stripe_gateway instead"


class TestTheGuardsThemselves:
    def test_they_see_each_way_of_writing(self) -> None:
        source = """
Wallet.objects.filter(pk=1).update(balance=0)
Entry.objects.bulk_create(entries)
Grant(amount=1).save()
wallet.save()
cursor.execute("UPDATE credits_wallet SET balance = 0")
"""
        assert len(writes_to_the_ledger(ast.parse(source))) == 5

    def test_they_let_reading_pass(self) -> None:
        source = "Wallet.objects.filter(pk=1).select_for_update().get()\nnames.update(more)"

        assert writes_to_the_ledger(ast.parse(source)) == []

    def test_they_see_each_way_of_importing_stripe(self) -> None:
        assert imports_stripe(ast.parse("import stripe"))
        assert imports_stripe(ast.parse("from stripe.error import StripeError"))
        assert not imports_stripe(ast.parse("from billing import stripe_gateway"))

    def test_they_see_each_way_to_the_audit_log(self) -> None:
        assert reads_the_audit_log(ast.parse("from organizations.models import AuditEvent, User"))
        assert reads_the_audit_log(ast.parse("from organizations import models\nmodels.AuditEvent.objects.first()"))
        assert not reads_the_audit_log(ast.parse("from organizations import audit_events"))
