"""Purchases: orders for credits, with the quote frozen on them.

States move in `billing.purchases.settlement`, under lock; no rule of selling belongs here.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.catalog import CURRENCY, Pack, Promotion
from credits.models import MAX_CREDITS, Grant, new_id
from organizations.models import Organization


class Method(models.TextChoices):
    CARD = "card", _("card")
    BANK_TRANSFER = "bank_transfer", _("bank transfer")
    AUTO_RECHARGE = "auto_recharge", _("auto-recharge")


class PurchaseState(models.TextChoices):
    """Legal moves are in `billing.purchases.settlement.MOVES`."""

    PENDING = "pending", _("preparing")
    OPEN = "open", _("waiting for payment")
    PROCESSING = "processing", _("processing")
    PAID = "paid", _("paid")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("expired")
    CANCELED = "canceled", _("canceled")


class Purchase(models.Model):
    """An order for credits. Its id is the idempotency key of every call about it.

    `credits` are paid for and become one grant. `amount_minor` is charged; `list_amount_minor` is the price before a
    promotion.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # To be read over the phone: the program's prefix and eight letters and digits that don't look alike.
    reference = models.CharField(_("reference"), max_length=20, unique=True)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="purchases")
    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, null=True, blank=True, related_name="purchases")
    lots = models.PositiveIntegerField(_("lots"), default=1)
    # What is bought, by its name at the time: packs are renamed.
    name = models.CharField(_("item"), max_length=140)
    credits = models.BigIntegerField(_("credits"))
    validity_days = models.PositiveIntegerField(_("expire after days"), null=True, blank=True)
    list_amount_minor = models.BigIntegerField(_("list price, in minor units"))
    amount_minor = models.BigIntegerField(_("amount, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, null=True, blank=True, related_name="purchases")
    method = models.CharField(_("method"), max_length=15, choices=Method)
    state = models.CharField(_("state"), max_length=12, choices=PurchaseState, default=PurchaseState.PENDING)
    # The form's: a double click, the back button and a second tab order once.
    form_token = models.CharField(max_length=64)
    bought_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("ordered"))
    # Until when an unpaid order counts towards the holding limit.
    expires_at = models.DateTimeField(_("pay by"))
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    stripe_session_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    stripe_payment_intent_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    stripe_invoice_id = models.CharField(max_length=255, blank=True)
    checkout_url = models.TextField(blank=True)
    invoice_url = models.TextField(blank=True)
    receipt_url = models.TextField(blank=True)
    failure = models.CharField(_("failure"), max_length=200, blank=True)
    # The deposit that staff confirmed.
    deposited_on = models.DateField(_("deposited on"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # The billing details as they were at the order.
    billing_name = models.CharField(max_length=200, blank=True)
    billing_address = models.TextField(blank=True)
    billing_tax_number = models.CharField(max_length=50, blank=True)
    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, null=True, blank=True, related_name="purchase")

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="purchase_by_organization"),
            models.Index(
                fields=["state", "created_at"],
                condition=models.Q(state__in=["pending", "open", "processing"]),
                name="purchase_unsettled",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["organization", "form_token"], name="purchase_form_orders_once"),
            models.UniqueConstraint(
                fields=["organization", "promotion"],
                condition=models.Q(promotion__isnull=False)
                & models.Q(state__in=["pending", "open", "processing", "paid"]),
                name="purchase_uses_a_promotion_once",
            ),
            models.CheckConstraint(condition=models.Q(method__in=Method.values), name="purchase_method_known"),
            models.CheckConstraint(condition=models.Q(state__in=PurchaseState.values), name="purchase_state_known"),
            models.CheckConstraint(condition=models.Q(currency__regex=CURRENCY), name="purchase_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(credits__gt=0, credits__lte=MAX_CREDITS, lots__gte=1),
                name="purchase_credits_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gte=0, list_amount_minor__gte=models.F("amount_minor")),
                name="purchase_amount_within_list_price",
            ),
            models.CheckConstraint(
                condition=models.Q(state="paid", grant__isnull=False, paid_at__isnull=False)
                | ~models.Q(state="paid") & models.Q(grant=None, paid_at=None),
                name="purchase_is_paid_with_its_grant",
            ),
        ]

    def __str__(self) -> str:
        return self.reference
