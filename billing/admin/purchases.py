"""Purchases, for staff to find and read; the deposit of a bank transfer is confirmed here.

Refunds have a page of their own (`refund_page`).
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from billing.admin.refund_page import REFUND
from billing.models import Method, Purchase, PurchaseState
from billing.purchases import payments
from billing.purchases.forms import MoneyField
from credits.admin.ledger_pages import SEARCHED, with_unit
from organizations.admin.acts import Act, Done, Link
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.formats import format_money
from organizations.models import User


class DepositForm(ActForm):
    """The amount that arrived, and when. Staff type the amount, so that it can be compared with the order."""

    deposited_on = forms.DateField(
        label=gettext_lazy("Deposited on"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, data: Any, *, currency: str) -> None:
        super().__init__(data)
        self.fields["amount"] = MoneyField(currency=currency, label=_("Amount that arrived"), help_text=currency)
        self.order_fields(["amount", "deposited_on", "reason", "token"])


def make_deposit_form(purchase: Purchase, data: Any) -> DepositForm:
    return DepositForm(data, currency=purchase.currency)


def awaits_deposit(purchase: Purchase) -> bool:
    return purchase.method == Method.BANK_TRANSFER and purchase.state != PurchaseState.PAID


def reference_and_price(purchase: Purchase) -> list[str]:
    return [f"{purchase.reference}, {_written(purchase.amount_minor, purchase.currency)}"]


def confirm_deposit(purchase: Purchase, form: ActForm, actor: User) -> Done:
    """Settle the order with the deposit: the credits are granted once."""
    asked = form.cleaned_data
    deposit = payments.Deposit(
        amount_minor=asked["amount"],
        deposited_on=asked["deposited_on"],
        confirmed_by=actor,
        reason=asked["reason"],
    )
    paid = payments.confirm_deposit(purchase, deposit)
    return Done(message=_("Paid: %(credits)s were added to the balance.") % {"credits": _brings(paid)})


def _brings(purchase: Purchase) -> str:
    return with_unit(purchase.credits, purchase.organization.wallet.program)


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    """Newest first."""

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
    row_acts = (
        Act(
            name="confirm_deposit",
            label=gettext_lazy("Confirm the deposit"),
            effect=gettext_lazy("Marks the order as paid and adds its credits to the balance."),
            permission="billing.change_purchase",
            make_form=make_deposit_form,
            applies=awaits_deposit,
            describe=reference_and_price,
            run=confirm_deposit,
        ),
    )

    @admin.display(description=gettext_lazy("price"), ordering="amount_minor")
    def price(self, purchase: Purchase) -> str:
        return _written(purchase.amount_minor, purchase.currency)

    @admin.display(description=gettext_lazy("list price"))
    def list_price(self, purchase: Purchase) -> str:
        return _written(purchase.list_amount_minor, purchase.currency)

    @admin.display(description=gettext_lazy("brings"))
    def brings(self, purchase: Purchase) -> str:
        return _brings(purchase)

    def links_of_row(self, request: HttpRequest, row: Purchase) -> list[Link]:
        """Add the page on which a paid purchase is refunded."""
        links = super().links_of_row(request, row)
        if row.state == PurchaseState.PAID and request.user.has_perm(REFUND):
            links.append((_("Refund"), reverse("admin:billing_refund_of", args=[row.reference])))
        return links


def _written(amount_minor: int, currency: str) -> str:
    return format_money(amount_minor, currency=currency, language=get_language() or "en")
