"""The catalogue: what a program sells and on which terms, with a price per currency.

It is written by staff and by the loader of programs; orders keep their own copy of what they bought.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from credits.models import MAX_CREDITS, Operation, Program
from organizations.models import Organization

CURRENCY = r"^[A-Z]{3}$"


class Buyers(models.TextChoices):
    ANY = "any", _("any organization")
    ON_PAID_PLAN = "on_paid_plan", _("organizations on a paid plan")


class RefundPolicy(models.TextChoices):
    NEVER = "never", _("never")
    THROUGH_SUPPORT = "through_support", _("through support")


class SaleTerms(models.Model):
    """How a program sells. A program without this row sells nothing."""

    program = models.OneToOneField(Program, on_delete=models.PROTECT, primary_key=True, related_name="sale_terms")
    buyers = models.CharField(_("who may buy"), max_length=12, choices=Buyers, default=Buyers.ANY)
    needs_payment_method = models.BooleanField(_("requires a saved payment method"), default=False)
    takes_bank_transfer = models.BooleanField(_("accepts bank transfers"), default=False)
    gives_tax_invoice = models.BooleanField(_("issues tax invoices"), default=False)
    # Printed on orders and receipts of bank transfers: who sells, and where the money goes.
    seller = models.TextField(_("seller"), max_length=500, blank=True)
    bank_account = models.TextField(_("bank account"), max_length=500, blank=True)
    offers_link = models.BooleanField(_("offers Link"), default=False)
    reference_prefix = models.CharField(_("prefix of references"), max_length=5, default="DD")
    confirmation = models.CharField(_("confirmation"), max_length=200, blank=True)
    purchase_refunds = models.CharField(
        _("refunds of purchases"), max_length=16, choices=RefundPolicy, default=RefundPolicy.NEVER
    )
    allowance_priority = models.PositiveSmallIntegerField(_("priority of plan credits"), default=50)
    invoiced_allowance_is_bank_transfer = models.BooleanField(
        _("plan credits of invoiced customers are recorded as bank transfer"), default=False
    )
    referrer_credits = models.BigIntegerField(_("credits for the referrer"), default=0)
    referred_credits = models.BigIntegerField(_("credits for the referred"), default=0)
    referral_days = models.PositiveIntegerField(_("referral credits expire after days"), null=True, blank=True)
    # The proposal for auto-recharge; without a pack the program doesn't offer it.
    recharge_pack = models.ForeignKey("billing.Pack", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    recharge_threshold = models.BigIntegerField(_("default recharge threshold"), null=True, blank=True)

    class Meta:
        verbose_name = _("sale terms")
        verbose_name_plural = _("sale terms")
        constraints = [
            models.CheckConstraint(condition=models.Q(buyers__in=Buyers.values), name="sale_terms_buyers_known"),
            models.CheckConstraint(
                condition=models.Q(purchase_refunds__in=RefundPolicy.values), name="sale_terms_refunds_known"
            ),
            models.CheckConstraint(
                condition=models.Q(referrer_credits__gte=0, referred_credits__gte=0),
                name="sale_terms_referral_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(recharge_pack=None, recharge_threshold=None)
                | models.Q(recharge_pack__isnull=False, recharge_threshold__isnull=False, recharge_threshold__gte=0),
                name="sale_terms_recharge_has_pack_and_threshold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.program}"


class ProgramCurrency(models.Model):
    """A currency that a program sells in; the one without countries is for all other countries."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="currencies")
    code = models.CharField(_("currency"), max_length=3)
    countries = ArrayField(models.CharField(max_length=2), verbose_name=_("countries"), default=list, blank=True)
    # The monthly limit that is proposed for auto-recharge.
    recharge_monthly_limit_minor = models.BigIntegerField(_("default monthly recharge limit"), null=True, blank=True)

    class Meta:
        verbose_name = _("currency")
        verbose_name_plural = _("currencies")
        constraints = [
            models.UniqueConstraint(fields=["program", "code"], name="program_currency_is_unique"),
            models.CheckConstraint(condition=models.Q(code__regex=CURRENCY), name="program_currency_is_iso"),
        ]

    def __str__(self) -> str:
        return self.code


