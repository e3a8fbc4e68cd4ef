"""The terms under which credits are sold and spent, as far as the ledger needs them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models.base import MAX_BALANCE, MAX_CREDITS


class Unit(models.TextChoices):
    CREDITS = "credits", _("credits")
    TOKENS = "tokens", _("tokens")


class AtZero(models.TextChoices):
    REFUSE = "refuse", _("decline further use")
    SWITCH_OFF = "switch_off", _("turn AI off in all services")


def default_limit_thresholds() -> list[int]:
    """Return at how many per cent of a monthly limit people are notified, where the program sets nothing."""
    return [50, 75, 90, 100]


class Program(models.Model):
    """The terms under which credits are sold and spent, as far as the ledger needs them."""

    key = models.SlugField(_("key"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    unit = models.CharField(_("unit"), max_length=10, choices=Unit, default=Unit.CREDITS)
    decimals = models.PositiveSmallIntegerField(_("decimals"), default=0)
    validity_days = models.PositiveIntegerField(
        _("purchased credits expire after days"),
        null=True,
        blank=True,
        help_text=_("Leave empty if they never expire."),
    )
    holding_limit = models.BigIntegerField(
        _("holding limit"), null=True, blank=True, help_text=_("In smallest units. Leave empty for no limit.")
    )
    overdraft_limit = models.BigIntegerField(
        _("overdraft limit"),
        default=0,
        help_text=_("How far settling a reservation may take the balance below zero, in smallest units."),
    )
    at_zero = models.CharField(_("at zero"), max_length=12, choices=AtZero, default=AtZero.REFUSE)
    reservation_seconds = models.PositiveIntegerField(_("reservations time out after seconds"), default=900)
    low_balance = models.BigIntegerField(
        _("low-balance alert below"),
        null=True,
        blank=True,
        help_text=_("For owners who set no value of their own. They are notified below it. Leave empty for no notice."),
    )
    limit_thresholds = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("default alert thresholds of limits, in percent"),
        default=default_limit_thresholds,
    )

    class Meta:
        verbose_name = _("program")
        verbose_name_plural = _("programs")
        constraints = [
            models.CheckConstraint(condition=models.Q(unit__in=Unit.values), name="program_unit_known"),
            models.CheckConstraint(condition=models.Q(at_zero__in=AtZero.values), name="program_at_zero_known"),
            models.CheckConstraint(condition=models.Q(decimals__lte=6), name="program_decimals_at_most_six"),
            models.CheckConstraint(
                condition=models.Q(overdraft_limit__gte=0, overdraft_limit__lte=MAX_CREDITS),
                name="program_overdraft_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(holding_limit=None) | models.Q(holding_limit__gt=0, holding_limit__lte=MAX_BALANCE),
                name="program_holding_limit_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(validity_days=None) | models.Q(validity_days__gt=0, validity_days__lte=36_500),
                name="program_validity_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(reservation_seconds__gte=1, reservation_seconds__lte=86_400),
                name="program_reservations_end_within_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(low_balance=None) | models.Q(low_balance__gt=0, low_balance__lte=MAX_BALANCE),
                name="program_low_balance_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return self.name
