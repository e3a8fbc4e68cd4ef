"""Blocks of credits given at one time. Written by `credits.ledger` alone; their terms never change."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models.base import MAX_CREDITS, new_id
from credits.models.wallets import Wallet


class Source(models.TextChoices):
    PLAN = "plan", _("plan subscription")
    CARD = "card", _("card purchase")
    BANK_TRANSFER = "bank_transfer", _("bank transfer")
    AUTO_RECHARGE = "auto_recharge", _("auto-recharge")
    PROMOTION = "promotion", _("promotion")
    REFERRAL = "referral", _("referral")
    GOODWILL = "goodwill", _("goodwill")


class Grant(models.Model):
    """A block of credits given at one time. Spendable while `effective_at <= now < expires_at` and not frozen.

    `remaining` = the sum of the grant's entries; `reserved` is the part of it that open reservations hold.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="grants", db_index=False)
    source = models.CharField(_("source"), max_length=20, choices=Source)
    amount = models.BigIntegerField(_("amount"))
    remaining = models.BigIntegerField(_("remaining"))
    reserved = models.BigIntegerField(_("reserved"), default=0)
    priority = models.PositiveSmallIntegerField(_("priority"), default=50)
    effective_at = models.DateTimeField(_("effective from"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    cost_minor = models.BigIntegerField(_("paid, in minor units"), default=0)
    cost_currency = models.CharField(_("currency"), max_length=3, blank=True)
    features = ArrayField(
        models.CharField(max_length=100), verbose_name=_("restricted to features"), null=True, blank=True
    )
    frozen_at = models.DateTimeField(_("frozen"), null=True, blank=True)
    # Rarely changes, unlike `remaining`: the index of open grants hangs on it, so a spend stays a heap-only update.
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        indexes = [
            models.Index(fields=["wallet"], condition=models.Q(is_open=True), name="grant_open_by_wallet"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(is_open=True, expires_at__isnull=False),
                name="grant_open_by_expiry",
            ),
            models.Index(fields=["wallet", "id"], name="grant_by_wallet"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(source__in=Source.values), name="grant_source_known"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, amount__lte=MAX_CREDITS), name="grant_amount_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(remaining__gte=0, remaining__lte=models.F("amount")),
                name="grant_remaining_within_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(reserved__gte=0, reserved__lte=models.F("remaining")),
                name="grant_reserved_within_remaining",
            ),
            models.CheckConstraint(condition=models.Q(priority__lte=100), name="grant_priority_in_bounds"),
            models.CheckConstraint(
                condition=models.Q(expires_at=None) | models.Q(expires_at__gt=models.F("effective_at")),
                name="grant_expires_after_it_begins",
            ),
            models.CheckConstraint(
                condition=models.Q(cost_minor=0) | models.Q(cost_minor__gt=0, cost_currency__regex=r"^[A-Z]{3}$"),
                name="grant_cost_has_a_currency",
            ),
            models.CheckConstraint(
                condition=models.Q(is_open=True, remaining__gt=0) | models.Q(is_open=False, remaining=0),
                name="grant_is_open_while_it_holds_credits",
            ),
            models.CheckConstraint(
                condition=models.Q(features=None) | models.Q(features__len__gt=0), name="grant_features_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.amount}"
