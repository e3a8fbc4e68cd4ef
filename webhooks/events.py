"""Telling the product's servers: an event and its deliveries, in the transaction of the cause. Sending: `delivery`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from jobs.nudges import nudge_after_commit
from organizations.models import Organization, User
from webhooks import tasks
from webhooks.models import EventType, WebhookDelivery, WebhookEndpoint, WebhookEvent


def emit(
    *, organization: Organization, event_type: EventType, key: str, data: dict[str, Any], now: datetime
) -> WebhookEvent | None:
    """Have an event told to every endpoint that wants it; return it, or None where it was told before.

    Inside the caller's transaction, with the cause. key: names the occasion, at most 200 characters; it happens once
    for an organization and type. data: what `payloads` says of the type; credits in smallest units. now: aware.
    """
    if not connection.in_atomic_block:
        message = "An event is told in the transaction of its cause."
        raise RuntimeError(message)
    event = WebhookEvent(organization=organization, type=event_type, key=key, data=data, occurred_at=now)
    WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)
    if not WebhookEvent.objects.filter(pk=event.pk).exists():
        return None
    theirs = Q(organization=organization) | Q(organization=None)
    wants = Q(event_types=[]) | Q(event_types__contains=[event_type.value])
    owe(event, to=WebhookEndpoint.objects.filter(theirs, wants, disabled_at=None), now=now)
    return event


def owe(
    event: WebhookEvent, *, to: Iterable[WebhookEndpoint], now: datetime, asked_by: User | None = None
) -> list[WebhookDelivery]:
    """Write a delivery of the event for each endpoint, due now, and have them sent after the commit."""
    deliveries = [
        WebhookDelivery(event=event, endpoint=endpoint, next_try_at=now, asked_by=asked_by) for endpoint in to
    ]
    WebhookDelivery.objects.bulk_create(deliveries)
    if deliveries:
        nudge_after_commit(tasks.deliver)
    return deliveries
