"""Reversals at Stripe: refunds, made by us or in Stripe's dashboard, and disputes.

What they take from a grant is not known here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import stripe

from billing.stripe_gateway.client import read_all, write
from billing.stripe_gateway.errors import Refused
from billing.stripe_gateway.fields import at, currency_at, id_at, instant, instant_at, number_at, text_at, uuid_at


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund as Stripe has it now. status: pending, requires_action, succeeded, failed, canceled.

    refund_id: our row, None for one that was made in Stripe's dashboard.
    """

    id: str
    payment_id: str | None
    charge_id: str | None
    amount_minor: int
    currency: str
    status: str
    failure_reason: str
    refund_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DisputeState:
    """A dispute as Stripe has it now. status: needs_response, under_review, won, lost and others.

    One whose status begins with `warning_` is an inquiry: no money has moved.
    """

    id: str
    payment_id: str | None
    charge_id: str | None
    amount_minor: int
    currency: str
    status: str
    reason: str
    created_at: datetime
    evidence_due_at: datetime | None

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks; no money has moved."""
        return self.status.startswith("warning_")


def create_refund(*, payment_id: str, amount_minor: int, refund_id: UUID, key: str) -> RefundState:
    """Give back a part or all of a payment. It may still be pending, and fail later.

    Raises Refused (code `charge_already_refunded` and others), OutcomeUnknown.
    """
    if amount_minor <= 0:
        raise Refused(f"{amount_minor} can't be refunded.", code="amount_invalid")
    params: Any = {
        "payment_intent": payment_id,
        "amount": amount_minor,
        "metadata": {"refund_id": str(refund_id)},
    }
    return _refund(write(lambda client, options: client.v1.refunds.create(params, options), key=key))


def read_refunds(payment_id: str) -> list[RefundState]:
    """Every refund of a payment, whoever made it, newest first. Raises Refused, Unavailable."""
    found = read_all(lambda client: client.v1.refunds.list({"payment_intent": payment_id, "limit": 100}))
    return [_refund(refund) for refund in found]


def read_disputes(payment_id: str) -> list[DisputeState]:
    """Every dispute of a payment, newest first. Raises Refused, Unavailable."""
    found = read_all(lambda client: client.v1.disputes.list({"payment_intent": payment_id, "limit": 100}))
    return [_dispute(dispute) for dispute in found]


def find_refunds(since: datetime) -> Iterator[RefundState]:
    """Go through every refund of the account made since then, newest first. Raises Refused, Unavailable."""
    created: Any = {"gte": int(since.timestamp())}
    return map(_refund, read_all(lambda client: client.v1.refunds.list({"created": created, "limit": 100})))


def find_disputes(since: datetime) -> Iterator[DisputeState]:
    """Go through every dispute of the account opened since then, newest first. Raises Refused, Unavailable."""
    created: Any = {"gte": int(since.timestamp())}
    return map(_dispute, read_all(lambda client: client.v1.disputes.list({"created": created, "limit": 100})))


def _refund(refund: stripe.Refund) -> RefundState:
    return RefundState(
        id=refund.id,
        payment_id=id_at(refund, "payment_intent"),
        charge_id=id_at(refund, "charge"),
        amount_minor=number_at(refund, "amount"),
        currency=currency_at(refund),
        status=text_at(refund, "status"),
        failure_reason=text_at(refund, "failure_reason"),
        refund_id=uuid_at(refund, "metadata", "refund_id"),
        created_at=instant(number_at(refund, "created")),
    )


def _dispute(dispute: stripe.Dispute) -> DisputeState:
    return DisputeState(
        id=dispute.id,
        payment_id=id_at(dispute, "payment_intent"),
        charge_id=id_at(dispute, "charge"),
        amount_minor=number_at(dispute, "amount"),
        currency=currency_at(dispute),
        status=text_at(dispute, "status"),
        reason=text_at(dispute, "reason"),
        created_at=instant(number_at(dispute, "created")),
        evidence_due_at=instant_at(at(dispute, "evidence_details"), "due_by"),
    )
