"""Payments: a paid order becomes credits in one transaction; staff confirm deposits of bank transfers here.

Whether an order was paid by card is decided in `settlement`, by asking Stripe.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing.audit_actions import Action
from billing.models import Method, Purchase, PurchaseState
from billing.purchases import referrals
from billing.purchases.events import PURCHASE_PAID, PurchasePaid
from credits import ledger
from credits.models import Source, Wallet
from domain_events.publishing import publish
from organizations import audit_events
from organizations.calendar import day_of, midnight
from organizations.formats import format_money
from organizations.models import User
from organizations.refusals import Refusal

SOURCES = {
    Method.CARD: Source.CARD,
    Method.BANK_TRANSFER: Source.BANK_TRANSFER,
    Method.AUTO_RECHARGE: Source.AUTO_RECHARGE,
}
# Payments that are not Stripe's: free orders, bank transfers, and the demo's history.
OWN_PAYMENTS = ("free:", "deposit:", "demo:")


class NotPayable(Refusal):
    """The order is no longer open for this: it was paid, canceled, or is of another method."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """The money of a bank transfer, as staff saw it arrive. amount_minor: in minor units."""

    amount_minor: int
    deposited_on: date
    confirmed_by: User
    reason: str


def grant_paid(
    purchase: Purchase,
    *,
    payment_id: str,
    receipt_url: str = "",
    deposit: Deposit | None = None,
    now: datetime | None = None,
) -> Purchase:
    """Grant an order's credits under a key made of its payment, and mark it paid, in one transaction.

    The wallets are locked first, then the order. The first paid purchase also credits a referral. deposit: what staff
    confirmed. A second call changes nothing.
    """
    wallet = Wallet.objects.get(organization=purchase.organization_id)
    key = f"payment:{payment_id}"
    referral = referrals.waiting(purchase)
    keys = [(wallet.pk, key), *referrals.ledger_keys(referral)]
    with transaction.atomic(), ledger.open_book(keys=keys, now=now) as book:
        locked = (
            Purchase.objects.select_for_update(no_key=True, of=("self",))
            .select_related("organization")
            .get(pk=purchase.pk)
        )
        if locked.state == PurchaseState.PAID:
            return locked
        instant = book.wallet(wallet.pk).now
        recorded = ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=locked.credits,
            source=SOURCES[Method(locked.method)] if locked.amount_minor else Source.PROMOTION,
            key=key,
            content_hash=ledger.hash_content(purchase=str(locked.pk)),
            cause=ledger.Cause(actor_id=locked.bought_by_id, actor_label="purchase", memo=locked.reference),
            expires_at=expiry_of(locked, instant),
            cost_minor=locked.amount_minor,
            cost_currency=locked.currency if locked.amount_minor else "",
        )
        if referral is not None:
            referrals.credit(book, referral, now=instant)
        # The grant's row is written on leaving the book; the foreign key is checked at the commit.
        locked.grant_id = recorded.subject
        leave_promotion(locked, PurchaseState.PAID)
        locked.state = PurchaseState.PAID
        locked.paid_at = instant
        locked.failure = ""
        locked.receipt_url = receipt_url
        if not payment_id.startswith(OWN_PAYMENTS):
            locked.stripe_payment_intent_id = payment_id
        if deposit is not None:
            locked.deposited_on, locked.confirmed_by = deposit.deposited_on, deposit.confirmed_by
        locked.save()
        _record_paid(locked, payment_id=payment_id, deposit=deposit, now=instant)
        _publish_paid(locked, balance=book.wallet(wallet.pk).available, paid_at=instant)
    return locked


def _record_paid(purchase: Purchase, *, payment_id: str, deposit: Deposit | None, now: datetime) -> None:
    details: dict[str, object] = {"payment": payment_id, "credits": purchase.credits}
    if deposit is not None:
        details |= {"amount_minor": deposit.amount_minor, "deposited_on": deposit.deposited_on.isoformat()}
    audit_events.record(
        action=Action.PURCHASE_PAID if deposit is None else Action.PURCHASE_DEPOSIT_CONFIRMED,
        organization=purchase.organization,
        actor=None if deposit is None else deposit.confirmed_by,
        target=purchase.reference,
        reason="" if deposit is None else deposit.reason,
        details=details,
        now=now,
    )


def _publish_paid(purchase: Purchase, *, balance: int, paid_at: datetime) -> None:
    """Publish it in the transaction that grants. balance: what can be spent, smallest units."""
    payload = PurchasePaid(
        organization=purchase.organization.slug,
        reference=purchase.reference,
        credits=purchase.credits,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        method=purchase.method,
        paid_at=paid_at.astimezone(UTC),
        balance=balance,
    )
    publish(PURCHASE_PAID, payload, organization_id=purchase.organization_id, key=purchase.reference, now=paid_at)


def expiry_of(purchase: Purchase, paid_at: datetime) -> datetime | None:
    """Return when a purchase's credits expire; None: never.

    They expire at the end of a day, `validity_days` after the day of the payment, in the organization's time zone.
    """
    if purchase.validity_days is None:
        return None
    zone = ZoneInfo(purchase.organization.time_zone)
    return midnight(day_of(paid_at, zone) + timedelta(days=purchase.validity_days + 1), zone)


def leave_promotion(locked: Purchase, state: PurchaseState) -> None:
    """Take the promotion off an expired or canceled order that is paid after all, if another order uses it by now.

    Its price stays.
    """
    was_over = locked.state in {PurchaseState.FAILED, PurchaseState.EXPIRED, PurchaseState.CANCELED}
    if not was_over or locked.promotion_id is None or state not in {PurchaseState.PAID, PurchaseState.PROCESSING}:
        return
    others = Purchase.objects.filter(
        organization_id=locked.organization_id,
        promotion_id=locked.promotion_id,
        state__in=[PurchaseState.PENDING, PurchaseState.OPEN, PurchaseState.PROCESSING, PurchaseState.PAID],
    )
    if others.exclude(pk=locked.pk).exists():
        locked.promotion = None


def confirm_deposit(purchase: Purchase, deposit: Deposit, *, now: datetime | None = None) -> Purchase:
    """Confirm that the money of a bank transfer has arrived, and grant its credits. A second call changes nothing.

    The amount must be that of the order. An expired or canceled order is paid all the same. Raises NotPayable.
    """
    if purchase.method != Method.BANK_TRANSFER:
        raise NotPayable(_("This order is not paid by bank transfer."))
    if deposit.amount_minor != purchase.amount_minor:
        raise NotPayable(
            _("The deposit of %(deposit)s does not match the order of %(order)s.")
            % {
                "deposit": _money(deposit.amount_minor, purchase.currency),
                "order": _money(purchase.amount_minor, purchase.currency),
            }
        )
    zone = ZoneInfo(purchase.organization.time_zone)
    if deposit.deposited_on > (now or timezone.now()).astimezone(zone).date():
        raise NotPayable(_("The deposit date is in the future."))
    return grant_paid(purchase, payment_id=f"deposit:{purchase.pk}", deposit=deposit, now=now)


def _money(amount_minor: int, currency: str) -> str:
    return format_money(amount_minor, currency=currency, language=get_language() or "en")