class Pack(models.Model):
    """A number of credits sold together. Sold in lots where `most_lots` is above 1. Withdrawn, never deleted."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="packs")
    key = models.SlugField(_("key"), max_length=50)
    name = models.CharField(_("name"), max_length=100)
    credits = models.BigIntegerField(_("credits"))
    least_lots = models.PositiveIntegerField(_("minimum lots"), default=1)
    most_lots = models.PositiveIntegerField(_("maximum lots"), default=1)
    is_most_popular = models.BooleanField(_("most popular"), default=False)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_sold = models.BooleanField(_("on sale"), default=True)

    class Meta:
        verbose_name = _("pack")
        verbose_name_plural = _("packs")
        constraints = [
            models.UniqueConstraint(fields=["program", "key"], name="pack_key_is_unique"),
            models.CheckConstraint(
                condition=models.Q(credits__gt=0, credits__lte=MAX_CREDITS), name="pack_credits_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(least_lots__gte=1, most_lots__gte=models.F("least_lots")), name="pack_lots_in_order"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PackPrice(models.Model):
    """What one lot of a pack costs in one currency."""

    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, related_name="prices")
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("price, in minor units"))

    class Meta:
        verbose_name = _("pack price")
        verbose_name_plural = _("pack prices")
        constraints = [
            models.UniqueConstraint(fields=["pack", "currency"], name="pack_price_is_unique"),
            models.CheckConstraint(condition=models.Q(currency__regex=CURRENCY), name="pack_price_currency_is_iso"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="pack_price_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class CustomAmount(models.Model):
    """Credits for any amount of money from `least_minor` to `most_minor`, in steps that each buy whole credits."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="custom_amounts")
    currency = models.CharField(_("currency"), max_length=3)
    least_minor = models.BigIntegerField(_("minimum, in minor units"))
    most_minor = models.BigIntegerField(_("maximum, in minor units"))
    step_minor = models.BigIntegerField(_("step, in minor units"))
    credits_per_step = models.BigIntegerField(_("credits per step"))
    is_sold = models.BooleanField(_("on sale"), default=True)

    class Meta:
        verbose_name = _("custom amount")
        verbose_name_plural = _("custom amounts")
        constraints = [
            models.UniqueConstraint(fields=["program", "currency"], name="custom_amount_is_unique"),
            models.CheckConstraint(
                condition=models.Q(
                    least_minor__gt=0,
                    most_minor__gte=models.F("least_minor"),
                    step_minor__gt=0,
                    credits_per_step__gt=0,
                ),
                name="custom_amount_in_bounds",
            ),
            models.CheckConstraint(condition=models.Q(currency__regex=CURRENCY), name="custom_amount_currency_is_iso"),
        ]

    def __str__(self) -> str:
        return self.currency


class Plan(models.Model):
    """What an organization subscribes to, by the month. Withdrawn, never deleted."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="plans")
    key = models.SlugField(_("key"), max_length=50)
    name = models.CharField(_("name"), max_length=100)
    allowance = models.BigIntegerField(_("credits per month"), default=0)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_sold = models.BooleanField(_("on sale"), default=True)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [
            models.UniqueConstraint(fields=["program", "key"], name="plan_key_is_unique"),
            models.CheckConstraint(
                condition=models.Q(allowance__gte=0, allowance__lte=MAX_CREDITS), name="plan_allowance_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PlanPrice(models.Model):
    """What a month of a plan costs in one currency; 0 for a free plan. The price at Stripe is made at first use."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="prices")
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("price per month, in minor units"))
    stripe_price_id = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = _("plan price")
        verbose_name_plural = _("plan prices")
        constraints = [
            models.UniqueConstraint(fields=["plan", "currency"], name="plan_price_is_unique"),
            models.CheckConstraint(condition=models.Q(currency__regex=CURRENCY), name="plan_price_currency_is_iso"),
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="plan_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class Promotion(models.Model):
    """A code that brings credits by itself, or takes a percentage off a purchase; once per organization."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="promotions")
    code = models.CharField(_("code"), max_length=30)
    name = models.CharField(_("name"), max_length=100)
    credits = models.BigIntegerField(_("credits"), null=True, blank=True)
    percent_off = models.PositiveSmallIntegerField(_("percent off"), null=True, blank=True)
    validity_days = models.PositiveIntegerField(_("credits expire after days"), null=True, blank=True)
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    most_uses = models.PositiveIntegerField(_("maximum number of uses"), null=True, blank=True)

    class Meta:
        verbose_name = _("promotion")
        verbose_name_plural = _("promotions")
        constraints = [
            models.UniqueConstraint("program", Upper("code"), name="promotion_code_is_unique"),
            models.CheckConstraint(
                condition=models.Q(credits__isnull=False, credits__gt=0, credits__lte=MAX_CREDITS, percent_off=None)
                | models.Q(credits=None, percent_off__isnull=False, percent_off__gte=1, percent_off__lte=100),
                name="promotion_brings_credits_or_percent",
            ),
            models.CheckConstraint(
                condition=models.Q(starts_at=None)
                | models.Q(ends_at=None)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="promotion_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class PromotionUse(models.Model):
    """A code that brought an organization credits by itself."""

    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="uses")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="promotion_uses")
    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="+")
    used_at = models.DateTimeField(_("used"))

    class Meta:
        verbose_name = _("use of a promotion")
        verbose_name_plural = _("uses of promotions")
        constraints = [
            models.UniqueConstraint(fields=["promotion", "organization"], name="promotion_is_used_once_each")
        ]

    def __str__(self) -> str:
        return f"{self.promotion} {self.organization}"
