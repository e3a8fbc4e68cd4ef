"""Usage events. `metering` writes them with the ledger's entries; only `refunded` of an event ever changes."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models import Operation, Reservation
from organizations.models import Organization, Team
from usage.models.prices import Feature, Rate
from usage.models.services import Service


class UsageEvent(models.Model):
    """One use of an AI feature: who, what, when, where, how many credits.

    Its identifier is that of the operation that took the credits. `credits` were charged, `uncollected` could not be,
    `refunded` of the charged ones went back.
    """

    # No foreign keys in the database, which cost 1.7 times the write-ahead log: what they name can't be deleted
    # (PROTECT, triggers), `metering` alone inserts, and the auditor looks for dangling references.
    operation = models.OneToOneField(
        Operation, on_delete=models.PROTECT, primary_key=True, db_constraint=False, related_name="usage_event"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    service = models.ForeignKey(
        Service, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    feature = models.ForeignKey(
        Feature, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    rate = models.ForeignKey(Rate, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    model = models.CharField(max_length=100, blank=True)
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    quantity = models.BigIntegerField(null=True)
    credits = models.BigIntegerField()
    uncollected = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    occurred_at = models.DateTimeField()
    written_at = models.DateTimeField()

    class Meta:
        verbose_name = _("usage event")
        verbose_name_plural = _("usage events")
        indexes = [models.Index(fields=["organization", "occurred_at"], name="usage_event_by_time")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(credits__gte=0, uncollected__gte=0), name="usage_event_credits_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("credits")),
                name="usage_event_refunded_within_credits",
            ),
            models.CheckConstraint(
                condition=(models.Q(input_tokens=None) | models.Q(input_tokens__gte=0))
                & (models.Q(output_tokens=None) | models.Q(output_tokens__gte=0))
                & (models.Q(quantity=None) | models.Q(quantity__gte=0)),
                name="usage_event_measures_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.credits}"


class ReservedUse(models.Model):
    """What a reservation is for; its settlement makes the usage event from this."""

    reservation = models.OneToOneField(
        Reservation, on_delete=models.PROTECT, primary_key=True, related_name="reserved_use"
    )
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, db_index=False, related_name="+")
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, db_index=False, related_name="+")
    rate = models.ForeignKey(Rate, on_delete=models.PROTECT, db_index=False, related_name="+")

    def __str__(self) -> str:
        return f"{self.feature}"
