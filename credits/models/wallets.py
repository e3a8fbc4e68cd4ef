"""An organization's credits. Written by `credits.ledger` alone."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models.base import MAX_BALANCE
from credits.models.programs import Program
from organizations.models import Organization


class Wallet(models.Model):
    """An organization's credits. Locked first, always, by every writer.

    `balance` = what its grants still hold less `debt`; `reserved` is the part of it that open reservations set aside.
    """

    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="wallet")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="wallets")
    balance = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    last_number = models.BigIntegerField(default=0)
    last_written_at = models.DateTimeField()
    created_at = models.DateTimeField()
    # Until when an auto-recharge under way may take: a refused spend says so.
    recharging_until = models.DateTimeField(null=True, blank=True)
    # When what is available falls below this, the ledger publishes `FELL_BELOW_WATCH`.
    watched_below = models.BigIntegerField(null=True, blank=True)
    # The balance is low when less than this can be spent; null: the program's threshold, 0: never.
    low_below = models.BigIntegerField(_("low-balance alert below"), null=True, blank=True)
    # Since when the balance is known to be low, and depleted; a top-up clears either.
    low_since = models.DateTimeField(null=True, blank=True)
    depleted_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        constraints = [
            models.CheckConstraint(condition=models.Q(reserved__gte=0), name="wallet_reserved_not_negative"),
            models.CheckConstraint(condition=models.Q(debt__gte=0), name="wallet_debt_not_negative"),
            models.CheckConstraint(
                condition=models.Q(balance__gte=models.F("reserved") - models.F("debt")),
                name="wallet_covers_what_is_reserved",
            ),
            models.CheckConstraint(
                condition=models.Q(balance__lte=MAX_BALANCE, debt__lte=MAX_BALANCE), name="wallet_within_bounds"
            ),
            models.CheckConstraint(condition=models.Q(last_number__gte=0), name="wallet_number_not_negative"),
            models.CheckConstraint(
                condition=models.Q(low_below=None) | models.Q(low_below__gte=0, low_below__lte=MAX_BALANCE),
                name="wallet_low_below_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization}"
