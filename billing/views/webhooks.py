"""Stripe's webhook: verify, store once, enqueue, answer. The event is processed later (`billing.stripe_events`)."""

import logging

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import stripe_gateway, tasks
from billing.models import EventState
from billing.stripe_events import inbox
from jobs.nudges import nudge_after_commit

logger = logging.getLogger(__name__)


@csrf_exempt  # the signature is the proof
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Answer 200 once the event is stored, new or not; 400 if it isn't Stripe's or can't be stored, 413 if it is too
    large, and then nothing is written.
    """
    try:
        event = stripe_gateway.construct_event(request.body, request.headers.get("Stripe-Signature", ""))
        row = inbox.receive(event)
    except (stripe_gateway.OversizedEvent, RequestDataTooBig):
        return HttpResponse("The body is larger than any event.", status=413, content_type="text/plain")
    except stripe_gateway.BadEvent as error:
        logger.warning("A Stripe webhook was refused: %s", type(error.__cause__ or error).__name__)
        return HttpResponse("Refused.", status=400, content_type="text/plain")
    if row.state in {EventState.RECEIVED, EventState.FAILED}:
        nudge_after_commit(tasks.process_stripe_event, row.pk)
    return HttpResponse("Kept.", content_type="text/plain")
