"""Disputes and inquiries: opened by a card or through the control API, answered with evidence, won, lost or closed."""

from typing import Any

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.fields import take
from stripe_sandbox.front.lists import page
from stripe_sandbox.front.routes import Answer, Call, route
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import charges, methods
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import task
from stripe_sandbox.state.events import emit

FEE = 1500
DAYS_TO_ANSWER = 9
OUTCOMES = {"winning_evidence": "win_dispute", "losing_evidence": "lose_dispute"}


def open_dispute(account: Account, charge: Thing, *, reason: str, inquiry: bool = False) -> Thing:
    """The customer's bank takes the money back, or only asks (an inquiry moves no money)."""
    if charge["disputed"] or not charge["paid"]:
        raise ApiError(f"Charge {charge['id']} can't be disputed.")
    amount = charge["amount_captured"] - charge["amount_refunded"]
    dispute = skeleton(
        "dispute",
        amount=amount,
        charge=charge["id"],
        created=account.now(),
        currency=charge["currency"],
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    for name in ("intended_submission_method",):
        dispute.pop(name, None)
    for name in ("enhanced_evidence", "appeal"):
        dispute["evidence"][name] = {} if name == "enhanced_evidence" else None
    dispute["evidence_details"] = {
        "due_by": account.now() + DAYS_TO_ANSWER * 86_400,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "manual",
    }
    card = (charge["payment_method_details"] or {}).get("card")
    if card:
        details = {
            "brand": card["brand"],
            "case_type": "inquiry" if inquiry else "chargeback",
            "network": card["brand"],
        }
        dispute["payment_method_details"] = {"type": "card", "card": {**details, "network_reason_code": "83"}}
    account.add(dispute)
    charge["disputed"] = True
    emit(account, "charge.dispute.created", dispute)
    if not inquiry:
        _move(account, dispute, -amount, FEE)
        emit(account, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _move(account: Account, dispute: Thing, amount: int, fee: int) -> None:
    movement = charges.balance_transaction(
        account, "adjustment", amount=amount, fee=fee, currency=dispute["currency"], source=dispute["id"]
    )
    movement["reporting_category"] = "dispute" if amount < 0 else "dispute_reversal"
    dispute["balance_transactions"] = [*dispute["balance_transactions"], dict(movement)]


@task("open_dispute")
def open_by_card(account: Account, charge: Thing) -> None:
    """Open the dispute of a disputing test card."""
    method = account.find(charge["payment_method"])
    card = methods.card_of(account, method) if method else None
    if card and card.dispute and not charge["disputed"]:
        open_dispute(account, charge, reason=card.dispute, inquiry=card.inquiry)


@task("win_dispute")
def win(account: Account, dispute: Thing) -> None:
    """The bank sides with us: the money comes back; an inquiry is simply closed."""
    _must_be_open(dispute)
    if dispute["status"].startswith("warning"):
        dispute["status"] = "warning_closed"
        account.get("charge", dispute["charge"])["disputed"] = False
        emit(account, "charge.dispute.closed", dispute)
        return
    dispute["status"] = "won"
    _move(account, dispute, dispute["amount"], -FEE)
    emit(account, "charge.dispute.closed", dispute)
    emit(account, "charge.dispute.funds_reinstated", dispute)


@task("lose_dispute")
def lose(account: Account, dispute: Thing) -> None:
    """The bank sides with its customer; the money stays away."""
    _must_be_open(dispute)
    dispute["status"] = "warning_closed" if dispute["status"].startswith("warning") else "lost"
    emit(account, "charge.dispute.closed", dispute)


def _must_be_open(dispute: Thing) -> None:
    if dispute["status"] in {"won", "lost", "warning_closed"}:
        raise ApiError(f"Dispute {dispute['id']} is {dispute['status']} and closed already.")


@route("get", "/v1/disputes/{id}")
def retrieve(call: Call) -> Answer:
    return call.account.get("dispute", call.place)


@route("get", "/v1/disputes")
def list_disputes(call: Call) -> Answer:
    wanted = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return page(call, call.account.newest_first("dispute", **wanted), "/v1/disputes")


@route("post", "/v1/disputes/{id}")
def update(call: Call) -> Answer:
    account = call.account
    dispute = account.get("dispute", call.place)
    previous = take(dispute, call.params)
    evidence: dict[str, Any] = call.params.get("evidence") or {}
    if evidence or "submit" in call.params:
        _must_be_open(dispute)
    if evidence:
        previous["evidence"] = {name: dispute["evidence"].get(name) for name in evidence}
        dispute["evidence"] = dispute["evidence"] | evidence
        dispute["evidence_details"]["has_evidence"] = True
    if evidence and call.params.get("submit", True) not in (False, "false"):
        previous["status"] = dispute["status"]
        inquiry = dispute["status"].startswith("warning")
        dispute["status"] = "warning_under_review" if inquiry else "under_review"
        dispute["evidence_details"]["submission_count"] += 1
        text = dispute["evidence"].get("uncategorized_text")
        if text in OUTCOMES:
            account.later(0, OUTCOMES[text], dispute["id"])
        elif text == "escalate_inquiry_evidence" and inquiry:
            dispute["status"] = "needs_response"
            _move(account, dispute, -dispute["amount"], FEE)
            emit(account, "charge.dispute.funds_withdrawn", dispute)
    if previous:
        emit(account, "charge.dispute.updated", dispute, previous=previous)
    return dispute


@route("post", "/v1/disputes/{id}/close")
def close(call: Call) -> Answer:
    dispute = call.account.get("dispute", call.place)
    lose(call.account, dispute)
    return dispute
