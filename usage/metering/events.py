"""Usage events on their way into the database: plain values and the one statement that writes any number of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sql import arrays
from sql.statements import run
from usage.pricing import Measures


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
    measures: Measures
    credits: int
    uncollected: int
    occurred_at: datetime
    written_at: datetime


def insert(events: Sequence[NewEvent]) -> None:
    """Write the events. Sent inside the transaction that wrote their operations."""
    run(
        """
        INSERT INTO usage_usageevent (operation_id, organization_id, user_id, team_id, service_id, feature_id, rate_id,
            model, input_tokens, output_tokens, quantity, credits, uncollected, refunded, occurred_at, written_at)
        SELECT operation_id, organization_id, user_id, team_id, service_id, feature_id, rate_id, model, input_tokens,
            output_tokens, quantity, credits, uncollected, 0, occurred_at, written_at
        FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[],
            %s::timestamptz[])
          AS e(operation_id, organization_id, user_id, team_id, service_id, feature_id, rate_id, model, input_tokens,
            output_tokens, quantity, credits, uncollected, occurred_at, written_at)
        """,
        [
            arrays.ids(e.operation_id for e in events),
            arrays.numbers(e.organization_id for e in events),
            arrays.numbers(e.user_id for e in events),
            arrays.numbers(e.team_id for e in events),
            arrays.numbers(e.service_id for e in events),
            arrays.numbers(e.feature_id for e in events),
            arrays.numbers(e.rate_id for e in events),
            arrays.texts(e.measures.model for e in events),
            arrays.numbers(e.measures.input_tokens for e in events),
            arrays.numbers(e.measures.output_tokens for e in events),
            arrays.numbers(e.measures.quantity for e in events),
            arrays.numbers(e.credits for e in events),
            arrays.numbers(e.uncollected for e in events),
            arrays.instants(e.occurred_at for e in events),
            arrays.instants(e.written_at for e in events),
        ],
    )


def note_refund(operation_id: UUID, credits: int) -> None:
    """Add to what was refunded of an event."""
    run("UPDATE usage_usageevent SET refunded = refunded + %s WHERE operation_id = %s", [credits, operation_id])


def keep_reserved_use(row: Sequence[UUID | int | None]) -> None:
    """Write what a reservation is for: reservation, organization, user, team, service, feature, rate."""
    run(
        """
        INSERT INTO usage_reserveduse (reservation_id, organization_id, user_id, team_id, service_id, feature_id,
            rate_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        row,
    )
