"""Usage events, and what reservations are for, on their way into the database: plain values and their statements."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sql.rows import insert
from sql.statements import run


@dataclass(slots=True)
class NewEvent:
    """A usage event to be written; see `usage.models.UsageEvent`."""

    operation_id: UUID
    organization_id: int
    user_id: int | None
    team_id: int | None
    service_id: int
    feature_id: int
    rate_id: int
    model: str
    input_tokens: int | None
    output_tokens: int | None
    quantity: int | None
    credits: int
    uncollected: int
    occurred_at: datetime
    written_at: datetime


class NewReservedUse(NamedTuple):
    """What a reservation is for; see `usage.models.ReservedUse`."""

    reservation_id: UUID
    organization_id: int
    user_id: int | None
    team_id: int | None
    service_id: int
    feature_id: int
    rate_id: int


# Sent inside the transaction that writes their operations or reservations.
insert_events = insert("usage_usageevent", NewEvent, refunded="0")
insert_reserved_uses = insert("usage_reserveduse", NewReservedUse)


def add_refund(operation_id: UUID, credits: int) -> None:
    """Add to what was refunded of an event (smallest units)."""
    run("UPDATE usage_usageevent SET refunded = refunded + %s WHERE operation_id = %s", [credits, operation_id])
