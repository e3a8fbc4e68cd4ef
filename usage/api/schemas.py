"""What goes over the wire, as strict types: the OpenAPI document is made from them, so it can't drift.

Amounts are integers in the program's smallest unit; `decimals` of GET /api/billing/credits says how to show them.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from credits.ledger import MAX_RESERVATION_SECONDS
from credits.models import MAX_CREDITS
from usage.api.problems import Problem
from usage.models import DEFAULT_SERVICE
from usage.pricing import MAX_QUANTITY

MAX_BATCH = 1000
# No control characters (NUL among them, which PostgreSQL refuses), nothing empty.
PLAIN = r"^[^\u0000-\u001f\u007f]+$"
# The same for a header and for a batch's items.
IDEMPOTENCY_KEY = r"^[\u0020-\u007e]{1,200}$"

Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=PLAIN)]
Text = Annotated[str, Meta(max_length=500, pattern=r"^[^\u0000]*$")]
Slug = Annotated[str, Meta(min_length=1, max_length=50, pattern=PLAIN, description="The organization's short name.")]
Person = Annotated[
    str, Meta(min_length=1, max_length=254, pattern=PLAIN, description="A member's email address or public id.")
]
Model = Annotated[str, Meta(max_length=100, pattern=r"^[^\u0000-\u001f\u007f]*$", description="The AI model used.")]
Tokens = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
Quantity = Annotated[int, Meta(ge=0, le=MAX_QUANTITY, description="For features priced per unit.")]
Credits = Annotated[int, Meta(ge=0, le=MAX_CREDITS, description="In smallest units.")]
Amount = Annotated[int, Meta(ge=1, le=MAX_CREDITS, description="In smallest units.")]
Key = Annotated[str, Meta(min_length=1, max_length=200, pattern=IDEMPOTENCY_KEY)]
Resource = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=50, pattern=PLAIN)],
        Annotated[str, Meta(max_length=200, pattern=r"^[^\u0000]*$")] | Annotated[int, Meta(ge=-(2**53), le=2**53)],
    ],
    Meta(max_length=20, description="What the use was for, such as `project` or `session`."),
]
Instant = Annotated[datetime, Meta(tz=True)]


class Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A request body: what isn't documented is refused."""


class UsageBody(Strict, frozen=True, kw_only=True):
    """One use of an AI feature."""

    organization: Slug
    feature: Word
    user: Person | None = None
    service: Word = DEFAULT_SERVICE
    model: Model = ""
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    quantity: Quantity | None = None
    credits: Credits | None = None
    resource: Resource | None = None
    occurred_at: Instant | None = None


class BatchUse(UsageBody, frozen=True, kw_only=True):
    """One use of a batch, with its own idempotency key."""

    idempotency_key: Key


class BatchBody(Strict, frozen=True, kw_only=True):
    """Uses of one or many organizations."""

    uses: Annotated[list[BatchUse], Meta(min_length=1, max_length=MAX_BATCH)]


class RawBatch(Strict, frozen=True, kw_only=True):
    """A batch as it is read: each use by itself, so that a bad one hurts no other."""

    uses: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]


class ReservationBody(Strict, frozen=True, kw_only=True):
    """Work whose cost is not known yet. Without `credits` the measures are priced, as an estimate."""

    organization: Slug
    feature: Word
    user: Person | None = None
    service: Word = DEFAULT_SERVICE
    model: Model = ""
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    quantity: Quantity | None = None
    credits: Amount | None = None
    resource: Resource | None = None
    expires_in: (
        Annotated[
            int, Meta(ge=1, le=MAX_RESERVATION_SECONDS, description="Seconds; the program's default if left out.")
        ]
        | None
    ) = None


class SettlementBody(Strict, frozen=True, kw_only=True):
    """What the work cost: `credits` themselves, or what they are priced by."""

    model: Model = ""
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    quantity: Quantity | None = None
    credits: Credits | None = None


class RefundBody(Strict, frozen=True, kw_only=True):
    """How much of a use to give back; without `credits` all that is left of it."""

    credits: Amount | None = None
    reason: Text = ""


class Used(msgspec.Struct, frozen=True):
    """A use that was paid for. `balance`: what could be spent right after. Smallest units."""

    id: str
    credits: int
    balance: int


class BatchAnswer(msgspec.Struct, frozen=True):
    """The answer to one use of a batch, at the same position: `status` as the single call would have had it."""

    status: int
    use: Used | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET
    problem: Problem | UnsetType = UNSET


class BatchAnswers(msgspec.Struct, frozen=True):
    """An answer for each use, in their order."""

    results: list[BatchAnswer]


class ReservedAnswer(msgspec.Struct, frozen=True):
    """Credits set aside. `balance`: what could be spent right after. Smallest units."""

    id: str
    credits: int
    balance: int
    expires_at: datetime


class SettledAnswer(msgspec.Struct, frozen=True):
    """A settled reservation: `credits` were charged for the use `id`, `released` went back, `uncollected` could not
    be charged. Smallest units."""

    id: str
    reservation: str
    credits: int
    released: int
    uncollected: int
    balance: int


class ReleasedAnswer(msgspec.Struct, frozen=True):
    """A reservation that ended without a charge: released, or timed_out before."""

    id: str
    state: str
    credits: int


class RefundAnswer(msgspec.Struct, frozen=True):
    """Credits that went back to the grants they came from. Smallest units."""

    id: str
    usage: str
    credits: int
    balance: int


class BalanceAnswer(msgspec.Struct, frozen=True):
    """What an organization holds now. `balance` can be spent; `reserved` is set aside; `debt` is owed."""

    organization: str
    unit: str
    decimals: int
    balance: int
    reserved: int
    debt: int
