"""Programs for tests: the shipped ones, loaded quickly, and a small whole program's file to change at will."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model
from django.db.models.signals import post_save
from django.db.models.sql import InsertQuery

from billing.programs.files import find_file
from billing.programs.loader import load_program
from billing.programs.terms import ProgramTerms, read_program
from credits.models import Program

LOADED_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)

# By a shipped program's name, the statements that write what loading it writes.
_statements: dict[str, list[tuple[str, Any]]] = {}


def shipped(name: str) -> Program:
    """A shipped program, loaded at LOADED_AT.

    It is really loaded once per run; later its rows are written again as they were then, with their keys. Sequences
    don't go back with a transaction, so no other row has them.
    """
    if Program.objects.filter(key=name).exists():
        load_program(_terms(name), now=LOADED_AT)
    elif name not in _statements:
        _statements[name] = _insertions(_loaded(name))
    else:
        with connection.cursor() as cursor:
            for sql, parameters in _statements[name]:
                cursor.execute(sql, parameters)
    return Program.objects.get(key=name)


@cache
def _terms(name: str) -> ProgramTerms:
    return read_program(find_file(name))


def _loaded(name: str) -> list[Model]:
    """Load a program; every row that this made, in the order in which they were made."""
    made: list[Model] = []

    def remember(instance: Model, created: bool, **_: Any) -> None:
        if created:
            made.append(instance)

    post_save.connect(remember, weak=False)
    try:
        load_program(_terms(name), now=LOADED_AT)
    finally:
        post_save.disconnect(remember)
    return made


def _insertions(rows: list[Model]) -> list[tuple[str, Any]]:
    """The statements that insert the rows, keys and all: one for each of their tables."""
    tables: dict[type[Model], list[Model]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    statements = []
    for table, its_rows in tables.items():
        query = InsertQuery(table)
        query.insert_values(table._meta.concrete_fields, its_rows)
        statements += query.get_compiler(connection=connection).as_sql()
    return statements


SMALL = """
[program]
key = "small"
name = "Small"
unit = "credits"
decimals = 2

[[currencies]]
code = "EUR"

[spending]
at_zero = "refuse"
overdraft_limit = "1.50"
reservation_seconds = 60

[refunds]
purchases = "never"
plan_credits = "never"

[[features]]
key = "report"
name = "Report"
rates = [{ pricing = "fixed", credits = "0.25" }]

[[features]]
key = "chat"
name = "Chat"
rates = [{ pricing = "per_token", model = "m", input_credits = "0.15", output_credits = 2, per = 1_000 }]
"""

SELLING = """
[buying]
organizations = "any"
people = "owners"
payment_method_on_file = false
methods = ["new_card"]

[[packs]]
key = "pack"
name = "Pack"
credits = 100
prices = { EUR = "10.00" }
"""
