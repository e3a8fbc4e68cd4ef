"""Spending over HTTP: one use, a batch of uses, the refund of a use."""

import msgspec
from django.http import HttpRequest, HttpResponse

from organizations.api_keys import AuthenticatedKey
from usage.api import keys, requests, spending
from usage.api.calls import answer
from usage.api.problems import ApiError, from_refusal
from usage.api.schemas import (
    BatchAnswer,
    BatchAnswers,
    BatchUse,
    RawBatch,
    RefundAnswer,
    RefundBody,
    ReservationBody,
    SettlementBody,
    UsageBody,
    Used,
)
from usage.metering import meter, usage_refunds
from usage.pricing import Measures
from usage.uses import Metered, Use, UseRefusal

USAGE = msgspec.json.Decoder(UsageBody)
BATCH = msgspec.json.Decoder(RawBatch)
BATCH_USE = msgspec.json.Decoder(BatchUse)
REFUND = msgspec.json.Decoder(RefundBody)


def spend(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/usage"""
    token = keys.bearer(request)
    try:
        key = requests.idempotency_key(request)
        body = requests.body_of(request, USAGE)
    except ApiError:
        # An invalid key is reported first; a valid one is checked again together with the spend.
        keys.spender(request)
        raise
    metered = spending.pay(spending.Spend(token, use_of(body, key=key)))
    return answer(_used(metered), status=201, was_replayed=metered.was_replayed)


def spend_batch(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/usage/batch"""
    key = keys.spender(request)
    batch, names = requests.decode_items(requests.read(request), BATCH, "uses")
    results: list[BatchAnswer | None] = [None] * len(batch.uses)
    positions: list[int] = []
    uses: list[Use] = []
    for position, (raw, its_names) in enumerate(zip(batch.uses, names, strict=True)):
        try:
            body = requests.decode_item(raw, its_names, BATCH_USE)
        except ApiError as refused:
            results[position] = _batch_refusal(refused)
        else:
            positions.append(position)
            uses.append(use_of(body, key=body.idempotency_key, by=key))
    for position, metered in zip(positions, meter.meter(uses), strict=True):
        results[position] = _batch_answer(metered)
    return answer(BatchAnswers([result for result in results if result is not None]))


def refund(request: HttpRequest, usage: str) -> HttpResponse:
    """POST /api/v1/usage/{usage}/refund"""
    by = keys.spender(request)
    event_id = requests.parse_id("use", usage)
    key = requests.idempotency_key(request)
    body = requests.body_of(request, REFUND)
    refunded = usage_refunds.refund(
        event_id, credits=body.credits, key=key, reason=body.reason, within=by.organization_id, via=by.name
    )
    content = RefundAnswer(
        id=requests.public_id("ref", refunded.refund_id),
        usage=usage,
        credits=refunded.credits,
        balance=refunded.available,
    )
    return answer(content, status=201, was_replayed=refunded.was_replayed)


def use_of(body: UsageBody | ReservationBody, *, key: str, by: AuthenticatedKey | None = None) -> Use:
    """Return a body as a use. by: the key, where it is known already."""
    return Use(
        organization=body.organization,
        key=key,
        feature=body.feature,
        user=body.user,
        service=body.service,
        measures=measures_of(body),
        resource=body.resource,
        occurred_at=body.occurred_at if isinstance(body, UsageBody) else None,
        via=by.name if by else "",
        within=by.organization_id if by else None,
    )


def measures_of(body: UsageBody | ReservationBody | SettlementBody) -> Measures:
    """Return the measures of a body."""
    return Measures(
        model=body.model,
        input_tokens=body.input_tokens,
        output_tokens=body.output_tokens,
        quantity=body.quantity,
        credits=body.credits,
    )


def _used(metered: Metered) -> Used:
    return Used(requests.public_id("use", metered.event_id), metered.credits, metered.available)


def _batch_answer(metered: Metered | UseRefusal) -> BatchAnswer:
    if isinstance(metered, UseRefusal):
        return _batch_refusal(from_refusal(metered))
    return BatchAnswer(status=201, use=_used(metered), replayed=metered.was_replayed)


def _batch_refusal(refused: ApiError) -> BatchAnswer:
    return BatchAnswer(status=refused.status, problem=refused.document())
