"""Template tags for `organizations.formats`, in the active language and time zone.

`program` is anything with `decimals` (0 to 6) and `unit` ("credits" or "tokens").
"""

from datetime import date, datetime
from typing import Protocol

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language

from organizations import formats

register = template.Library()


class Counted(Protocol):
    """What decides how a program's amounts are written."""

    decimals: int
    unit: str


def _language() -> str:
    return get_language() or "en"


@register.filter
def amount(value: int, program: Counted) -> str:
    """An amount without its unit, for a column whose heading names it: "1,234.50"."""
    return formats.format_credits(value, decimals=program.decimals, language=_language())


@register.filter
def signed_amount(value: int, program: Counted) -> str:
    """As `amount`, with a plus if it is positive: "+500", "−12"."""
    return formats.format_credits(value, decimals=program.decimals, language=_language(), signed=True)


@register.filter("credits")
def credits_with_unit(value: int, program: Counted) -> str:
    """An amount with its unit, for a sentence: "1,234 credits"."""
    return formats.format_credits_with_unit(value, decimals=program.decimals, unit=program.unit, language=_language())


@register.filter
def signed_credits(value: int, program: Counted) -> str:
    """As `credits`, with a plus if it is positive: "+500 credits"."""
    return formats.format_credits_with_unit(
        value, decimals=program.decimals, unit=program.unit, language=_language(), signed=True
    )


@register.filter
def unit(value: int, program: Counted) -> str:
    """The unit alone, singular or plural as that amount needs: "credit", "tokens"."""
    count = formats.unit_count(value, decimals=program.decimals)
    return formats.unit_phrase("", count=count, unit=program.unit).strip()


@register.filter
def share_of(part: int, whole: int) -> str:
    """A share in whole percent, rounded down: `{{ used|share_of:limit }}`."""
    return formats.format_share(part, whole, language=_language())


@register.filter
def relative(value: datetime, now: datetime | None = None) -> str:
    """An instant relative to `now` (by default the current time): "in 3 days"."""
    return formats.format_relative(value, now=now or timezone.now(), language=_language())


@register.simple_tag
def money(amount_minor: int, currency: str) -> str:
    """Money in the currency's minor unit: `{% money purchase.amount_minor purchase.currency %}`."""
    return formats.format_money(amount_minor, currency=currency, language=_language())


@register.simple_tag
def instant(value: datetime) -> str:
    """A `<time>` element with day and time in the active time zone."""
    written = formats.format_instant(value, language=_language(), time_zone=timezone.get_current_timezone())
    return format_html('<time datetime="{}">{}</time>', value.isoformat(timespec="seconds"), written)


@register.simple_tag
def day(value: date) -> str:
    """A `<time>` element with a day; of an instant, its day in the active time zone."""
    local = timezone.localtime(value).date() if isinstance(value, datetime) else value
    return format_html(
        '<time datetime="{}">{}</time>', local.isoformat(), formats.format_day(local, language=_language())
    )
