"""Auto-recharge: the rule by which an organization buys automatically, and every attempt made by it.

What a rule buys is decided in `billing.recharge`.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.catalog import Pack
from billing.models.purchases import Purchase
from credits.models import new_id
from organizations.models import Organization


class PauseReason(models.TextChoices):
    FAILURES = "failures", _("three payments failed")
    AUTHENTICATION = "authentication", _("the bank needs confirmation")
    STAFF = "staff", _("paused by support")


class AutoRecharge(models.Model):
    """The rule: below `threshold` buy lots of a pack, for at most `monthly_limit_minor` a month. On only with consent.

    `consent_text` is the text that the owner agreed to. Months are those of the organization's time zone.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="auto_recharge"
    )
    is_on = models.BooleanField(_("on"), default=False)
    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, related_name="+")
    threshold = models.BigIntegerField(_("threshold"))
    monthly_limit_minor = models.BigIntegerField(_("monthly spending limit, in minor units"))
    # What one lot cost when the owner agreed: nothing is bought for more.
    lot_minor = models.BigIntegerField(_("price per lot, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    consented_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    consented_at = models.DateTimeField(null=True, blank=True)
    consent_text = models.TextField(blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=15, choices=PauseReason, blank=True)

    class Meta:
        verbose_name = _("auto-recharge")
        verbose_name_plural = _("auto-recharges")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(threshold__gte=1, lot_minor__gte=1, monthly_limit_minor__gte=models.F("lot_minor")),
                name="auto_recharge_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(is_on=False)
                | (models.Q(consented_by__isnull=False, consented_at__isnull=False) & ~models.Q(consent_text="")),
                name="auto_recharge_is_on_with_consent",
            ),
            models.CheckConstraint(
                condition=models.Q(paused_at=None, pause_reason="")
                | models.Q(paused_at__isnull=False, pause_reason__in=PauseReason.values),
                name="auto_recharge_is_paused_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization}"


class RechargeState(models.TextChoices):
    PENDING = "pending", _("in progress")
    UNKNOWN = "unknown", _("outcome unknown")
    SUCCEEDED = "succeeded", _("paid")
    FAILED = "failed", _("failed")
    NEEDS_PERSON = "needs_person", _("the bank needs confirmation")


class RechargeAttempt(models.Model):
    """One attempt to charge off-session, committed before the call. At most one per organization is open.

    An attempt whose fate is unknown stays open. Paid and open attempts count towards the month's limit.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="recharge_attempts")
    purchase = models.OneToOneField(Purchase, on_delete=models.PROTECT, related_name="recharge_attempt")
    state = models.CharField(_("state"), max_length=12, choices=RechargeState, default=RechargeState.PENDING)
    # Stripe's id of what is charged: a repeated call must say the same, whatever the default is by then.
    payment_method = models.CharField(max_length=255)
    month_on = models.DateField(_("month"))
    amount_minor = models.BigIntegerField(_("amount, in minor units"))
    error_code = models.CharField(max_length=100, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(_("started"))
    closed_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("recharge attempt")
        verbose_name_plural = _("recharge attempts")
        indexes = [models.Index(fields=["organization", "month_on"], name="recharge_attempt_by_month")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(state__in=["pending", "unknown"]),
                name="recharge_attempt_is_alone_under_way",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=RechargeState.values), name="recharge_attempt_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "unknown"], closed_at=None)
                | (~models.Q(state__in=["pending", "unknown"]) & models.Q(closed_at__isnull=False)),
                name="recharge_attempt_is_closed_with_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.amount_minor}"
