"""Amounts for number fields and scripts: digits and a point, whatever the language."""

from decimal import Decimal
from typing import Protocol

from django import template

from organizations.formats import currency_decimals

register = template.Library()


class Decimals(Protocol):
    """Whatever has decimals, such as a program."""

    decimals: int


@register.filter
def plain_money(amount_minor: int, currency: str) -> str:
    """Money given in the minor unit: 1050 EUR is "10.50", 1050 JPY is "1050"."""
    return f"{Decimal(amount_minor).scaleb(-currency_decimals(currency)):f}"


@register.filter
def plain_credits(amount: int, program: Decimals) -> str:
    """Credits given in the smallest unit: 10000 with 6 decimals is "0.010000"."""
    return f"{Decimal(amount).scaleb(-program.decimals):f}"
