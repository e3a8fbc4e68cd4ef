"""Daily sums of usage, by the organization's own midnights: what pages read instead of millions of events.

Written by `rollups` alone, which replaces whole days. Credits in smallest units.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from organizations.models import Organization, Team
from usage.models.prices import Feature
from usage.models.services import Service


class Shape(models.TextChoices):
    """By what a day was added up. Pages read the coarsest shape that has what they need: it has few rows however many
    the events, side by side in the index."""

    FEATURE = "feature", _("by feature")
    USER = "user", _("by user")
    TEAM = "team", _("by team")
    SERVICE = "service", _("by service")
    MODEL = "model", _("by model")
    USER_FEATURE = "user_feature", _("by user and feature")
    ALL = "all", _("by everything")


class DailyUsage(models.Model):
    """A sum over one organization's events of one of its days. Each shape alone adds up to the whole day.

    Columns that are not the shape's are empty, and so are values that the events don't have. `credits` were charged;
    `refunded` of them went back, at whatever time.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    shape = models.CharField(max_length=12, choices=Shape)
    day_on = models.DateField()
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
    feature = models.ForeignKey(
        Feature, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    service = models.ForeignKey(
        Service, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    model = models.CharField(max_length=100, blank=True)
    credits = models.BigIntegerField()
    refunded = models.BigIntegerField()
    uncollected = models.BigIntegerField()
    uses = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    quantity = models.BigIntegerField()

    class Meta:
        verbose_name = _("daily usage")
        verbose_name_plural = _("daily usage")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "shape", "day_on", "user", "feature", "team", "service", "model"],
                nulls_distinct=False,
                name="daily_usage_is_added_up_once",
            ),
            models.CheckConstraint(condition=models.Q(shape__in=Shape.values), name="daily_usage_shape_known"),
            models.CheckConstraint(
                condition=models.Q(uses__gt=0, refunded__gte=0, refunded__lte=models.F("credits")),
                name="daily_usage_sums_make_sense",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day_on} {self.shape} {self.credits}"


class UsageRollup(models.Model):
    """How far an organization's days are added up: all through `through_on`, on the clocks of `time_zone`.

    `closed_until` is set under the wallet's lock before the events are read, and never goes back. Events that happened
    before it, and refunds of such, are recorded as late uses when they are written.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="usage_rollup"
    )
    time_zone = models.CharField(_("time zone"), max_length=64)
    through_on = models.DateField(_("rolled up through"))
    closed_until = models.DateTimeField(_("closed until"))
    rolled_at = models.DateTimeField(_("rolled up"))

    class Meta:
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")

    def __str__(self) -> str:
        return f"{self.organization_id} {self.through_on}"


class LateUse(models.Model):
    """A day that may be added up already has changed: by a use that was reported late, by a refund, or on request.

    Only inserted, in the transaction of its cause, so that spends never wait for a rollup; `rollups` deletes those that
    it read before the events.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    # An instant of the day, not its date, which depends on the time zone.
    occurred_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.organization_id} {self.occurred_at}"
