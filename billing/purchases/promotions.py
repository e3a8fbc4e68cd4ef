"""Promotion codes: one kind brings credits by itself, the other takes a percentage off a purchase.

Once per organization, within the code's dates, up to its limit of uses. The wallet is locked before the promotion. What
a purchase costs is computed in `quotes`.
"""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.audit_actions import Action
from billing.models import Promotion, PromotionUse, Purchase, PurchaseState
from credits import ledger
from credits.models import Source, Wallet
from organizations import audit_events
from organizations.models import Organization, User
from organizations.refusals import Refusal


class PromotionRefused(Refusal):
    """The promotion code can't be used for this."""


class AlreadyOrdered(PromotionRefused):
    """Another order of the organization uses the promotion."""


def find_promotion(organization: Organization, code: str, *, now: datetime) -> Promotion:
    """Return the promotion of a code, if it is valid now. Raises PromotionRefused.

    Earlier uses are checked under lock, when it is used.
    """
    program = organization.wallet.program
    promotion = Promotion.objects.filter(program=program, code__iexact=code.strip()).first()
    if promotion is None:
        raise PromotionRefused(_("The promotion code “%(code)s” does not exist.") % {"code": code.strip()[:30]})
    if promotion.starts_at is not None and now < promotion.starts_at:
        raise PromotionRefused(_("This promotion has not started yet."))
    if promotion.ends_at is not None and promotion.ends_at <= now:
        raise PromotionRefused(_("This promotion has ended."))
    return promotion


def claim(organization: Organization, promotion_id: int, *, now: datetime) -> None:
    """Reserve a percentage for an order of the organization, which the caller writes in the same transaction.

    Under the wallet's lock. Raises AlreadyOrdered and PromotionRefused.
    """
    promotion = Promotion.objects.select_for_update(no_key=True).get(pk=promotion_id)
    own = Purchase.objects.filter(
        organization=organization,
        promotion=promotion,
        state__in=[PurchaseState.PENDING, PurchaseState.OPEN, PurchaseState.PROCESSING, PurchaseState.PAID],
    ).first()
    if own is not None and own.state in {PurchaseState.PENDING, PurchaseState.OPEN}:
        raise AlreadyOrdered(
            _("Your order %(reference)s already uses this promotion. Pay or cancel that order first.")
            % {"reference": own.reference}
        )
    if own is not None:
        raise AlreadyOrdered(_("Your organization has already used this promotion."))
    _refuse_used_up(promotion, now=now)


def redeem(*, organization: Organization, code: str, actor: User, now: datetime | None = None) -> PromotionUse:
    """Grant the organization the credits of a code, and return the use. A second call is refused.

    now: for tests; without it the database's clock, read after the lock. Raises PromotionRefused.
    """
    if organization.closed_at is not None or not Wallet.objects.filter(organization=organization).exists():
        raise PromotionRefused(_("The promotion code “%(code)s” does not exist.") % {"code": code.strip()[:30]})
    promotion = find_promotion(organization, code, now=now or timezone.now())
    if promotion.credits is None:
        raise PromotionRefused(_("This code is a discount. Enter it when you buy credits."))
    wallet, key = organization.wallet, f"promotion:{promotion.pk}"
    with ledger.open_book(keys=[(wallet.pk, key)], now=now) as book:
        instant = book.wallet(wallet.pk).now
        promotion = Promotion.objects.select_for_update(no_key=True).get(pk=promotion.pk)
        if PromotionUse.objects.filter(promotion=promotion, organization=organization).exists():
            raise PromotionRefused(_("Your organization has already used this promotion."))
        _refuse_used_up(promotion, now=instant)
        recorded = ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=promotion.credits or 0,
            source=Source.PROMOTION,
            key=key,
            content_hash=ledger.hash_content(promotion=promotion.pk),
            cause=ledger.Cause(actor_id=actor.pk, actor_label="promotion", memo=promotion.code),
            expires_at=instant + timedelta(days=promotion.validity_days) if promotion.validity_days else None,
        )
        # The operation's row is written on leaving the book; the foreign key is checked at the commit.
        use = PromotionUse.objects.create(
            promotion=promotion, organization=organization, operation_id=recorded.id, used_at=instant
        )
        audit_events.record(
            action=Action.PROMOTION_REDEEMED,
            organization=organization,
            actor=actor,
            target=promotion.code,
            details={"credits": promotion.credits},
            now=instant,
        )
    return use


def _refuse_used_up(promotion: Promotion, *, now: datetime) -> None:
    """Refuse a promotion without uses left. Orders that may still be paid count as uses."""
    if promotion.most_uses is None:
        return
    orders = Purchase.objects.filter(promotion=promotion).filter(
        Q(state__in=[PurchaseState.PROCESSING, PurchaseState.PAID])
        | Q(state__in=[PurchaseState.PENDING, PurchaseState.OPEN], expires_at__gt=now)
    )
    if promotion.uses.count() + orders.count() >= promotion.most_uses:
        raise PromotionRefused(_("This promotion has reached its maximum number of uses."))
