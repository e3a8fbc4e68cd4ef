"""Writing webhook events: the event and its deliveries, in the transaction of the cause. Sending: `delivery`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from jobs.nudges import nudge_after_commit
from organizations.models import User
from webhooks import event_types, tasks
from webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent


def emit(
    *, organization_id: int, event_type: str, key: str, data: dict[str, Any], now: datetime
) -> WebhookEvent | None:
    """Write an event, and a delivery for every endpoint that has chosen its type; return it, or None where it exists.

    Inside the caller's transaction, with the cause. key: names the occasion, at most 200 characters; it happens once
    for an organization and type. data: the type's payload, as JSON. now: aware. Raises UnknownEventType; RuntimeError
    outside a transaction.
    """
    if not connection.in_atomic_block:
        message = "An event is written in the transaction of its cause."
        raise RuntimeError(message)
    name = event_types.get(event_type).name
    event = WebhookEvent(organization_id=organization_id, type=name, key=key, data=data, occurred_at=now)
    WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)
    if not WebhookEvent.objects.filter(pk=event.pk).exists():
        return None
    theirs = Q(organization=organization_id) | Q(organization=None)
    chosen = Q(event_types=[]) | Q(event_types__contains=[name])
    enqueue(event, to=WebhookEndpoint.objects.filter(theirs, chosen, disabled_at=None), now=now)
    return event


def enqueue(
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
