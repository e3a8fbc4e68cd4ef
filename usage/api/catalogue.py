"""The calls of the meter, one by one, as product servers know them."""

from usage.api import reads, reservations, usage_calls
from usage.api.calls import Call, Parameter
from usage.api.schemas import (
    IDEMPOTENCY_KEY,
    BalanceAnswer,
    BatchAnswers,
    BatchBody,
    RefundAnswer,
    RefundBody,
    ReleasedAnswer,
    ReservationBody,
    ReservedAnswer,
    SettledAnswer,
    SettlementBody,
    UsageBody,
    Used,
)

KEY = Parameter(
    "Idempotency-Key",
    "header",
    "1 to 200 printable ASCII characters, new for each new request. The same key with the same content answers what "
    "the first call answered, with Idempotent-Replayed: true; with other content it is refused. A refused request "
    "wrote nothing, so its key can be used again.",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": IDEMPOTENCY_KEY},
)
USAGE_ID = Parameter(
    "usage",
    "path",
    "The id of a use, as returned by POST /api/v1/usage.",
    {"type": "string", "pattern": "^use_[0-9a-f]{32}$"},
)
RESERVATION_ID = Parameter(
    "reservation",
    "path",
    "The id of a reservation, as returned by POST /api/v1/reservations.",
    {"type": "string", "pattern": "^res_[0-9a-f]{32}$"},
)
ORGANIZATION = {"type": "string", "minLength": 1, "maxLength": 50, "pattern": "^[-a-zA-Z0-9_]+$"}

SPENDING = ("insufficient_credits", "usage_limit_reached", "ai_switched_off", "idempotency_conflict")

CALLS = (
    Call(
        name="balance",
        method="GET",
        path="/api/v1/organizations/{organization}/balance",
        summary="Balance of an organization",
        description="Small and fast, for your product's own header. Credits that have just expired are not included.",
        view=reads.balance,
        answer=BalanceAnswer,
        scope="read",
        parameters=(Parameter("organization", "path", "The organization's short name.", ORGANIZATION),),
        problems=("not_found", "invalid"),
    ),
    Call(
        name="usage",
        method="POST",
        path="/api/v1/usage",
        summary="Spend credits",
        description="Charges one use of an AI feature, in full or not at all. The feature's rate determines what to "
        "send: nothing (fixed), `credits` (a range), `model`, `input_tokens` and `output_tokens` (per token), or "
        "`quantity` (per unit). The total is rounded up once, to the smallest unit.",
        view=usage_calls.spend,
        body=UsageBody,
        answer=Used,
        status=201,
        scope="spend",
        parameters=(KEY,),
        problems=("not_found", "too_many_requests", *SPENDING),
        is_replayable=True,
    ),
    Call(
        name="usage_batch",
        method="POST",
        path="/api/v1/usage/batch",
        summary="Spend credits in a batch",
        description="Up to 1,000 uses, each with its own `idempotency_key`, for one or many organizations. The "
        "response has one result per use, in order, with the status of a single call. A failed use affects no other.",
        view=usage_calls.spend_batch,
        body=BatchBody,
        answer=BatchAnswers,
        scope="spend",
    ),
    Call(
        name="refund",
        method="POST",
        path="/api/v1/usage/{usage}/refund",
        summary="Refund a use",
        description="Returns all or some of the credits of a failed operation to the grants they came from. Credits "
        "that return to an expired grant expire at once.",
        view=usage_calls.refund,
        body=RefundBody,
        answer=RefundAnswer,
        status=201,
        scope="spend",
        parameters=(USAGE_ID, KEY),
        problems=("not_found", "idempotency_conflict", "refund_too_large"),
        is_replayable=True,
    ),
    Call(
        name="reservations",
        method="POST",
        path="/api/v1/reservations",
        summary="Reserve credits",
        description="Sets credits aside before work whose cost is not known yet: `credits`, or the price of the "
        "measures given. Limits and AI on or off are checked now. It times out unless it is settled in time.",
        view=reservations.reserve,
        body=ReservationBody,
        answer=ReservedAnswer,
        status=201,
        scope="spend",
        parameters=(KEY,),
        problems=("not_found", *SPENDING),
        is_replayable=True,
    ),
    Call(
        name="settle",
        method="POST",
        path="/api/v1/reservations/{reservation}/settle",
        summary="Settle a reservation",
        description="Charges what the work cost: `credits`, or the measures priced by the rate in force when it was "
        "reserved. Unused credits are returned. A higher cost is charged too; what can't be charged is `uncollected`. "
        "Repeating the same content returns the same response; no Idempotency-Key is needed.",
        view=reservations.settle,
        body=SettlementBody,
        answer=SettledAnswer,
        scope="spend",
        parameters=(RESERVATION_ID,),
        problems=("not_found", "idempotency_conflict", "reservation_closed"),
        is_replayable=True,
    ),
    Call(
        name="release",
        method="POST",
        path="/api/v1/reservations/{reservation}/release",
        summary="Release a reservation",
        description="Ends it without a charge. Releasing it again, or after it timed out, returns the same response.",
        view=reservations.release,
        answer=ReleasedAnswer,
        scope="spend",
        parameters=(RESERVATION_ID,),
        problems=("not_found", "reservation_closed"),
        is_replayable=True,
    ),
)
