"""Daily sums of usage, by the organization's own midnight: what pages read instead of millions of events.

Made by `rollups` alone, by replacing whole days. Credits in smallest units.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from organizations.models import Organization, Team
from usage.models.prices import Feature
from usage.models.services import Service


class Shape(models.TextChoices):
    """By what a day was added up. Pages read the coarsest that answers them: its rows stay few however many the
    events, and lie side by side in the index."""

    FEATURE = "feature", _("by feature")
    USER = "user", _("by user")
    TEAM = "team", _("by team")
    SERVICE = "service", _("by service")
    MODEL = "model", _("by model")
    USER_FEATURE = "user_feature", _("by user and feature")
    ALL = "all", _("by everything")


class DailyUsage(models.Model):
    """A sum over one organization's events of one of its days. Each shape alone adds up to the whole day.

    A column that the shape is not about is empty; so is one that the events did not name. `credits` were charged,
    `refunded` of them went back, however long after.
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

    `closed_until` is set under the wallet's lock before the events are read, and never goes back: whoever writes an
    event that happened before it, or refunds one, leaves a mark (`LateUse`).
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="usage_rollup"
    )
    time_zone = models.CharField(_("time zone"), max_length=64)
    through_on = models.DateField(_("added up through"))
    closed_until = models.DateTimeField(_("closed until"))
    rolled_at = models.DateTimeField(_("added up"))

    class Meta:
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")

    def __str__(self) -> str:
        return f"{self.organization_id} {self.through_on}"


class LateUse(models.Model):
    """A mark that a day which may be added up already has changed: by a use that was told late, or by a refund. Staff
    leave marks too, for days that they want added up again.

    Only ever inserted, in the transaction of its cause, so that spends never wait for a rollup; `rollups` deletes the
    marks that it saw before it read the events.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    # An instant of the day, and not its date, which a change of the time zone would make another's.
    occurred_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.organization_id} {self.occurred_at}"
