"""Purchases, to look up by reference, organization, mail and Stripe's ids; a bank transfer's deposit is confirmed here.

A refund is made on a page of its own (`refund_page`).
"""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from billing.models import Method, Purchase, PurchaseState
from billing.purchases.forms import MoneyField
from billing.purchases.payments import Deposit, confirm_deposit
from credits.admin.forms import ActForm
from credits.admin.ledger_pages import SEARCHED, with_unit
from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.formats import format_money
from organizations.models import User
from organizations.refusals import Refusal

PERMISSION = "billing.change_purchase"


class DepositForm(ActForm):
    """What arrived, and when. The amount is typed, not copied: it is compared with the order."""

    deposited_on = forms.DateField(
        label=gettext_lazy("Deposited on"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, data: Any, *, currency: str) -> None:
        super().__init__(data)
        self.fields["amount"] = MoneyField(currency=currency, label=_("Amount that arrived"), help_text=currency)
        self.order_fields(["amount", "deposited_on", "reason", "token"])


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    """Newest first."""

    change_form_template = "credits/admin/ledger_row.html"
    list_display = ["reference", "organization", "name", "price", "method", "state", "created_at", "failure"]
    list_filter = ["state", "method", "organization__wallet__program"]
    list_select_related = ["organization"]
    search_fields = [
        "reference",
        *SEARCHED,
        "bought_by__email",
        "=stripe_payment_intent_id",
        "=stripe_session_id",
        "=stripe_invoice_id",
        "=organization__stripe_customer__stripe_id",
    ]
    ordering = ["-created_at"]
    show_full_result_count = False
    list_per_page = 50
    fields = [
        "reference",
        "organization",
        "state",
        "failure",
        "name",
        "brings",
        "price",
        "list_price",
        "promotion",
        "method",
        "bought_by",
        "created_at",
        "expires_at",
        "paid_at",
        "grant",
        "deposited_on",
        "confirmed_by",
        "billing_name",
        "billing_address",
        "billing_tax_number",
        "stripe_session_id",
        "stripe_payment_intent_id",
        "stripe_invoice_id",
        "receipt_url",
        "invoice_url",
    ]
    readonly_fields = ["brings", "price", "list_price"]

    @admin.display(description=gettext_lazy("price"), ordering="amount_minor")
    def price(self, purchase: Purchase) -> str:
        return _written(purchase.amount_minor, purchase.currency)

    @admin.display(description=gettext_lazy("list price"))
    def list_price(self, purchase: Purchase) -> str:
        return _written(purchase.list_amount_minor, purchase.currency)

    @admin.display(description=gettext_lazy("brings"))
    def brings(self, purchase: Purchase) -> str:
        return with_unit(purchase.credits, purchase.organization.wallet.program)

    def get_urls(self) -> list[URLPattern]:
        """Add the address where a deposit is confirmed."""
        deposit = path(
            "<path:object_id>/confirm-deposit/",
            self.admin_site.admin_view(self.confirm_deposit),
            name="billing_purchase_confirm_deposit",
        )
        return [deposit, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the purchase, and what this person may do about it."""
        purchase = self.get_object(request, object_id)
        acts = self._acts(purchase) if purchase is not None and request.user.has_perm(PERMISSION) else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def _acts(self, purchase: Purchase) -> list[tuple[str, str]]:
        if purchase.state == PurchaseState.PAID:
            return [(_("Refund"), reverse("admin:billing_refund_of", args=[purchase.reference]))]
        if purchase.method == Method.BANK_TRANSFER:
            return [(_("Confirm the deposit"), reverse("admin:billing_purchase_confirm_deposit", args=[purchase.pk]))]
        return []

    def confirm_deposit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask what arrived when, and why that is known; then the credits come, once, however often the form is sent."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        purchase = self.get_object(request, object_id)
        if purchase is None:
            raise Http404
        form = DepositForm(request.POST if request.method == "POST" else None, currency=purchase.currency)
        if not form.is_valid() or not self._confirm(request, purchase, form):
            return self._ask(request, purchase, form)
        return redirect("admin:billing_purchase_change", purchase.pk)

    def _confirm(self, request: HttpRequest, purchase: Purchase, form: DepositForm) -> bool:
        deposit = Deposit(
            amount_minor=form.cleaned_data["amount"],
            deposited_on=form.cleaned_data["deposited_on"],
            confirmed_by=cast("User", request.user),
            reason=form.cleaned_data["reason"],
        )
        try:
            paid = confirm_deposit(purchase, deposit)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return False
        messages.success(request, _("Paid: %(credits)s are in the balance.") % {"credits": self.brings(paid)})
        return True

    def _ask(self, request: HttpRequest, purchase: Purchase, form: DepositForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Confirm the deposit"),
            "subtitle": f"{purchase.reference}, {self.price(purchase)}",
            "row": purchase,
            "organization": purchase.organization,
            "form": form,
            "submit": _("Confirm the deposit"),
            "back": _("Back"),
        }
        return TemplateResponse(request, "credits/admin/act.html", context, status=422 if form.is_bound else 200)


def _written(amount_minor: int, currency: str) -> str:
    return format_money(amount_minor, currency=currency, language=get_language() or "en")
