"""The organization as a customer: its id at Stripe, payment methods, billing details and referrals.

Stripe's state is the truth about the first two; our rows are written from it.
"""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from credits.models import Operation
from organizations.models import Organization


class StripeCustomer(models.Model):
    """The organization's one customer at Stripe."""

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="stripe_customer"
    )
    stripe_id = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.stripe_id


class PaymentMethod(models.Model):
    """What can be shown of a card or Link account on file at Stripe. A copy: Stripe's state is the truth."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="payment_methods")
    stripe_id = models.CharField(max_length=255, unique=True)
    kind = models.CharField(_("kind"), max_length=30)
    brand = models.CharField(_("brand"), max_length=30, blank=True)
    last4 = models.CharField(_("last four digits"), max_length=4, blank=True)
    exp_month = models.PositiveSmallIntegerField(null=True, blank=True)
    exp_year = models.PositiveSmallIntegerField(null=True, blank=True)
    email = models.CharField(max_length=254, blank=True)
    is_default = models.BooleanField(_("default"), default=False)
    attached_at = models.DateTimeField()
    detached_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("payment method")
        verbose_name_plural = _("payment methods")
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True, detached_at=None),
                name="payment_method_has_one_default",
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Its name for people: "Visa •••• 4242", "Link aiko@example.com"."""
        name = (self.brand or self.kind).replace("_", " ")
        rest = f"•••• {self.last4}" if self.last4 else self.email
        return f"{name[:1].upper()}{name[1:]} {rest}".strip()


class BillingDetails(models.Model):
    """The recipient of receipts and tax invoices."""

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="billing_details"
    )
    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)
    address = models.TextField(_("address"), max_length=500, blank=True)
    tax_number = models.CharField(_("tax or registration number"), max_length=50, blank=True)
    receipt_email = models.EmailField(_("email address for receipts"), blank=True)

    class Meta:
        verbose_name = _("billing details")
        verbose_name_plural = _("billing details")

    def __str__(self) -> str:
        return self.legal_name


class ReferralCode(models.Model):
    """The code by which an organization refers others."""

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="referral_code"
    )
    code = models.CharField(_("code"), max_length=20, unique=True)

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """A used referral code: which organization brought which. Credited once, at the first paid purchase."""

    referrer = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="referrals_made")
    referred = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="referral")
    created_at = models.DateTimeField()
    credited_at = models.DateTimeField(null=True, blank=True)
    referrer_operation = models.ForeignKey(Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    referred_operation = models.ForeignKey(Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(referrer=models.F("referred")), name="referral_is_not_to_oneself"
            )
        ]

    def __str__(self) -> str:
        return f"{self.referrer} → {self.referred}"
