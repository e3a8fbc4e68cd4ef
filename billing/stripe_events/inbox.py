"""Stripe's events: stored once, then processed, each as a hint about which row to refresh.

An event may come twice, late, early, out of order or not at all, so the handlers ask Stripe what is true. `receive`
stores an event; `process_due` finds what is to be processed, as `jobs.outbox` says; a task only makes it start sooner.
What an event is about and what follows from it belongs in `handlers`.
"""

import logging
from datetime import datetime, timedelta

from django.db import DataError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing import stripe_gateway
from billing.models import EventState, StripeEvent
from billing.stripe_events.handlers import NotHereYet, NotOurs, handler_of
from jobs.outbox import Claim, claim_one, wait_after, within

logger = logging.getLogger(__name__)

# After each attempt that failed. The last one fails about two days after the first; then the event is left to staff.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=4),
    timedelta(minutes=10),
    timedelta(minutes=45),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=24),
)
# How long a claimed event is left to whoever claimed it: longer than a task may last.
CLAIM_LASTS = timedelta(minutes=1)
# A sweep takes no further event after this, so that its task ends before the queue's soft time limit.
SWEEP_SECONDS = 20
LONGEST_NOTE = 500

# Storing


def receive(event: stripe_gateway.VerifiedEvent, *, now: datetime | None = None) -> StripeEvent:
    """Store an event, once however often it comes, and return its row. One that is not for us is stored as ignored.

    Raises the gateway's BadEvent where the database can't hold it (a NUL, half a character); then nothing is stored.
    """
    instant = now or timezone.now()
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
        received_at=instant,
        state=EventState.IGNORED if reason else EventState.RECEIVED,
        next_try_at=None if reason else instant,
        note=reason,
    )
    try:
        with transaction.atomic():
            StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
    except (DataError, UnicodeError, RecursionError) as error:
        raise stripe_gateway.BadEvent("The database can't hold it.") from error
    return StripeEvent.objects.get(account=event.account, is_live=event.is_live, event_id=event.id)


def catch_up(*, since: datetime, now: datetime | None = None) -> int:
    """Store every event since then that never came, as far as Stripe still has it; return how many were new.

    Outside any transaction. Raises the gateway's Refused and Unavailable; what was stored by then stays stored.
    """
    known = StripeEvent.objects.count()
    for event in stripe_gateway.find_events(since):
        try:
            receive(event, now=now)
        except stripe_gateway.BadEvent:
            logger.exception("Stripe event %s can't be stored", event.id)
    return StripeEvent.objects.count() - known


def _reason_to_ignore(kind: str, *, account: str, is_live: bool) -> str:
    if account:
        return "It is about another account."
    if is_live != stripe_gateway.is_live():
        return "It is live and our key is not." if is_live else "Our key is live and it is not."
    return "" if handler_of(kind) else "Nothing here depends on events of this type."


# Processing


def process_due(*, now: datetime | None = None) -> int:
    """Process the events that are due, the earliest first; return how many. Outside any transaction.

    What is left when its time is over waits for the next sweep. Several may run at once, and beside tasks.
    """
    claims = iter(lambda: _claim(_due(now or timezone.now()).order_by("next_try_at"), now), None)
    return sum(_process(claim, now) is not None for claim in within(SWEEP_SECONDS, claims))


def process(event_id: int, *, now: datetime | None = None, is_asked_for: bool = False) -> EventState | None:
    """Process one event if it is due, or in any case if a person asks for it; return its state then.

    None: another worker is processing it, or it is not due. Never raises what its handler raises: that is noted on the
    event, which is tried again later. Outside any transaction.
    """
    instant = now or timezone.now()
    being_done = Q(state=EventState.RECEIVED, attempts__gt=0, next_try_at__gt=instant)
    rows = StripeEvent.objects.exclude(being_done) if is_asked_for else _due(instant)
    claim = _claim(rows.filter(pk=event_id), now)
    return None if claim is None else _process(claim, now)


def _due(now: datetime) -> QuerySet[StripeEvent]:
    return StripeEvent.objects.filter(state__in=[EventState.RECEIVED, EventState.FAILED], next_try_at__lte=now)


def _claim(rows: QuerySet[StripeEvent], now: datetime | None) -> Claim[StripeEvent] | None:
    return claim_one(rows, state=EventState.RECEIVED, next_try_at=(now or timezone.now()) + CLAIM_LASTS)


def _process(claim: Claim[StripeEvent], now: datetime | None) -> EventState:
    wait = wait_after(claim.attempt, WAITS)
    state, note = _handle(claim.row, is_last=wait is None)
    instant = now or timezone.now()
    has_failed = state == EventState.FAILED
    claim.write(
        state=state,
        note=note[:LONGEST_NOTE],
        next_try_at=instant + wait if has_failed and wait is not None else None,
        processed_at=None if has_failed else instant,
    )
    return state


def _handle(event: StripeEvent, *, is_last: bool) -> tuple[EventState, str]:
    """Call the event's handler. Returns the event's state then, and a note for staff.

    is_last: whether this is its last attempt.
    """
    reason = _reason_to_ignore(event.type, account=event.account, is_live=event.is_live)
    handler = handler_of(event.type)
    if reason or handler is None:
        return EventState.IGNORED, reason
    try:
        handler(event.payload["data"])
    except NotOurs as stranger:
        return EventState.IGNORED, str(stranger)
    except NotHereYet as early:
        return (EventState.IGNORED if is_last else EventState.FAILED), str(early)
    except Exception as error:  # whatever it was, it is noted, and the event tried again
        logger.exception("Stripe event %s (%s) failed", event.event_id, event.type)
        return EventState.FAILED, f"{type(error).__name__}: {error}"
    return EventState.PROCESSED, ""
