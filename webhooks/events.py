"""Telling the product's servers: an event and its deliveries, in the transaction of the cause. Sending: `delivery`."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from organizations.models import Organization
from webhooks.models import EventType, WebhookDelivery, WebhookEndpoint, WebhookEvent


def emit(
    *, organization: Organization, event_type: EventType, key: str, data: dict[str, Any], now: datetime
) -> WebhookEvent | None:
    """Have an event told to every endpoint that wants it; return it, or None where it was told before.

    Inside the caller's transaction, with the cause. key: names the occasion, at most 200 characters; it happens once
    for an organization and type. data: what the type is documented to carry; credits in smallest units. now: aware.
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
    endpoints = WebhookEndpoint.objects.filter(theirs, wants, disabled_at=None)
    WebhookDelivery.objects.bulk_create(
        [WebhookDelivery(event=event, endpoint=endpoint, next_try_at=now) for endpoint in endpoints]
    )
    return event
