"""Stripe's events: each is stored once, with the outcome of its processing.

What an event means is for `billing.stripe_events` to find out.
"""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class EventState(models.TextChoices):
    RECEIVED = "received", _("received")
    PROCESSED = "processed", _("processed")
    IGNORED = "ignored", _("ignored")
    FAILED = "failed", _("failed")


class StripeEvent(models.Model):
    """A verified webhook event, and what is left to do about it.

    It filters duplicates cheaply. That something is done once is guaranteed by the key of its effect, not here.
    """

    event_id = models.CharField(max_length=255)
    account = models.CharField(max_length=255, blank=True)
    is_live = models.BooleanField(_("live"))
    type = models.CharField(_("type"), max_length=100)
    api_version = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=255, blank=True)
    payload = models.JSONField()
    created_at = models.DateTimeField(_("created at Stripe"))
    received_at = models.DateTimeField(_("received"))
    state = models.CharField(_("state"), max_length=10, choices=EventState, default=EventState.RECEIVED)
    attempts = models.PositiveIntegerField(default=0)
    # While it is received or failed; without one it is left to staff.
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True, db_default=Now())
    processed_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        indexes = [
            models.Index(fields=["object_id"], name="stripe_event_by_object"),
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(state__in=["received", "failed"]),
                name="stripe_event_to_do",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "is_live", "event_id"], name="stripe_event_is_stored_once"),
            models.CheckConstraint(condition=models.Q(state__in=EventState.values), name="stripe_event_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
