"""The record of who did what, when and why: one function writes it, nothing ever changes it.

An event is written in the transaction of the change that it tells of. No secret and no token may enter its details.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from organizations.models import AuditEvent, Organization, User


def record(
    *,
    action: str,
    organization: Organization | None = None,
    actor: User | None = None,
    target: str = "",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> AuditEvent:
    """Write one event: `actor` (None: Drawdown itself) did `action` ("member.removed") to `target`, a public id.

    `details` holds what JSON can say about it. `now` is the instant of the change; left out, it is this one. Writes a
    new event at every call: the caller records only what did change something.
    """
    return AuditEvent.objects.create(
        organization=organization,
        actor=actor,
        action=action,
        target=target,
        reason=reason,
        details=dict(details or {}),
        created_at=now or timezone.now(),
    )
