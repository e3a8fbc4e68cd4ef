"""Sending what is owed: each delivery is claimed in a short transaction, posted outside any, and noted in another.

At least once: whoever dies between an answer and its note leaves a claim that runs out, and the message is sent again
under the same id. In no promised order. `events` and `by_hand` write what is owed; nothing of what events mean is here.
"""

import json
import random
import time
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from organizations import audit_events
from webhooks import signing
from webhooks.audit_actions import Action
from webhooks.models import DeliveryState, TryError, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webhooks.posting import Answer, post

# After the first, second… try that failed. Together about three days, as the specification suggests.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=20),
)
# So that many that failed together don't come together again: a wait is made longer or shorter by up to this part.
JITTER = 0.1
LONGEST_WAIT = timedelta(hours=24)
# For a whole call: the name, the connection, the answer.
CALL_SECONDS = 10.0
# Much longer than a call may take; after it a claim is a dead worker's.
CLAIM = timedelta(minutes=1)

# A run begins no call after this, so that it ends before the queue's time limit.
RUN_SECONDS = 15
# Calls under way at once, each to another endpoint.
LANES = 8
# An endpoint that failed or took longer than this waits for the next run: it holds one lane, for one call.
SLOW_SECONDS = 2
WINDOW = 500

KEPT = timedelta(days=90)
PRUNED_AT_ONCE = 5_000
USER_AGENT = "Drawdown-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Call:
    """A claimed delivery with all that it takes to send it, so that no row is read meanwhile."""

    delivery: WebhookDelivery
    sealed: list[str]
    now: datetime


def deliver_due(now: datetime | None = None, *, skips_failing: bool = False) -> int:
    """Send what is due and return how many calls were made; what there is no time for is left to the next run.

    skips_failing: leave endpoints that are failing to the schedule's runs. Each event begins a run in a hurry, and one
    that hangs would hold a worker for every one of them. May run at any time, side by side with itself. Outside any
    transaction. now: for tests.
    """
    _refuse_inside_transaction()
    end = time.monotonic() + RUN_SECONDS
    flights: dict[Future[tuple[Answer, int]], Call] = {}
    resting: set[int] = set()
    sent = 0
    with ThreadPoolExecutor(LANES) as pool:
        while True:
            if time.monotonic() < end:
                busy = {call.delivery.endpoint_id for call in flights.values()}
                free = LANES - len(flights)
                instant = now or timezone.now()
                for call in _claim(free, without=busy | resting, now=instant, skips_failing=skips_failing):
                    flights[pool.submit(_send, call)] = call
            if not flights:
                return sent
            for flight in wait(flights, return_when=FIRST_COMPLETED).done:
                call = flights.pop(flight)
                answer, milliseconds = flight.result()
                _note(call, answer, milliseconds=milliseconds, now=now or timezone.now())
                sent += 1
                if not answer.is_received or milliseconds > SLOW_SECONDS * 1000:
                    resting.add(call.delivery.endpoint_id)


def body_of(delivery: WebhookDelivery) -> bytes:
    """What is posted: the same bytes at every try."""
    event = delivery.event
    occurred_at = event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    message = {"type": event.type, "timestamp": occurred_at, "data": event.data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def prune(now: datetime | None = None) -> int:
    """Delete tries older than 90 days and return how many. Events and deliveries stay: they can be sent again."""
    old = WebhookAttempt.objects.filter(started_at__lt=(now or timezone.now()) - KEPT)
    pruned = 0
    while batch := list(old.order_by("started_at").values_list("pk", flat=True)[:PRUNED_AT_ONCE]):
        pruned += WebhookAttempt.objects.filter(pk__in=batch).delete()[0]
    return pruned


# Claiming


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=now),
        state=DeliveryState.PENDING,
        next_try_at__lte=now,
        endpoint__disabled_at=None,
    )


