"""Programs for tests: the shipped ones, loaded quickly, and a small whole program's file to change at will."""

from datetime import UTC, datetime
from functools import cache

from billing.programs.files import find_file
from billing.programs.loader import load_program
from billing.programs.terms import ProgramTerms, read_program
from credits.models import Program
from tests.support.database import built_once

LOADED_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def shipped(name: str) -> Program:
    """A shipped program, loaded at LOADED_AT; one that is there is brought up to date."""
    return _load(name) if Program.objects.filter(key=name).exists() else _loaded(name)


def _load(name: str) -> Program:
    load_program(_terms(name), now=LOADED_AT)
    return Program.objects.get(key=name)


_loaded = built_once(_load)


@cache
def _terms(name: str) -> ProgramTerms:
    return read_program(find_file(name))


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
