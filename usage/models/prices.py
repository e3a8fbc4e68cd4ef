"""What work costs: features and their effective-dated rates. Credits in smallest units."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models import MAX_CREDITS, Program


class Feature(models.Model):
    """An AI feature of a program, priced by its rates."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="features")
    key = models.CharField(_("key"), max_length=100)
    name = models.CharField(_("name"), max_length=150)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("feature")
        verbose_name_plural = _("features")
        constraints = [models.UniqueConstraint(fields=["program", "key"], name="feature_key_is_unique")]

    def __str__(self) -> str:
        return self.name


class Pricing(models.TextChoices):
    FIXED = "fixed", _("fixed per use")
    RANGE = "range", _("amount named by the caller, within a range")
    PER_TOKEN = "per_token", _("per token, by model")
    PER_UNIT = "per_unit", _("per unit")


class Rate(models.Model):
    """How a feature's use turns into credits from an instant on, until the next rate of that feature and model.

    fixed: `credits` per use. range: the caller names `min_credits` to `max_credits`. per_token: `input_credits` and
    `output_credits` per `per` tokens of `model`. per_unit: `credits` per `per` units. Sums are rounded up once, to
    the smallest unit.
    """

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="rates")
    pricing = models.CharField(_("pricing"), max_length=10, choices=Pricing)
    model = models.CharField(_("model"), max_length=100, blank=True)
    credits = models.BigIntegerField(_("credits"), null=True, blank=True)
    min_credits = models.BigIntegerField(_("at least"), null=True, blank=True)
    max_credits = models.BigIntegerField(_("at most"), null=True, blank=True)
    input_credits = models.BigIntegerField(_("for input"), null=True, blank=True)
    output_credits = models.BigIntegerField(_("for output"), null=True, blank=True)
    per = models.PositiveIntegerField(_("per number of tokens or units"), default=1)
    effective_at = models.DateTimeField(_("effective from"))

    class Meta:
        verbose_name = _("rate")
        verbose_name_plural = _("rates")
        constraints = [
            models.UniqueConstraint(fields=["feature", "model", "effective_at"], name="rate_begins_once"),
            models.CheckConstraint(condition=models.Q(per__gt=0), name="rate_per_positive"),
            # What is needed is named as not null too: a comparison with null is no violation.
            models.CheckConstraint(
                condition=models.Q(
                    pricing="fixed",
                    model="",
                    credits__isnull=False,
                    credits__gte=0,
                    credits__lte=MAX_CREDITS,
                    min_credits=None,
                    max_credits=None,
                    input_credits=None,
                    output_credits=None,
                )
                | models.Q(
                    pricing="range",
                    model="",
                    credits=None,
                    min_credits__isnull=False,
                    max_credits__isnull=False,
                    min_credits__gte=0,
                    max_credits__gte=models.F("min_credits"),
                    max_credits__lte=MAX_CREDITS,
                    input_credits=None,
                    output_credits=None,
                )
                | models.Q(
                    pricing="per_token",
                    credits=None,
                    min_credits=None,
                    max_credits=None,
                    input_credits__isnull=False,
                    output_credits__isnull=False,
                    input_credits__gte=0,
                    output_credits__gte=0,
                    input_credits__lte=MAX_CREDITS,
                    output_credits__lte=MAX_CREDITS,
                )
                & ~models.Q(model="")
                | models.Q(
                    pricing="per_unit",
                    model="",
                    credits__isnull=False,
                    credits__gte=0,
                    credits__lte=MAX_CREDITS,
                    min_credits=None,
                    max_credits=None,
                    input_credits=None,
                    output_credits=None,
                ),
                name="rate_has_what_its_pricing_needs",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature} {self.model}".strip()
