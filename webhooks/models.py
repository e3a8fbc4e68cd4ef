"""Webhooks to the product's own servers: endpoints, their secrets, events, deliveries and each try of one.

Rows only: `events` writes what happened in the transaction of its cause, `delivery` sends it.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from organizations.models import Organization
from organizations.public_ids import new_uuid, webhook_endpoint_id

# The names of types come from the rooms above (`event_types`), and no constraint lists them: a new one needs no
# migration.
LONGEST_TYPE = 40


class WebhookEndpoint(models.Model):
    """An address that events are posted to: of one organization's, or (made by staff) of all organizations'.

    `event_types`: which; empty: all. Switched off, it gets no new events, and deliveries that were due before wait.
    """

    public_id = models.CharField(max_length=32, unique=True, default=webhook_endpoint_id, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="webhook_endpoints"
    )
    url = models.CharField(_("URL"), max_length=500)
    description = models.CharField(_("description"), max_length=150, blank=True)
    event_types = ArrayField(
        models.CharField(max_length=LONGEST_TYPE), verbose_name=_("events"), default=list, blank=True
    )
    # Only staff may have events sent into the own network.
    allows_private = models.BooleanField(_("may be a private address"), default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"))
    disabled_at = models.DateTimeField(_("turned off"), null=True, blank=True)
    # It answered 410 and was switched off for that.
    is_gone = models.BooleanField(_("returned 410 Gone"), default=False)
    # Its health, kept here so that a list need not read the log.
    last_delivered_at = models.DateTimeField(_("last delivered"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "url"], nulls_distinct=False, name="webhook_endpoint_has_its_address_alone"
            ),
            models.CheckConstraint(
                condition=models.Q(is_gone=False) | models.Q(disabled_at__isnull=False),
                name="webhook_endpoint_that_is_gone_is_off",
            ),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookSecret(models.Model):
    """What an endpoint's messages are signed with, encrypted. `signs_until`: replaced; without it: the current one."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="secrets")
    sealed = models.CharField(max_length=255)
    created_at = models.DateTimeField(_("created"))
    signs_until = models.DateTimeField(_("signs until"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook secret")
        verbose_name_plural = _("webhook secrets")
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"],
                condition=models.Q(signs_until=None),
                name="webhook_endpoint_has_one_current_secret",
            ),
            models.CheckConstraint(
                condition=~models.Q(sealed__startswith="whsec_"), name="webhook_secret_is_encrypted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"


class WebhookEvent(models.Model):
    """Something that happened once in an organization; `key` names the occasion. Kept for ever: the memory of "once".

    Without an organization: a test of an endpoint for all organizations.
    """

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    type = models.CharField(_("type"), max_length=LONGEST_TYPE)
    key = models.CharField(max_length=200)
    data = models.JSONField(_("data"))
    occurred_at = models.DateTimeField(_("occurred"))

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = [
            models.UniqueConstraint(fields=["organization", "type", "key"], name="webhook_event_happens_once"),
            models.CheckConstraint(
                condition=models.Q(organization__isnull=False) | models.Q(type="test"),
                name="webhook_event_names_its_organization",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"

    @property
    def message_id(self) -> str:
        """What the receiver recognizes it by: the same at every try and to every endpoint."""
        return f"evt_{self.id.hex}"


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("pending")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")


class WebhookDelivery(models.Model):
    """An event on its way to an endpoint. `claimed_until`: somebody is sending it right now, or died doing so.

    `attempts`: since it was last begun. `asked_by`: who asked for the next try, where it is not the schedule's.
    """

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    # The constraint and the index below serve both ways.
    event = models.ForeignKey(WebhookEvent, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try"))
    claimed_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes = [
            models.Index(fields=["next_try_at"], condition=models.Q(state="pending"), name="webhook_delivery_due"),
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_log"),
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
            models.CheckConstraint(
                condition=models.Q(claimed_until=None) | models.Q(state="pending"),
                name="webhook_delivery_is_claimed_while_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.endpoint}"


class TryError(models.TextChoices):
    """Why no answer came."""

    ADDRESS = "address", _("address not allowed")
    NAME = "name", _("host name not found")
    TIME = "time", _("no response in time")
    CONNECTION = "connection", _("connection failed")
    CERTIFICATE = "certificate", _("invalid certificate")
    ANSWER = "answer", _("response is not HTTP")
    SECRET = "secret", _("signing secret unreadable: create a new one")


class WebhookAttempt(models.Model):
    """One try of a delivery, and what came back: a status, or an error."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.PROTECT, related_name="tries")
    started_at = models.DateTimeField(_("started"))
    milliseconds = models.PositiveIntegerField(_("duration in ms"))
    status = models.PositiveSmallIntegerField(_("response status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=20, choices=TryError, blank=True)
    response = models.CharField(_("response"), max_length=1_000, blank=True)
    # Empty where the schedule tried; a person otherwise.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        indexes = [models.Index(fields=["started_at"], name="webhook_attempt_by_age")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status=None) & models.Q(error__in=TryError.values)
                | models.Q(status__isnull=False, error=""),
                name="webhook_attempt_has_a_status_or_an_error",
            ),
        ]

    def __str__(self) -> str:
        return str(self.status or self.get_error_display())
