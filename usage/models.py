"""The meter's rows: services, features, rates, usage events, limits.

Credits are integers in the program's smallest unit. Usage events are written by `metering` together with the ledger's
entries, in the same transaction, and only `refunded` ever changes on one.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from credits.models import MAX_CREDITS, Operation, Program, Reservation
from organizations.models import Organization, Team

# The service that a use belongs to where the caller names none.
DEFAULT_SERVICE = "main"
# Services come into being when first named; a caller that invents names is stopped here.
MAX_SERVICES = 200


class Service(models.Model):
    """The product, or one of the customer's apps inside it, in which credits are used; with its AI switch."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="services")
    key = models.CharField(_("key"), max_length=100)
    name = models.CharField(_("name"), max_length=150)
    is_ai_on = models.BooleanField(_("AI is on"), default=True)
    switched_at = models.DateTimeField(_("switched"), null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="service_key_is_unique")]

    def __str__(self) -> str:
        return self.name


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
    RANGE = "range", _("the caller names the amount within a range")
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
    per = models.PositiveIntegerField(_("per so many tokens or units"), default=1)
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


class UsageEvent(models.Model):
    """One use of an AI feature: who, what, when, where, how many credits.

    Its identifier is that of the operation that took the credits. `credits` were charged, `uncollected` could not be,
    `refunded` of the charged ones went back.
    """

    # No foreign keys in the database: what they name can't be deleted (PROTECT, triggers), `metering` alone inserts,
    # the auditor looks for what dangles, and the busiest tables pay for each key with 1.7 times the write-ahead log.
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
    """What an open reservation is for, in the meter's terms: settling it makes the usage event from this."""

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


class LimitScope(models.TextChoices):
    ORGANIZATION = "organization", _("organization")
    TEAM = "team", _("team")
    USER = "user", _("user")


class Limit(models.Model):
    """How many credits an organization, a team or a user may use in a month of the organization's time zone."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="limits")
    scope = models.CharField(_("scope"), max_length=12, choices=LimitScope)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="limits")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="limits"
    )
    credits = models.BigIntegerField(_("credits a month"))
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "scope", "team", "user"], nulls_distinct=False, name="limit_is_set_once"
            ),
            models.CheckConstraint(
                condition=models.Q(scope="organization", team=None, user=None)
                | models.Q(scope="team", team__isnull=False, user=None)
                | models.Q(scope="user", team=None, user__isnull=False),
                name="limit_names_what_its_scope_needs",
            ),
            models.CheckConstraint(
                condition=models.Q(credits__gte=0, credits__lte=MAX_CREDITS), name="limit_credits_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.credits}"


class LimitUse(models.Model):
    """What counts against a limit in one month, refunds taken off. Written under the wallet's lock, with the spend."""

    pk = models.CompositePrimaryKey("limit_id", "month_on")
    limit = models.ForeignKey(Limit, on_delete=models.CASCADE, related_name="uses", db_index=False)
    month_on = models.DateField()
    credits = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(credits__gte=0), name="limit_use_not_negative")]

    def __str__(self) -> str:
        return f"{self.month_on} {self.credits}"
