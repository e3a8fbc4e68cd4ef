"""Reservations over HTTP: set credits aside, settle with what the work cost, or release."""

import msgspec
from django.http import HttpRequest, HttpResponse

from usage.api import keys, requests
from usage.api.calls import answer
from usage.api.schemas import ReleasedAnswer, ReservationBody, ReservedAnswer, SettledAnswer, SettlementBody
from usage.api.usage_calls import measures_of, use_of
from usage.metering import reservations

RESERVATION = msgspec.json.Decoder(ReservationBody)
SETTLEMENT = msgspec.json.Decoder(SettlementBody)


def reserve(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/reservations"""
    by = keys.spender(request)
    key = requests.idempotency_key(request)
    body = requests.body_of(request, RESERVATION)
    reserved = reservations.reserve(use_of(body, key=key, by=by), credits=body.credits, seconds=body.expires_in)
    content = ReservedAnswer(
        id=requests.public_id("res", reserved.id),
        credits=reserved.credits,
        balance=reserved.available_after,
        expires_at=reserved.expires_at,
    )
    return answer(content, status=201, was_replayed=reserved.was_replayed)


def settle(request: HttpRequest, reservation: str) -> HttpResponse:
    """POST /api/v1/reservations/{reservation}/settle"""
    by = keys.spender(request)
    reservation_id = requests.parse_id("res", reservation)
    body = requests.body_of(request, SETTLEMENT)
    settled = reservations.settle(reservation_id, measures=measures_of(body), within=by.organization_id, via=by.name)
    content = SettledAnswer(
        id=requests.public_id("use", settled.event_id),
        reservation=reservation,
        credits=settled.credits,
        released=settled.released,
        uncollected=settled.uncollected,
        balance=settled.available,
    )
    return answer(content, was_replayed=settled.was_replayed)


def release(request: HttpRequest, reservation: str) -> HttpResponse:
    """POST /api/v1/reservations/{reservation}/release"""
    by = keys.spender(request)
    reservation_id = requests.parse_id("res", reservation)
    released = reservations.release(reservation_id, within=by.organization_id)
    content = ReleasedAnswer(id=reservation, state=released.state, credits=released.credits)
    return answer(content, was_replayed=released.was_replayed)
