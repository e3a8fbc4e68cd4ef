"""What is told to the product's own servers: endpoints, events, deliveries and each try of one.

Rows only: `events` writes what happened in the transaction of its cause, `delivery` sends it.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from organizations.models import Organization
from organizations.public_ids import new_uuid, webhook_endpoint_id


class EventType(models.TextChoices):
    BALANCE_LOW = "balance.low", _("the balance is low")
    BALANCE_DEPLETED = "balance.depleted", _("no credits are left")
    BALANCE_RESTORED = "balance.restored", _("there are credits again")
    PURCHASE_PAID = "purchase.paid", _("a purchase is paid")
    LIMIT_REACHED = "limit.reached", _("a monthly limit is reached")


class WebhookEndpoint(models.Model):
    """An address that events are posted to: of one organization's, or (made by staff) of all organizations'.

    `event_types`: which; empty: all. After a rotation both secrets sign until `previous_secret_until`.
    """

    public_id = models.CharField(max_length=32, unique=True, default=webhook_endpoint_id, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="webhook_endpoints"
    )
    url = models.URLField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=150, blank=True)
    event_types = ArrayField(models.CharField(max_length=40), verbose_name=_("events"), default=list, blank=True)
    secret = models.CharField(max_length=100)
    previous_secret = models.CharField(max_length=100, blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    # Only staff may have events sent into the own network.
    allows_private = models.BooleanField(_("may be a private address"), default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"))
    disabled_at = models.DateTimeField(_("switched off"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")

    def __str__(self) -> str:
        return self.url


class WebhookEvent(models.Model):
    """Something that happened once in an organization; `key` names the occasion."""

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    type = models.CharField(_("type"), max_length=40, choices=EventType)
    key = models.CharField(max_length=200)
    data = models.JSONField(_("data"))
    occurred_at = models.DateTimeField(_("happened"))

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = [
            models.UniqueConstraint(fields=["organization", "type", "key"], name="webhook_event_happens_once"),
            models.CheckConstraint(condition=models.Q(type__in=EventType.values), name="webhook_event_type_known"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("to be delivered")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("given up")


class WebhookDelivery(models.Model):
    """An event on its way to an endpoint. `claimed_until`: somebody is sending it right now, or died doing so."""

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    event = models.ForeignKey(WebhookEvent, on_delete=models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try"))
    claimed_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes = [
            models.Index(fields=["next_try_at"], condition=models.Q(state="pending"), name="webhook_delivery_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="webhook_event_goes_once_to_an_endpoint"),
            models.CheckConstraint(
                condition=models.Q(state__in=DeliveryState.values), name="webhook_delivery_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending", closed_at=None)
                | ~models.Q(state="pending") & ~models.Q(closed_at=None),
                name="webhook_delivery_is_closed_with_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state}"


class WebhookAttempt(models.Model):
    """One try of a delivery, and what came back."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.PROTECT, related_name="tries")
    started_at = models.DateTimeField(_("started"))
    milliseconds = models.PositiveIntegerField(_("took, in ms"))
    status = models.PositiveSmallIntegerField(_("answered"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    response = models.CharField(_("response"), max_length=1_000, blank=True)
    # Empty where the schedule tried; a person otherwise.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.status or self.error}"
