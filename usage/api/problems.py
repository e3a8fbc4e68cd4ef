"""Errors as RFC 9457 problem documents: every type with its status and title, in one table.

A problem never carries a stack trace, and never says whether another organization exists.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from msgspec import UNSET, UnsetType

from usage import uses

# A charge takes about two seconds; if it takes longer, the caller tries again.
RECHARGE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A type of problem: `slug` is its stable name, `meaning` says what to do."""

    slug: str
    status: int
    title: str
    meaning: str


PROBLEM_TYPES = {
    kind.slug: kind
    for kind in (
        ProblemType(
            "unauthorized",
            401,
            "Invalid API key",
            "Send the key as “Authorization: Bearer dd_…”. It may be missing, mistyped or revoked.",
        ),
        ProblemType(
            "insufficient_credits",
            402,
            "Insufficient credits",
            "Nothing was charged. `reason` is “recharging” while auto-recharge is buying credits (retry after "
            "`retry_after` seconds; Retry-After has the same value), “reserved” if open reservations hold enough "
            "credits, and “empty” if credits must be bought; `buy_url` is the page where owners buy them.",
        ),
        ProblemType("scope", 403, "Missing scope", "Use a key with the scope that the call requires."),
        ProblemType(
            "usage_limit_reached",
            403,
            "Usage limit reached",
            "A monthly limit set by an owner doesn't allow this use. Usage must stay within every limit that applies; "
            "`limit` names the one with the least remaining. If several have the same amount remaining, it names the "
            "narrowest: one feature before all, then user, team, organization. `needed` is what the use costs.",
        ),
        ProblemType(
            "ai_switched_off",
            403,
            "AI is turned off",
            "Credits ran out, or an owner turned AI off in this service (`reason` is “switched_off”). It stays off, "
            "even after credits are bought, until an owner turns it back on at `services_url`.",
        ),
        ProblemType(
            "not_found",
            404,
            "Not found",
            "The resource doesn't exist, or this key can't access it. Both return the same response.",
        ),
        ProblemType("method_not_allowed", 405, "Method not allowed", "The Allow header lists the allowed methods."),
        ProblemType(
            "idempotency_conflict",
            409,
            "Idempotency key already used",
            "The key belongs to a request with other content. Send that content, or use a new key for a new request.",
        ),
        ProblemType(
            "reservation_closed",
            409,
            "Reservation closed",
            "It was settled, released or timed out; `state` says which.",
        ),
        ProblemType(
            "refund_too_large",
            409,
            "Refund too large",
            "`refundable` is the amount that was charged and is not refunded yet.",
        ),
        ProblemType("content_too_large", 413, "Request too large", "A request body can be up to 4 MiB."),
        ProblemType("unsupported_media_type", 415, "Unsupported media type", "Send “Content-Type: application/json”."),
        ProblemType(
            "invalid",
            422,
            "Invalid request",
            "`errors` lists each field and what is wrong with it. Undocumented fields are rejected.",
        ),
        ProblemType(
            "too_many_requests",
            429,
            "Too many requests",
            "Too many at once, too many with one key within a minute, or too many without a valid key from one "
            "address. "
            "Wait as long as Retry-After says, then retry.",
        ),
        ProblemType(
            "internal_error",
            500,
            "Internal error",
            "Something went wrong on our side and was logged. It is safe to retry with the same idempotency key.",
        ),
        ProblemType(
            "unavailable",
            503,
            "Temporarily unavailable",
            "Retry with the same idempotency key, after as many seconds as Retry-After says. Nothing was written; or, "
            "where that could not be confirmed, the retry returns what was written.",
        ),
    )
}


