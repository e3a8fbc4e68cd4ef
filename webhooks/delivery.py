"""Sending what is owed: each delivery is claimed as `jobs.outbox` says, posted in a lane of its endpoint's, and noted.

At least once, always under the same id, in no promised order. `events` and `by_hand` write what is owed; nothing of
what events mean is here.
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

from jobs import outbox
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

    claim: outbox.Claim[WebhookDelivery]
    sealed: list[str]
    now: datetime

    @property
    def delivery(self) -> WebhookDelivery:
        """The row that is claimed, with its event and endpoint."""
        return self.claim.row


def deliver_due(now: datetime | None = None, *, skips_failing: bool = False) -> int:
    """Send what is due and return how many calls were made; what there is no time for is left to the next run.

    skips_failing: leave endpoints that are failing to the schedule's runs. Each event begins a run in a hurry, and one
    that hangs would hold a worker for every one of them. May run at any time, side by side with itself. Outside any
    transaction. now: for tests.
    """
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
    rows = due.filter(pk__in=chosen).select_related("event", "endpoint")
    claims = outbox.claim(rows, count=len(chosen), claimed_until=now + CLAIM)
    return [Call(claim, _secrets(claim.row.endpoint, now), now) for claim in claims]


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
        call.claim.write(claimed_until=None, asked_by=None, **_outcome(call.claim.attempt, answer, now))
        _note_health(delivery.endpoint, answer, now)


def _outcome(attempt: int, answer: Answer, now: datetime) -> dict[str, Any]:
    if answer.is_received:
        return {"state": DeliveryState.DELIVERED, "closed_at": now}
    wait = _wait(attempt, answer)
    if answer.status == 410 or wait is None:
        return {"state": DeliveryState.FAILED, "closed_at": now}
    return {"next_try_at": now + wait}


def _wait(attempt: int, answer: Answer) -> timedelta | None:
    """Our own wait, or the receiver's if that is longer; None after the last attempt."""
    wait = outbox.wait_after(attempt, WAITS)
    if wait is None:
        return None
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return min(max(wait * spread, timedelta(seconds=answer.retry_after)), LONGEST_WAIT)


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
