"""Forms of the pages on which owners buy. Prices and what is on sale are not checked here.

What may be ordered is decided in `orders`.
"""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.models import BillingDetails, Method
from billing.purchases.quotes import Choice, CustomChoice, PackChoice
from organizations.formats import currency_decimals

MAX_LOTS = 1_000_000
# Longer codes are refused without a query.
MAX_CODE = 100


class MoneyField(forms.DecimalField):
    """Money typed in a currency's main unit; `cleaned_data` has it as an integer of minor units, exactly."""

    def __init__(self, *, currency: str, **options: Any) -> None:
        self.decimals = currency_decimals(currency)
        super().__init__(max_digits=12, **options)

    def clean(self, value: Any) -> Any:
        """Refuse more decimals than the currency has; nothing is rounded."""
        amount: Decimal | None = super().clean(value)
        minor = None if amount is None else amount.scaleb(self.decimals)
        if minor is None or minor == int(minor):
            return None if minor is None else int(minor)
        if self.decimals == 0:
            raise ValidationError(_("This currency has no decimals. Enter a whole number."))
        raise ValidationError(_("Enter at most %(decimals)d decimals."), params={"decimals": self.decimals})


class ChoiceForm(forms.Form):
    """A pack and how many, or an amount of money; how it is to be paid, and a promotion code."""

    pack = forms.CharField(required=False, max_length=50)
    lots = forms.IntegerField(label=_("Quantity"), required=False, min_value=1, max_value=MAX_LOTS)
    code = forms.CharField(label=_("Promotion code"), required=False, max_length=MAX_CODE)
    method = forms.ChoiceField(
        required=False, choices=[(method.value, method.label) for method in (Method.CARD, Method.BANK_TRANSFER)]
    )

    def __init__(self, data: Any, *, currency: str) -> None:
        super().__init__(data)
        self.fields["amount"] = MoneyField(currency=currency, label=_("Amount"), required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and bool(data.get("pack")) == (data.get("amount") is not None):
            raise ValidationError(_("Choose a pack, or enter an amount."))
        return data

    @property
    def choice(self) -> Choice:
        """What was chosen. The form must be valid."""
        data = self.cleaned_data
        if data["pack"]:
            return PackChoice(data["pack"], 1 if data["lots"] is None else data["lots"])
        return CustomChoice(data["amount"])

    @property
    def paid_by(self) -> Method:
        """How it is to be paid; by card unless said otherwise."""
        return Method(self.cleaned_data["method"] or Method.CARD)


class OrderForm(ChoiceForm):
    """A choice to order, with the form's token: a form orders once."""

    form_token = forms.UUIDField()


class BillingDetailsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who receipts and tax invoices are for."""

    class Meta:
        model = BillingDetails
        fields = ["legal_name", "address", "tax_number", "receipt_email"]
        widgets = {"address": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "legal_name": _("As registered."),
            "tax_number": _("For example a VAT number or business registration number."),
            "receipt_email": _("Stripe sends receipts to this address. Leave empty to use the first owner's address."),
        }


class CodeForm(forms.Form):
    """A promotion code, or another organization's referral code."""

    code = forms.CharField(label=_("Code"), max_length=MAX_CODE, widget=forms.TextInput(attrs={"autocomplete": "off"}))
