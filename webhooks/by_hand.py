"""What people ask to be sent: a test of an endpoint, and a delivery once more. Sent as everything is, by `delivery`."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.nudges import nudge_after_commit
from organizations import audit_events
from organizations.models import User
from organizations.public_ids import new_public_id
from organizations.refusals import Refusal
from webhooks import tasks
from webhooks.audit_actions import Action
from webhooks.endpoints import lock_endpoint
from webhooks.event_types import TEST
from webhooks.events import enqueue
from webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookEvent


class EndpointIsOff(Refusal):
    """Nothing is sent to an endpoint that is switched off."""


class OnItsWay(Refusal):
    """It is due already, or being sent right now."""


def send_test(
    *, endpoint: WebhookEndpoint, actor: User, reason: str = "", now: datetime | None = None
) -> WebhookDelivery:
    """Have an event of type `test` sent to this endpoint, whatever types it has chosen; return its delivery.

    Raises EndpointIsOff, and OnItsWay while the test before is not answered (also on the second of two calls).
    """
    instant = now or timezone.now()
    with transaction.atomic():
        locked = lock_endpoint(endpoint)
        _refuse_if_off(locked)
        tests = locked.deliveries.filter(event__type=TEST.name, state=DeliveryState.PENDING, attempts=0)
        if tests.exists():
            raise OnItsWay(_("A test event is already being sent."))
        event = WebhookEvent.objects.create(
            organization=locked.organization,
            type=TEST.name,
            key=new_public_id("test"),
            data={"organization": locked.organization.slug if locked.organization else None},
            occurred_at=instant,
        )
        (delivery,) = enqueue(event, to=[locked], now=instant, asked_by=actor)
        audit_events.record(
            action=Action.WEBHOOK_ENDPOINT_TESTED,
            organization=locked.organization,
            actor=actor,
            target=locked.public_id,
            reason=reason,
            now=instant,
        )
    return delivery


def replay(*, delivery: WebhookDelivery, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """Have a delivery sent once more, whatever became of it, under the same id; if that fails, it is retried anew.

    Raises EndpointIsOff, and OnItsWay while it is due or being sent (also on the second of two calls).
    """
    instant = now or timezone.now()
    with transaction.atomic():
        rows = WebhookDelivery.objects.select_related("event", "endpoint__organization")
        locked = rows.select_for_update(of=("self",), no_key=True).get(pk=delivery.pk)
        _refuse_if_off(locked.endpoint)
        is_claimed = locked.claimed_until is not None and locked.claimed_until > instant
        if locked.state == DeliveryState.PENDING and (is_claimed or locked.next_try_at <= instant):
            raise OnItsWay(_("This delivery is already being sent."))
        was = locked.state
        locked.state, locked.attempts = DeliveryState.PENDING, 0
        locked.next_try_at, locked.closed_at, locked.claimed_until = instant, None, None
        locked.asked_by = actor
        locked.save()
        audit_events.record(
            action=Action.WEBHOOK_DELIVERY_REPLAYED,
            organization=locked.event.organization,
            actor=actor,
            target=locked.event.message_id,
            reason=reason,
            details={"endpoint": locked.endpoint.public_id, "was": was},
            now=instant,
        )
        nudge_after_commit(tasks.deliver)


def _refuse_if_off(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None:
        raise EndpointIsOff(_("The endpoint is turned off. Turn it on first."))