# Why a use is refused, where the credits are the reason.
Reason = Literal["empty", "reserved", "recharging", "switched_off"]


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field. `field` is empty where it is about the whole body."""

    field: str
    detail: str


class LimitReached(msgspec.Struct, frozen=True):
    """The limit that was reached; credits in smallest units, `used` counts open reservations.

    `scope`: organization, team or user. `feature`: the key of the only feature that it is about; empty: all.
    `resets_at`: when the next month begins on the organization's clocks.
    """

    scope: str
    name: str
    feature: str
    credits: int
    used: int
    resets_at: datetime


class Problem(msgspec.Struct, frozen=True):
    """A problem document (RFC 9457). Members after `detail` come only with the types that they explain."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] | UnsetType = UNSET
    needed: int | UnsetType = UNSET
    available: int | UnsetType = UNSET
    reserved: int | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET
    buy_url: str | UnsetType = UNSET
    limit: LimitReached | UnsetType = UNSET
    service: str | UnsetType = UNSET
    services_url: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    refundable: int | UnsetType = UNSET


@dataclass
class ApiError(Exception):
    """An error that is answered by a problem document. slug: a key of PROBLEM_TYPES. members: its further members."""

    slug: str
    detail: str
    members: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return PROBLEM_TYPES[self.slug].status

    def document(self) -> Problem:
        kind = PROBLEM_TYPES[self.slug]
        address = reverse("api_problem", args=[kind.slug])
        return Problem(address, kind.title, kind.status, self.detail, **self.members)


def invalid(field: str, detail: str) -> ApiError:
    """Return the error of one field."""
    return ApiError("invalid", detail, {"errors": [FieldError(field, detail)]})


def unauthorized(detail: str) -> ApiError:
    """Return the error of a request without a valid key."""
    return ApiError("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def unavailable() -> ApiError:
    """Return the error after a database fault."""
    detail = "The database did not respond in time. Retry with the same idempotency key."
    return ApiError("unavailable", detail, headers={"Retry-After": "1"})


def from_refusal(refusal: uses.UseRefusal) -> ApiError:
    """Return the meter's refusal as an error of the API."""
    members = _members(refusal)
    headers = {"Retry-After": str(members["retry_after"])} if "retry_after" in members else {}
    return ApiError(refusal.type, str(refusal), members, headers)


def _members(refusal: uses.UseRefusal) -> dict[str, Any]:
    members: dict[str, Any] = {}
    match refusal:
        case uses.Invalid():
            members = {"errors": [FieldError(refusal.field, str(refusal))]}
        case uses.Insufficient():
            members = {
                "needed": refusal.needed,
                "available": refusal.available,
                "reserved": refusal.reserved,
                "reason": "reserved" if refusal.available + refusal.reserved >= refusal.needed else "empty",
                "buy_url": f"{settings.BASE_URL}/o/{refusal.organization}/buy/",
            }
            if refusal.recharging_seconds:
                members["reason"] = "recharging"
                members["retry_after"] = min(RECHARGE_SECONDS, refusal.recharging_seconds)
        case uses.LimitReached():
            limit = LimitReached(
                scope=refusal.scope,
                name=refusal.name,
                feature=refusal.feature,
                credits=refusal.limit,
                used=refusal.used,
                resets_at=refusal.resets_at.astimezone(UTC),
            )
            members = {"limit": limit, "needed": refusal.needed}
        case uses.SwitchedOff():
            services_url = f"{settings.BASE_URL}/o/{refusal.organization}/services/"
            members = {"reason": "switched_off", "service": refusal.service, "services_url": services_url}
        case uses.Closed():
            members = {"state": refusal.state}
        case uses.RefundTooLarge():
            members = {"refundable": refusal.refundable}
    return members


def json_response(content: msgspec.Struct, *, status: int, kind: str = "application/json") -> HttpResponse:
    """Return JSON that is never cached, and that could load nothing if a browser showed it."""
    response = HttpResponse(msgspec.json.encode(content), status=status, content_type=kind)
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return response


def respond(error: ApiError) -> HttpResponse:
    """Return the HTTP answer of an error."""
    response = json_response(error.document(), status=error.status, kind="application/problem+json")
    for name, value in error.headers.items():
        response[name] = value
    return response
