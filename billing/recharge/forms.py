"""The form of auto-recharge's rule: amounts are read exactly. Whether the rule is allowed is decided in `rules`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import AutoRecharge, PackPrice, SaleTerms
from billing.purchases.forms import MoneyField
from billing.recharge.rules import MOST_MINOR, money
from credits.fields import CreditsField
from credits.models import Program
from organizations.formats import currency_decimals


class RuleForm(forms.Form):
    """Which pack to buy, below which balance, for how much a month."""

    def __init__(self, data: Any, *, program: Program, prices: Sequence[PackPrice], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["pack"] = forms.ChoiceField(
            label=_("Pack"),
            choices=[
                (price.pack.key, f"{price.pack.name} · {money(price.amount_minor, price.currency)}") for price in prices
            ],
            help_text=_("We buy as many packs as it takes to bring the balance back to the threshold."),
        )
        self.fields["threshold"] = CreditsField(
            decimals=program.decimals,
            label=_("Recharge when the balance falls below"),
            help_text=program.get_unit_display(),
        )
        currency = prices[0].currency
        smallest = Decimal(1).scaleb(-currency_decimals(currency))
        self.fields["monthly_limit"] = MoneyField(
            currency=currency,
            label=_("Monthly spending limit"),
            help_text=currency,
            min_value=smallest,
            max_value=MOST_MINOR * 100 * smallest,
        )


def initial_of(row: AutoRecharge | None, terms: SaleTerms, program: Program, currency: str) -> dict[str, Any]:
    """What the form shows at first: the current rule, or the program's proposal."""
    money_decimals = currency_decimals(currency)
    if row is not None and row.currency == currency:
        pack, threshold, limit = row.pack.key, row.threshold, row.monthly_limit_minor
    else:
        proposed = program.currencies.filter(code=currency).values_list("recharge_monthly_limit_minor", flat=True)
        pack = terms.recharge_pack.key if terms.recharge_pack is not None else ""
        threshold, limit = terms.recharge_threshold or 0, proposed.first() or 0
    return {
        "pack": pack,
        "threshold": Decimal(threshold).scaleb(-program.decimals) if threshold else None,
        "monthly_limit": Decimal(limit).scaleb(-money_decimals) if limit else None,
    }
