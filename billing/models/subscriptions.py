"""Subscriptions: which plan an organization is on, for which period, and the credits that its months brought.

States move in `billing.plans`, under the wallet's lock.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.catalog import CURRENCY, Plan
from credits.models import Operation, new_id
from organizations.models import Organization


class SubscriptionState(models.TextChoices):
    INCOMPLETE = "incomplete", _("waiting for payment")
    ACTIVE = "active", _("active")
    PAST_DUE = "past_due", _("payment overdue")
    CANCELED = "canceled", _("ended")


class Subscription(models.Model):
    """An organization's plan: paid through Stripe (`stripe_id`), or assigned by staff and invoiced, or free.

    Months are counted from `anchor_at`, so a subscription of the 31st renews on the last day of shorter months and on
    the 31st again after them. The allowance of a period is granted under a key made of the subscription and its start.
    """

    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="subscription")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    state = models.CharField(_("state"), max_length=12, choices=SubscriptionState)
    is_invoiced = models.BooleanField(_("invoiced"), default=False)
    currency = models.CharField(_("currency"), max_length=3)
    stripe_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    anchor_at = models.DateTimeField(_("anchored to"))
    period_start = models.DateTimeField(_("period from"))
    period_end = models.DateTimeField(_("period to"))
    ends_at_period_end = models.BooleanField(_("ends at the end of the period"), default=False)
    # A downgrade waits for the period's end.
    next_plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # The page to pay an invoice that Stripe could not collect.
    unpaid_invoice_url = models.TextField(blank=True)
    # Counts the writes, so that an answer of Stripe's from before another write is not written.
    revision = models.PositiveIntegerField(default=0)
    # When Stripe was last asked; see `billing.plans.renewals`.
    settled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [
            models.Index(
                fields=["period_end"], condition=~models.Q(state="canceled"), name="subscription_by_period_end"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=SubscriptionState.values), name="subscription_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(period_end__gt=models.F("period_start")), name="subscription_period_in_order"
            ),
            models.CheckConstraint(
                condition=models.Q(is_invoiced=False) | models.Q(stripe_id=None),
                name="subscription_is_invoiced_or_at_stripe",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan}"


class Allowance(models.Model):
    """The credits of a subscription's period, once per key. `plan` is the one that was paid for.

    Without an operation nothing was granted: when the payment became known the period was over, and its credits with
    it.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="allowances")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    # The ledger's key too.
    key = models.CharField(max_length=300, unique=True)
    period_start = models.DateTimeField(_("period from"))
    period_end = models.DateTimeField(_("period to"))
    credits = models.BigIntegerField(_("credits"))
    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("plan credits of a period")
        verbose_name_plural = _("plan credits of periods")
        indexes = [models.Index(fields=["subscription", "-period_start"], name="allowance_by_period")]
        constraints = [
            models.CheckConstraint(condition=models.Q(credits__gt=0), name="allowance_positive"),
            models.CheckConstraint(
                condition=models.Q(period_end__gt=models.F("period_start")), name="allowance_period_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.period_start:%Y-%m-%d}"


class StripePrice(models.Model):
    """A monthly price that we made at Stripe. Never deleted: old subscriptions continue at their old price."""

    stripe_id = models.CharField(max_length=255, unique=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="stripe_prices")
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("price per month, in minor units"))

    class Meta:
        verbose_name = _("price at Stripe")
        verbose_name_plural = _("prices at Stripe")
        constraints = [
            models.CheckConstraint(condition=models.Q(currency__regex=CURRENCY), name="stripe_price_currency_is_iso"),
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="stripe_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.amount_minor} {self.currency}"


class CheckoutStage(models.TextChoices):
    OPEN = "open", _("open")
    COMPLETE = "complete", _("complete")
    EXPIRED = "expired", _("expired")


class PlanCheckout(models.Model):
    """A page of Stripe's on which a plan is subscribed to. One is open at a time, so that nobody pays twice."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="plan_checkouts")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(_("currency"), max_length=3)
    stage = models.CharField(_("state"), max_length=10, choices=CheckoutStage, default=CheckoutStage.OPEN)
    # The form's: a double click opens one page.
    form_token = models.CharField(max_length=64)
    stripe_session_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    url = models.TextField(blank=True)
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("started"))

    class Meta:
        verbose_name = _("checkout of a plan")
        verbose_name_plural = _("checkouts of plans")
        constraints = [
            models.UniqueConstraint(fields=["organization", "form_token"], name="plan_checkout_form_opens_once"),
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(stage="open"), name="plan_checkout_is_open_alone"
            ),
            models.CheckConstraint(
                condition=models.Q(stage__in=CheckoutStage.values), name="plan_checkout_stage_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.stage}"
