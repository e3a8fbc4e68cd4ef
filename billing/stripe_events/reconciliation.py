"""Reconciliation: compares the last days with Stripe, both ways, settles what was missed and reports what remains.

It calls the settle functions that webhooks call, so it may run twice, or beside anything else. Payments of plans are
settled in `billing.plans`; here only lost events about them are fetched.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.utils import timezone

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import Dispute, Purchase, PurchaseState, Refund, RefundState
from billing.purchases import settlement as purchases
from billing.refunds import calls as refund_calls
from billing.refunds import disputes
from billing.refunds import rows as refund_rows
from billing.refunds import settlement as reversals
from billing.stripe_events import inbox
from billing.stripe_gateway import PaymentState
from organizations import audit_events

logger = logging.getLogger(__name__)

UNSETTLED = (PurchaseState.PENDING, PurchaseState.OPEN, PurchaseState.PROCESSING)
# Younger orders may still be paid or settled.
PATIENCE = timedelta(minutes=15)
# At most so many lines are kept in the audit event; the log has all of them.
LINES_KEPT = 100


@dataclass
class Reconciliation:
    """What a comparison found. settled: missed here, and settled now. differences: left to staff."""

    since: datetime
    payments: int = 0
    events: int = 0
    settled: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @contextmanager
    def about(self, what: str) -> Iterator[None]:
        """Turn an error about one payment or order into a difference, so that the next one is compared."""
        try:
            yield
        except (purchases.WrongPayment, stripe_gateway.GatewayError) as error:
            self.differences.append(f"{what}: {error}")


def reconcile(*, since: datetime, now: datetime | None = None) -> Reconciliation:
    """Compare everything since then with Stripe, and settle what was missed. Outside any transaction.

    Raises the gateway's errors where Stripe's lists can't be read; what was settled by then stays settled.
    """
    instant = now or timezone.now()
    report = Reconciliation(since=since)
    if stripe_gateway.is_set_up():
        refund_calls.resolve_due(now=instant)
        for payment in stripe_gateway.find_payments(since=since):
            _compare(report, payment, now=now)
        _compare_reversals(report, now=now)
        _compare_ours(report, now=now)
        report.events = inbox.catch_up(since=since, now=now)
    _settle_orders(report, before=instant - PATIENCE, now=now)
    _publish(report, now=instant)
    return report


def _compare(report: Reconciliation, payment: PaymentState, *, now: datetime | None) -> None:
    """Compare one payment at Stripe with its order here."""
    report.payments += 1
    report.seen.add(payment.id)
    if payment.purchase_id is None or payment.status != "succeeded":
        return
    purchase = Purchase.objects.filter(pk=payment.purchase_id).first()
    if purchase is None:
        report.differences.append(f"{payment.id}: paid for order {payment.purchase_id}, which is not here")
        return
    with report.about(f"{purchase.reference}, {payment.id}"):
        if purchase.state != PurchaseState.PAID:
            purchase = purchases.settle(purchase.pk, now=now)
            if purchase.state == PurchaseState.PAID:
                report.settled.append(f"{purchase.reference}: paid by {payment.id}")
        _compare_amounts(report, purchase, payment, now=now)


def _compare_amounts(
    report: Reconciliation, purchase: Purchase, payment: PaymentState, *, now: datetime | None
) -> None:
    if purchase.stripe_payment_intent_id != payment.id:
        if payment.refunded_minor < payment.received_minor:
            paid_by = purchase.stripe_payment_intent_id or purchase.state
            report.differences.append(f"{purchase.reference}: {payment.id} paid for it too, and so did {paid_by}")
        return
    ours, theirs = (purchase.amount_minor, purchase.currency), (payment.received_minor, payment.currency)
    if ours != theirs:
        report.differences.append(f"{purchase.reference}: {ours} here, {theirs} at Stripe")
    is_known = not payment.is_disputed or Dispute.objects.filter(purchase=purchase).exists()
    if _refunded(purchase) != payment.refunded_minor or not is_known:
        _settle_reversal(report, payment.id, now=now)
        if _refunded(purchase) != payment.refunded_minor:
            difference = f"{_refunded(purchase)} refunded here, {payment.refunded_minor} at Stripe"
            report.differences.append(f"{purchase.reference}: {difference}")


def _refunded(purchase: Purchase) -> int:
    """What is refunded or being refunded, as far as Stripe has confirmed it. Minor units."""
    rows = Refund.objects.filter(
        purchase=purchase, stripe_id__isnull=False, state__in=[RefundState.PENDING, RefundState.SUCCEEDED]
    )
    return rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0


def _compare_reversals(report: Reconciliation, *, now: datetime | None) -> None:
    """Compare refunds and disputes at Stripe with ours, and our open ones with Stripe's."""
    stale: dict[str, None] = {}
    listed: set[str] = set()
    states = dict(Refund.objects.filter(stripe_id__isnull=False).values_list("stripe_id", "state"))
    for refund in stripe_gateway.find_refunds(report.since):
        listed.add(refund.id)
        if refund.payment_id and states.get(refund.id) != refund_rows.STATES.get(refund.status):
            stale[refund.payment_id] = None
    statuses = dict(Dispute.objects.values_list("stripe_id", "status"))
    for dispute in stripe_gateway.find_disputes(report.since):
        if dispute.payment_id and statuses.get(dispute.id) != dispute.status:
            stale[dispute.payment_id] = None
    for payment_id in _open_reversals():
        stale[payment_id] = None
    for payment_id in stale:
        with report.about(payment_id):
            _settle_reversal(report, payment_id, now=now)
    ours = Refund.objects.filter(
        stripe_id__isnull=False, state=RefundState.SUCCEEDED, created_at__gte=report.since
    ).exclude(stripe_id__in=listed)
    for row in ours.select_related("purchase"):
        with report.about(row.purchase.reference):
            _find_there(report, row)


