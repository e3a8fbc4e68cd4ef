"""What a load of a program wrote, as its audit events tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.audit_actions import Action


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a load wrote: of each field what it was and what it is."""

    action: Action
    target: str
    details: dict[str, Any]


def moves(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that differ, each with what it was and what it is."""
    return {
        name: {"before": before.get(name), "after": value} for name, value in after.items() if before.get(name) != value
    }
