"""The record of who did what, when and why. Only this module writes it, and nothing ever changes it.

An event is written in the transaction of the change that it records. Its details never hold a secret or a token.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils import timezone

from organizations.models import AuditEvent, Organization, User


class AuditAction(StrEnum):
    """What was done. Each app declares its own in `audit_actions.Action`; a bare string is not accepted."""


def record(
    *,
    action: AuditAction,
    organization: Organization | None = None,
    actor: User | None = None,
    target: str = "",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> AuditEvent:
    """Write one event: `actor` (None: Drawdown itself) did `action` to `target`, a public id.

    details: whatever JSON can hold. now: the instant of the change; left out, the current one. Every call writes a new
    event, so the caller records only what did change something.
    """
    return AuditEvent.objects.create(
        organization=organization,
        actor=actor,
        action=action.value,
        target=target,
        reason=reason,
        details=dict(details or {}),
        created_at=now or timezone.now(),
    )


def known_actions() -> list[AuditAction]:
    """Every action that the apps declare, by value."""
    return sorted(action for declared in AuditAction.__subclasses__() for action in declared)


def record_once(
    *,
    key: str,
    action: AuditAction,
    organization: Organization | None = None,
    actor: User | None = None,
    target: str = "",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> bool:
    """Write one event as `record` does, once per occasion; return whether this call wrote it.

    key: the occasion, at most 300 characters. An organization's action has one event per key, however many calls are
    made, concurrently or later. If a caller does more than record, it does so if this returns true, in the same
    transaction.
    """
    event = AuditEvent(
        key=key,
        organization=organization,
        actor=actor,
        action=action.value,
        target=target,
        reason=reason,
        details=dict(details or {}),
        created_at=now or timezone.now(),
    )
    # If another transaction is writing the same event, this waits for its end.
    AuditEvent.objects.bulk_create([event], ignore_conflicts=True)
    return AuditEvent.objects.filter(pk=event.pk).exists()