def _open_reversals() -> list[str]:
    """Payments with undecided disputes or pending refunds, however old."""
    undecided = Dispute.objects.filter(status__in=disputes.UNDECIDED).values("purchase")
    on_their_way = Refund.objects.filter(state=RefundState.PENDING, stripe_id__isnull=False).values("purchase")
    rows = Purchase.objects.filter(Q(pk__in=undecided) | Q(pk__in=on_their_way))
    return [payment_id for payment_id in rows.values_list("stripe_payment_intent_id", flat=True) if payment_id]


def _find_there(report: Reconciliation, row: Refund) -> None:
    found = stripe_gateway.read_refunds(row.purchase.stripe_payment_intent_id or "")
    if row.stripe_id not in {state.id for state in found}:
        report.differences.append(f"{row.purchase.reference}: refund {row.stripe_id} is here and not at Stripe")


def _settle_reversal(report: Reconciliation, payment_id: str, *, now: datetime | None) -> None:
    before = _written(payment_id)
    purchase = reversals.settle(payment_id, now=now)
    if purchase is not None and _written(payment_id) != before:
        report.settled.append(f"{purchase.reference}: refunds and disputes of {payment_id}")


def _written(payment_id: str) -> list[object]:
    of_it = {"purchase__stripe_payment_intent_id": payment_id}
    return [
        *Refund.objects.filter(**of_it).order_by("pk").values_list("pk", "state", "stripe_id"),
        *Dispute.objects.filter(**of_it).order_by("pk").values_list("pk", "status"),
    ]


def _compare_ours(report: Reconciliation, *, now: datetime | None) -> None:
    """Compare what is paid here and was not in Stripe's list: the payment was begun earlier, or is missing there."""
    paid = Purchase.objects.filter(paid_at__gte=report.since, stripe_payment_intent_id__isnull=False)
    for purchase in paid.exclude(stripe_payment_intent_id__in=report.seen):
        payment_id = purchase.stripe_payment_intent_id or ""
        with report.about(f"{purchase.reference}, {payment_id}"):
            payment = stripe_gateway.read_payment(payment_id)
            if payment.status != "succeeded":
                report.differences.append(f"{purchase.reference}: paid here, {payment.status} at Stripe")
            _compare(report, payment, now=now)


def _settle_orders(report: Reconciliation, *, before: datetime, now: datetime | None) -> None:
    """Settle old orders that still wait for their payment."""
    for purchase in Purchase.objects.filter(state__in=UNSETTLED, created_at__lte=before).order_by("created_at"):
        with report.about(purchase.reference):
            settled = purchases.settle(purchase.pk, now=now)
            if settled.state != purchase.state:
                report.settled.append(f"{purchase.reference}: {purchase.state} → {settled.state}")


def _publish(report: Reconciliation, *, now: datetime) -> None:
    """Write the result to the log and the audit log, for staff."""
    log: Callable[..., None] = logger.warning if report.differences else logger.info
    log("Reconciled with Stripe: %d settled, %d differences", len(report.settled), len(report.differences))
    for line in report.differences:
        logger.warning("Not reconciled: %s", line)
    audit_events.record(
        action=Action.PAYMENTS_RECONCILED,
        details={
            "since": report.since.isoformat(),
            "payments": report.payments,
            "events": report.events,
            "settled": report.settled[:LINES_KEPT],
            "differences": report.differences[:LINES_KEPT],
        },
        now=now,
    )
