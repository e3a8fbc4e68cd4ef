"""Money that goes back: refunds whole, partial, pending and failing; disputes opened, answered, won and lost."""

import pytest
import stripe

from tests.support.billing.payments import Payments
from tests.support.billing.sandbox_calls import paid, since


def charge_of(sandbox: Payments, intent: str) -> stripe.Charge:
    found = sandbox.stripe().v1.payment_intents.retrieve(intent, {"expand": ["latest_charge"]}).latest_charge
    assert isinstance(found, stripe.Charge)
    return found


def test_partial_refunds_add_up_and_the_last_one_makes_it_whole(sandbox: Payments) -> None:
    intent = paid(sandbox)
    refunds = sandbox.stripe().v1.refunds

    refunds.create({"payment_intent": intent.id, "amount": 500, "reason": "requested_by_customer"})
    part = charge_of(sandbox, intent.id)
    assert (part.amount_refunded, part.refunded) == (500, False)
    refunds.create({"payment_intent": intent.id})
    whole = charge_of(sandbox, intent.id)
    assert (whole.amount_refunded, whole.refunded) == (2000, True)
    assert [each.amount for each in refunds.list({"payment_intent": intent.id}).data] == [1500, 500]


def test_a_refund_tells_what_happened_in_stripes_order(sandbox: Payments) -> None:
    intent = paid(sandbox)
    sandbox.stripe().v1.refunds.create({"payment_intent": intent.id})
    sandbox.settle()

    assert since(sandbox, "refund.created") == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    ]


def test_more_than_is_left_is_not_refunded(sandbox: Payments) -> None:
    intent = paid(sandbox)

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        sandbox.stripe().v1.refunds.create({"payment_intent": intent.id, "amount": 2001})


def test_a_whole_refund_happens_once(sandbox: Payments) -> None:
    intent = paid(sandbox)
    sandbox.stripe().v1.refunds.create({"payment_intent": intent.id})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe().v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"


def test_a_pending_refund_arrives_later(sandbox: Payments) -> None:
    intent = paid(sandbox, "pm_card_pendingRefund")
    refund = sandbox.stripe().v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"

    sandbox.advance(hours=1)

    assert sandbox.stripe().v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_failing_refund_gives_the_money_back_to_us(sandbox: Payments) -> None:
    intent = paid(sandbox, "pm_card_refundFail")
    refund = sandbox.stripe().v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"

    sandbox.advance(hours=1)

    failed = sandbox.stripe().v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert charge_of(sandbox, intent.id).amount_refunded == 0
    assert since(sandbox, "refund.updated") == ["refund.updated", "refund.failed", "charge.refund.updated"]


def test_any_refund_can_be_made_to_fail(sandbox: Payments) -> None:
    intent = paid(sandbox)
    refund = sandbox.stripe().v1.refunds.create({"payment_intent": intent.id})

    sandbox.control("fail_refund", refund=refund.id)

    assert "refund.failed" in sandbox.event_types()


def dispute_of(sandbox: Payments, intent: str) -> stripe.Dispute:
    return sandbox.stripe().v1.disputes.list({"payment_intent": intent}).data[0]


@pytest.mark.parametrize(
    ("card", "reason"),
    [("pm_card_createDispute", "fraudulent"), ("pm_card_createDisputeProductNotReceived", "product_not_received")],
)
def test_a_disputing_card_withdraws_the_money(sandbox: Payments, card: str, reason: str) -> None:
    intent = paid(sandbox, card)

    dispute = dispute_of(sandbox, intent.id)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 2000)
    assert charge_of(sandbox, intent.id).disputed
    assert since(sandbox, "charge.dispute.created") == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


@pytest.mark.parametrize(
    ("evidence", "status", "after"),
    [
        ("winning_evidence", "won", ["charge.dispute.closed", "charge.dispute.funds_reinstated"]),
        ("losing_evidence", "lost", ["charge.dispute.closed"]),
    ],
)
def test_evidence_decides_a_dispute(sandbox: Payments, evidence: str, status: str, after: list[str]) -> None:
    dispute = dispute_of(sandbox, paid(sandbox, "pm_card_createDispute").id)

    updated = sandbox.stripe().v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})

    assert updated.status == "under_review"
    assert sandbox.stripe().v1.disputes.retrieve(dispute.id).status == status
    assert since(sandbox, "charge.dispute.updated") == ["charge.dispute.updated", *after]


def test_an_inquiry_moves_no_money(sandbox: Payments) -> None:
    dispute = dispute_of(sandbox, paid(sandbox, "pm_card_createDisputeInquiry").id)
    assert dispute.status == "warning_needs_response"

    sandbox.stripe().v1.disputes.close(dispute.id)

    assert sandbox.stripe().v1.disputes.retrieve(dispute.id).status == "warning_closed"
    assert not any("funds" in kind for kind in sandbox.event_types())


@pytest.mark.parametrize(("action", "status"), [("win_dispute", "won"), ("lose_dispute", "lost")])
def test_any_charge_can_be_disputed_and_decided_by_control(sandbox: Payments, action: str, status: str) -> None:
    intent = paid(sandbox)
    dispute = sandbox.control("open_dispute", charge=intent.latest_charge, reason="duplicate")

    sandbox.control(action, dispute=dispute["id"])

    assert sandbox.stripe().v1.disputes.retrieve(dispute["id"]).status == status


def test_a_disputed_charge_is_not_refunded(sandbox: Payments) -> None:
    intent = paid(sandbox)
    sandbox.control("open_dispute", charge=intent.latest_charge)

    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        sandbox.stripe().v1.refunds.create({"payment_intent": intent.id})
