"""Notices as events of other rooms give them, made of the events' samples."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction

from credits.ledger.thresholds.events import LOW
from domain_events.declarations import DomainEvent
from notices.models import Notice
from notices.notices import give_notice
from organizations.models import Organization, User

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def details_of(event: DomainEvent[Any], **changes: Any) -> dict[str, Any]:
    """The details of an event's notice: its sample's, but for the changes."""
    details: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(event.sample, **changes))
    return details


def give(
    organization: Organization,
    event: DomainEvent[Any] = LOW,
    *,
    key: str = "",
    user: User | None = None,
    now: datetime = NOW,
    **changes: Any,
) -> Notice | None:
    """Write a notice as a cause does, in a transaction of its own."""
    with transaction.atomic():
        return give_notice(
            organization_id=organization.pk,
            kind=event.name,
            key=key or f"{event.name}:1",
            details=details_of(event, **changes),
            now=now,
            user=user,
        )


def given(organization: Organization, event: DomainEvent[Any] = LOW, **rest: Any) -> Notice:
    """The same, where it is the first time."""
    notice = give(organization, event, **rest)
    assert notice is not None
    return notice
