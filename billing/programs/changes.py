"""What a load of a program wrote, as its audit events show it.

No row is written here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.audit_actions import Action


@dataclass(frozen=True, slots=True)
class Change:
    """A row that a load wrote: for each field its value before and after."""

    action: Action
    target: str
    details: dict[str, Any]


def moves(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that differ, each with its value before and after."""
    return {
        name: {"before": before.get(name), "after": value} for name, value in after.items() if before.get(name) != value
    }
