"""What is sold, for staff to edit: terms, currencies, packs, custom amounts, plans and promotions.

Amounts are in smallest and minor units, as in the rows. Orders have their own copy of what they bought.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.audit_actions import Action
from billing.models import (
    CustomAmount,
    Pack,
    PackPrice,
    Plan,
    PlanPrice,
    ProgramCurrency,
    Promotion,
    PromotionUse,
    SaleTerms,
)
from credits.models import MAX_CREDITS
from organizations.admin.audited import AuditedAdmin
from organizations.admin.forms import ReasonForm
from organizations.admin.read_only import ReadOnlyInline
from organizations.audit_events import AuditAction
from organizations.formats import currency_decimals


def check_currency(code: str) -> str:
    """Refuse a currency that amounts can't be stored in."""
    try:
        currency_decimals(code)
    except ValueError:
        raise ValidationError(_("%(code)s is not a supported currency.") % {"code": code}) from None
    return code


class CatalogAdmin(AuditedAdmin):
    """A row of the catalog. Its program and key never change: orders and program files refer to them."""

    identity: tuple[str, ...] = ("program",)
    # What is recorded where one of its prices changes; only packs and plans have prices.
    priced: AuditAction
    list_filter = ["program"]
    list_select_related = ["program"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return list(self.identity) if obj else []

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        """Record each change of a price."""
        for priced in formset.forms:
            if "amount_minor" in priced.changed_data and hasattr(priced.instance, "stripe_price_id"):
                # Another amount is another price at Stripe.
                priced.instance.stripe_price_id = ""
        super().save_formset(request, form, formset, change)
        for priced in formset.forms:
            if priced.has_changed():
                move = {"from": priced.initial.get("amount_minor"), "to": priced.instance.amount_minor}
                details = {priced.instance.currency: move}
                reason = form.cleaned_data["reason"]
                self.record(request, form.instance, self.priced, reason=reason, details=details)


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A price in one currency."""

    def clean_currency(self) -> str:
        return check_currency(self.cleaned_data["currency"])


class PriceInline(admin.TabularInline):  # type: ignore[type-arg]
    """Prices, one per currency. A price is never removed; its pack or plan is taken off sale."""

    form = PriceForm
    fields = ["currency", "amount_minor"]
    can_delete = False
    extra = 1

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return []


class PackPriceInline(PriceInline):
    model = PackPrice


class PlanPriceInline(PriceInline):
    model = PlanPrice


@admin.register(Pack)
class PackAdmin(CatalogAdmin):
    """Packs, in the order in which they are offered."""

    created = Action.PACK_CREATED_BY_STAFF
    changed = Action.PACK_CHANGED_BY_STAFF
    priced = Action.PACK_PRICED_BY_STAFF
    identity = ("program", "key")
    list_display = ["name", "program", "key", "credits", "is_most_popular", "is_sold", "position"]
    search_fields = ["name", "key"]
    ordering = ["program__name", "position"]
    fields = [
        "program",
        "key",
        "name",
        "credits",
        "least_lots",
        "most_lots",
        "is_most_popular",
        "position",
        "is_sold",
        "reason",
    ]
    inlines = [PackPriceInline]


@admin.register(Plan)
class PlanAdmin(CatalogAdmin):
    """Plans, in the order in which they are offered."""

    created = Action.PLAN_CREATED_BY_STAFF
    changed = Action.PLAN_CHANGED_BY_STAFF
    priced = Action.PLAN_PRICED_BY_STAFF
    identity = ("program", "key")
    list_display = ["name", "program", "key", "allowance", "is_sold", "position"]
    search_fields = ["name", "key"]
    ordering = ["program__name", "position"]
    fields = ["program", "key", "name", "allowance", "position", "is_sold", "reason"]
    inlines = [PlanPriceInline]


class CustomAmountForm(ReasonForm):
    """Checks that the bounds are whole steps and the credits fit into the ledger."""

    def clean_currency(self) -> str:
        return check_currency(self.cleaned_data["currency"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        least, most, step, credits = (
            data.get(name) for name in ("least_minor", "most_minor", "step_minor", "credits_per_step")
        )
        if least and most and step and (least % step or most % step):
            self.add_error("step_minor", _("The minimum and the maximum must be multiples of it."))
        if most and step and credits and most // step * credits > MAX_CREDITS:
            self.add_error("credits_per_step", _("The maximum would buy more credits than the ledger can hold."))
        return data


@admin.register(CustomAmount)
class CustomAmountAdmin(CatalogAdmin):
    """Amounts that buyers choose themselves, one row per currency."""

    form = CustomAmountForm
    created = Action.CUSTOM_AMOUNT_CREATED_BY_STAFF
    changed = Action.CUSTOM_AMOUNT_CHANGED_BY_STAFF
    identity = ("program", "currency")
    list_display = ["program", "currency", "least_minor", "most_minor", "step_minor", "credits_per_step", "is_sold"]
    ordering = ["program__name", "currency"]
    fields = [
        "program",
        "currency",
        "least_minor",
        "most_minor",
        "step_minor",
        "credits_per_step",
        "is_sold",
        "reason",
    ]


class CurrencyForm(ReasonForm):
    """A currency, and the countries that pay in it."""

    def clean_code(self) -> str:
        return check_currency(self.cleaned_data["code"])


@admin.register(ProgramCurrency)
class ProgramCurrencyAdmin(CatalogAdmin):
    """The currencies of programs, by country. The one without countries is for all other countries."""

    form = CurrencyForm
    created = Action.CURRENCY_CREATED_BY_STAFF
    changed = Action.CURRENCY_CHANGED_BY_STAFF
    identity = ("program", "code")
    list_display = ["program", "code", "countries", "recharge_monthly_limit_minor"]
    ordering = ["program__name", "code"]
    fields = ["program", "code", "countries", "recharge_monthly_limit_minor", "reason"]


@admin.register(SaleTerms)
class SaleTermsAdmin(CatalogAdmin):
    """How each program sells."""

    created = Action.SALE_TERMS_CREATED_BY_STAFF
    changed = Action.SALE_TERMS_CHANGED_BY_STAFF
    list_display = ["program", "buyers", "needs_payment_method", "takes_bank_transfer", "purchase_refunds"]
    list_filter = ["buyers"]
    ordering = ["program__name"]
    fields = [
        "program",
        "buyers",
        "needs_payment_method",
        "takes_bank_transfer",
        "gives_tax_invoice",
        "seller",
        "bank_account",
        "offers_link",
        "reference_prefix",
        "confirmation",
        "purchase_refunds",
        "allowance_priority",
        "invoiced_allowance_is_bank_transfer",
        "referrer_credits",
        "referred_credits",
        "referral_days",
        "recharge_pack",
        "recharge_threshold",
        "reason",
    ]


class PromotionForm(ReasonForm):
    """A code that grants credits or takes a percentage off, not both."""

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).strip()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and (data.get("credits") is None) == (data.get("percent_off") is None):
            raise ValidationError(_("Enter either credits or a percentage."))
        return data


class UsesInline(ReadOnlyInline):
    """The organizations that used the code."""

    model = PromotionUse
    fields = ["organization", "used_at", "operation"]
    ordering = ["-used_at"]
    verbose_name_plural = gettext_lazy("uses that granted credits")


@admin.register(Promotion)
class PromotionAdmin(CatalogAdmin):
    """Codes. They are never deleted; set an end instead."""

    form = PromotionForm
    created = Action.PROMOTION_CREATED_BY_STAFF
    changed = Action.PROMOTION_CHANGED_BY_STAFF
    identity = ("program", "code")
    list_display = ["code", "name", "program", "credits", "percent_off", "starts_at", "ends_at", "most_uses"]
    search_fields = ["code", "name"]
    ordering = ["program__name", "code"]
    fields = [
        "program",
        "code",
        "name",
        "credits",
        "percent_off",
        "validity_days",
        "starts_at",
        "ends_at",
        "most_uses",
        "reason",
    ]
    inlines = [UsesInline]
