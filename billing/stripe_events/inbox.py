"""Stripe's events: kept once, then worked off, each as a hint about which row to look at.

An event may come twice, late, early, out of order or not at all: what is true is asked of Stripe, by what
`billing.stripe_events.handlers` calls. `receive` is the memory, `process_due` the truth, a task only the hurry.
"""

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import DataError, transaction
from django.db.models import F, Q
from django.utils import timezone

from billing import stripe_gateway
from billing.models import EventState, StripeEvent
from billing.stripe_events.handlers import NotHereYet, NotOurs, handler_of

logger = logging.getLogger(__name__)

# How long after its arrival an event gets its first, second… attempt. After the last it is left to staff.
WAITS = (
    timedelta(0),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(days=1),
    timedelta(days=2),
)
# A sweep takes no further event after this, so that its task ends before the queue's soft time limit.
SWEEP_SECONDS = 20
LONGEST_NOTE = 500

# Keeping


def receive(event: stripe_gateway.VerifiedEvent, *, now: datetime | None = None) -> StripeEvent:
    """Keep an event, once however often it comes, and return its row. One that is not for us is kept as ignored.

    Raises the gateway's BadEvent where the database can't hold it (a NUL, half a character); then nothing is kept.
    """
    reason = _reason_to_ignore(event.type, account=event.account, is_live=event.is_live)
    row = StripeEvent(
        event_id=event.id,
        account=event.account,
        is_live=event.is_live,
        type=event.type,
        api_version=event.api_version,
        object_id=event.object_id,
        payload=event.payload,
        created_at=event.created_at,
        received_at=now or timezone.now(),
        state=EventState.IGNORED if reason else EventState.RECEIVED,
        note=reason,
    )
    try:
        with transaction.atomic():
            StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
    except (DataError, UnicodeError, RecursionError) as error:
        raise stripe_gateway.BadEvent("The database can't hold it.") from error
    return StripeEvent.objects.get(account=event.account, is_live=event.is_live, event_id=event.id)


def catch_up(*, since: datetime, now: datetime | None = None) -> int:
    """Keep every event since then that never came, as far as Stripe still has it; return how many were new.

    Outside any transaction. Raises the gateway's Refused and Unavailable; what was kept by then stays kept.
    """
    known = StripeEvent.objects.count()
    for event in stripe_gateway.find_events(since):
        try:
            receive(event, now=now)
        except stripe_gateway.BadEvent:
            logger.exception("Stripe event %s can't be kept", event.id)
    return StripeEvent.objects.count() - known


def _reason_to_ignore(kind: str, *, account: str, is_live: bool) -> str:
    if account:
        return "It is about another account."
    if is_live != stripe_gateway.is_live():
        return "It is live and our key is not." if is_live else "Our key is live and it is not."
    return "" if handler_of(kind) else "Nothing here depends on events of this type."


# Working off


def process_due(*, now: datetime | None = None) -> int:
    """Work off events whose turn it is, the oldest first; return how many. Outside any transaction.

    What it has no time for is left to the next sweep. May run at any time, side by side with itself and with tasks.
    """
    instant = now or timezone.now()
    give_up = time.monotonic() + SWEEP_SECONDS
    done = 0
    for event_id in list(_due(instant).order_by("received_at").values_list("pk", flat=True)[:500]):
        if time.monotonic() > give_up:
            break
        done += process(event_id, now=instant) is not None
    return done


def process(event_id: int, *, now: datetime | None = None, is_asked_for: bool = False) -> EventState | None:
    """Work off one event if it is its turn, or in any case if a person asks for it; return what became of it.

    None: somebody else is at it, or its turn has not come. Never raises for what the event causes: that is noted on
    it, and it is tried again later. Outside any transaction.
    """
    instant = now or timezone.now()
    event = _claim(event_id, instant, is_asked_for=is_asked_for)
    if event is None:
        return None
    state, note = _work_off(event)
    StripeEvent.objects.filter(pk=event.pk).exclude(state=EventState.PROCESSED).update(
        state=state, note=note[:LONGEST_NOTE], processed_at=None if state == EventState.FAILED else instant
    )
    return state


def _claim(event_id: int, now: datetime, *, is_asked_for: bool) -> StripeEvent | None:
    """Count an attempt; of several that see the same count only one gets the event."""
    rows = StripeEvent.objects.all() if is_asked_for else _due(now)
    event = rows.filter(pk=event_id).first()
    if event is None:
        return None
    claimed = StripeEvent.objects.filter(pk=event_id, attempts=event.attempts)
    if is_asked_for:
        return event if claimed.update(attempts=F("attempts") + 1, state=EventState.RECEIVED) else None
    return event if claimed.exclude(state=EventState.PROCESSED).update(attempts=F("attempts") + 1) else None


def _due(now: datetime) -> Any:
    turn = Q()
    for attempts, wait in enumerate(WAITS):
        turn |= Q(attempts=attempts, received_at__lte=now - wait)
    return StripeEvent.objects.filter(turn, state__in=[EventState.RECEIVED, EventState.FAILED])


def _work_off(event: StripeEvent) -> tuple[EventState, str]:
    reason = _reason_to_ignore(event.type, account=event.account, is_live=event.is_live)
    handler = handler_of(event.type)
    if reason or handler is None:
        return EventState.IGNORED, reason
    try:
        handler(event.payload["data"])
    except NotOurs as stranger:
        return EventState.IGNORED, str(stranger)
    except NotHereYet as early:
        is_last = event.attempts + 1 >= len(WAITS)
        return (EventState.IGNORED if is_last else EventState.FAILED), str(early)
    except Exception as error:  # whatever it was, it is noted, and the event tried again
        logger.exception("Stripe event %s (%s) failed", event.event_id, event.type)
        return EventState.FAILED, f"{type(error).__name__}: {error}"
    return EventState.PROCESSED, ""
