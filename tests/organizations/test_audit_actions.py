"""Audit actions: each is declared once, and everything that names one by its parts finds it."""

from collections import Counter

import pytest

from billing.audit_actions import Action
from organizations.audit_events import known_actions

OFFERS = ("currency", "pack", "custom_amount", "plan", "promotion")


def test_every_value_is_declared_once() -> None:
    assert [value for value, times in Counter(known_actions()).items() if times > 1] == []


def test_every_value_fits_into_its_column() -> None:
    assert max(map(len, known_actions())) <= 60


@pytest.mark.parametrize(
    ("what", "done"),
    [
        *((what, done) for what in OFFERS for done in ("created", "changed")),
        *((what, "withdrawn") for what in OFFERS if what != "promotion"),
        *((what, "priced") for what in ("pack", "plan")),
    ],
)
def test_whatever_the_load_of_a_program_does_has_an_action(what: str, done: str) -> None:
    assert Action(f"{what}.{done}")