def _claim(count: int, *, without: Collection[int], now: datetime, skips_failing: bool = False) -> list[Call]:
    """Claim a delivery each for up to so many endpoints, those that work first."""
    due = _due(now)
    if skips_failing:
        due = due.filter(endpoint__failing_since=None)
    waiting = due.exclude(endpoint__in=without)
    order = F("endpoint__failing_since").asc(nulls_first=True), "next_try_at"
    first_of: dict[int, Any] = {}
    for pk, endpoint in waiting.order_by(*order).values_list("pk", "endpoint")[:WINDOW]:
        first_of.setdefault(endpoint, pk)
    chosen = list(first_of.values())[:count]
    if not chosen:
        return []
    with transaction.atomic():
        claimed = list(_locked(due.filter(pk__in=chosen).select_related("event", "endpoint")))
        for delivery in claimed:
            delivery.claimed_until = now + CLAIM
            delivery.attempts += 1
        WebhookDelivery.objects.bulk_update(claimed, ["claimed_until", "attempts"])
    return [Call(delivery, _secrets(delivery.endpoint, now), now) for delivery in claimed]


def _locked(rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    """Those of the rows that nobody else is claiming right now, and that are still due once they are locked."""
    return rows.select_for_update(of=("self",), skip_locked=True, no_key=True)


def _secrets(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The current secret, then those replaced a short while ago."""
    valid = endpoint.secrets.filter(Q(signs_until=None) | Q(signs_until__gt=now))
    return list(valid.order_by("-created_at", "-pk").values_list("sealed", flat=True))


# Sending


def _send(call: Call) -> tuple[Answer, int]:
    """Post it; return what came of it and how many milliseconds it took. In a thread: touches no rows."""
    began = time.monotonic()
    try:
        secrets = [signing.unseal(sealed) for sealed in call.sealed]
    except signing.UnreadableSecret:
        return Answer(error=TryError.SECRET), 0
    body = body_of(call.delivery)
    signed = signing.headers(message_id=call.delivery.event.message_id, body=body, secrets=secrets, now=call.now)
    endpoint = call.delivery.endpoint
    answer = post(
        endpoint.url,
        body=body,
        headers={"Content-Type": "application/json", "User-Agent": USER_AGENT, **signed},
        allows_private=endpoint.allows_private,
        seconds=CALL_SECONDS,
    )
    return answer, int((time.monotonic() - began) * 1000)


def _refuse_inside_transaction() -> None:
    """A lock must not wait for somebody else's server. A test's own wrapping is let pass."""
    blocks = transaction.get_connection().atomic_blocks
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        raise RuntimeError("Webhooks are never sent inside a database transaction")


# Noting


def _note(call: Call, answer: Answer, *, milliseconds: int, now: datetime) -> None:
    """Write the try, and what it means for the delivery and the endpoint, unless another has claimed it since."""
    delivery = call.delivery
    with transaction.atomic():
        WebhookAttempt.objects.create(
            delivery=delivery,
            started_at=call.now,
            milliseconds=milliseconds,
            status=answer.status,
            error=answer.error,
            response=answer.response,
            asked_by_id=delivery.asked_by_id,
        )
        mine = WebhookDelivery.objects.filter(pk=delivery.pk, claimed_until=delivery.claimed_until)
        mine.update(claimed_until=None, asked_by=None, **_outcome(delivery, answer, now))
        _note_health(delivery.endpoint, answer, now)


def _outcome(delivery: WebhookDelivery, answer: Answer, now: datetime) -> dict[str, Any]:
    if answer.is_received:
        return {"state": DeliveryState.DELIVERED, "closed_at": now}
    if answer.status == 410 or delivery.attempts > len(WAITS):
        return {"state": DeliveryState.FAILED, "closed_at": now}
    return {"next_try_at": now + _wait(delivery.attempts, answer)}


def _wait(attempts: int, answer: Answer) -> timedelta:
    """Our own wait, or the receiver's if that is longer."""
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return min(max(WAITS[attempts - 1] * spread, timedelta(seconds=answer.retry_after)), LONGEST_WAIT)


def _note_health(endpoint: WebhookEndpoint, answer: Answer, now: datetime) -> None:
    row = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if answer.is_received:
        row.update(last_delivered_at=now, failing_since=None)
        return
    row.filter(failing_since=None).update(failing_since=now)
    if answer.status == 410 and row.filter(disabled_at=None).update(disabled_at=now, is_gone=True):
        audit_events.record(
            action=Action.WEBHOOK_ENDPOINT_GONE, organization=endpoint.organization, target=endpoint.public_id, now=now
        )
