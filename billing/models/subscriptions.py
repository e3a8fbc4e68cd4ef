"""Subscriptions: which plan an organization is on, since when, until when."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.catalog import Plan
from organizations.models import Organization


class SubscriptionState(models.TextChoices):
    INCOMPLETE = "incomplete", _("waiting for payment")
    ACTIVE = "active", _("active")
    PAST_DUE = "past_due", _("payment overdue")
    CANCELED = "canceled", _("ended")


class Subscription(models.Model):
    """An organization's plan. Paid through Stripe, or (invoiced) by invoice, put there by staff.

    Months are counted from `anchor_at`, so a subscription of the 31st renews on the last day of shorter months and on
    the 31st again after them. The allowance of a period is granted under a key made of the subscription and its start.
    """

    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="subscription")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    state = models.CharField(_("state"), max_length=12, choices=SubscriptionState)
    is_invoiced = models.BooleanField(_("invoiced"), default=False)
    currency = models.CharField(_("currency"), max_length=3)
    stripe_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    anchor_at = models.DateTimeField(_("counted from"))
    period_start = models.DateTimeField(_("period from"))
    period_end = models.DateTimeField(_("period to"))
    ends_at_period_end = models.BooleanField(_("ends with the period"), default=False)
    # A downgrade waits for the period's end.
    next_plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
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
