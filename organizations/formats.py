"""Writes amounts, money, shares, dates and times in each language.

Pure: the language and the time zone are arguments. Amounts are integers and pass through Decimal, never through float.
Nothing is rounded except shares, which are rounded down.
"""

from datetime import date, datetime, tzinfo
from decimal import Context, Decimal

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal, get_currency_precision, get_currency_symbol, is_currency
from django.utils.translation import ngettext

MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

# The decimals of a currency's minor unit by Stripe's table, in which amounts are stored. What is usual in print differs
# (a króna is stored as 100 and printed as 1) and comes from Babel's table.
ZERO_DECIMAL_CURRENCIES = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_DECIMAL_CURRENCIES = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Stripe stores the shilling in hundredths but shows none. It is not supported until someone needs it.
REFUSED_CURRENCIES = frozenset({"UGX"})

# Wide enough that no stored amount (at most 19 digits) is rounded.
_EXACT = Context(prec=60)


def currency_decimals(currency: str) -> int:
    """Return the decimals of the stored minor unit of `currency`: 0, 2 or 3. Raises ValueError if it is unknown."""
    if currency in REFUSED_CURRENCIES or not is_currency(currency):
        raise ValueError(f"{currency!r} is not a supported currency")
    if currency in ZERO_DECIMAL_CURRENCIES:
        return 0
    return 3 if currency in THREE_DECIMAL_CURRENCIES else 2


def format_credits(amount: int, *, decimals: int, language: str, signed: bool = False) -> str:
    """Write an amount of credits, given in the program's smallest unit: 1500000 with 6 decimals is "1.50".

    Digits are grouped as usual in `language`. Where the program has decimals, at least two are shown and no more than
    the amount needs. Negative amounts have a minus sign (U+2212); `signed` adds a plus to positive ones.
    """
    number = format_decimal(
        _shift(abs(amount), decimals),
        format=_pattern(min(decimals, 2)),
        locale=_locale(language),
        decimal_quantization=False,
    )
    return _sign(amount, signed=signed) + number


def format_credits_with_unit(amount: int, *, decimals: int, unit: str, language: str, signed: bool = False) -> str:
    """As `format_credits`, with the unit ("credits" or "tokens") in the active translation: "1 credit"."""
    number = format_credits(amount, decimals=decimals, language=language, signed=signed)
    return unit_phrase(number, count=unit_count(amount, decimals=decimals), unit=unit)


def unit_count(amount: int, *, decimals: int) -> int:
    """Return the number that decides between "credit" and "credits". "1.00 credits" is plural."""
    return abs(amount) if decimals == 0 else 2


def unit_phrase(number: str, *, count: int, unit: str) -> str:
    """Join a written number and its unit in the active translation. Raises ValueError if the unit is unknown."""
    if unit == "credits":
        return ngettext("%(number)s credit", "%(number)s credits", count) % {"number": number}
    if unit == "tokens":
        return ngettext("%(number)s token", "%(number)s tokens", count) % {"number": number}
    raise ValueError(f"{unit!r} is not a unit of credits")


def format_money(amount_minor: int, *, currency: str, language: str) -> str:
    """Write money given in the currency's minor unit: 1050 EUR is "€10.50", 1050 JPY is "¥1,050".

    It has as many decimals as usual for the currency, and more if the amount has them. Raises ValueError if the
    currency is unknown.
    """
    decimals = currency_decimals(currency)
    locale = _locale(language)
    # A code is separated from its number ("ZAR 10.50"), a sign is not ("€10.50").
    gap = NO_BREAK_SPACE if get_currency_symbol(currency, locale)[-1].isalpha() else ""
    written = format_currency(
        _shift(abs(amount_minor), decimals),
        currency,
        format=f"¤{gap}{_pattern(min(get_currency_precision(currency), decimals))}",
        locale=locale,
        currency_digits=False,
        decimal_quantization=False,
    )
    return _sign(amount_minor, signed=False) + written


def format_share(part: int, whole: int, *, language: str) -> str:
    """Write `part` of `whole` in whole percent, rounded down, so 100% means all of it. A share of zero is 0%."""
    percent = part * 100 // whole if whole else 0
    if percent == 0 and part > 0 and whole > 0:
        return f"<{_percent(1, language)}"
    return _percent(percent, language)


def format_day(value: date, *, language: str) -> str:
    """Write a day: "Dec 3, 2026", "2026年12月3日"."""
    locale = _locale(language)
    # The medium form in Japanese and Korean is all digits ("2026/12/03"); statements use the long one.
    return format_date(value, format="medium" if locale.language == "en" else "long", locale=locale)


def format_instant(value: datetime, *, language: str, time_zone: tzinfo) -> str:
    """Write an aware instant as day and time in `time_zone`."""
    locale = _locale(language)
    local = value.astimezone(time_zone)
    clock = format_time(local.timetz(), format="short", tzinfo=time_zone, locale=locale)
    return str(locale.datetime_formats["medium"].format(clock, format_day(local.date(), language=language)))


def format_relative(value: datetime, *, now: datetime, language: str) -> str:
    """Write an instant relative to `now`: "in 3 days", "2 hours ago"."""
    return format_timedelta(value - now, add_direction=True, locale=_locale(language))


def _percent(percent: int, language: str) -> str:
    return f"{format_decimal(percent, locale=_locale(language))}%"


def _pattern(fewest_decimals: int) -> str:
    return "#,##0." + "0" * fewest_decimals if fewest_decimals else "#,##0"


def _shift(amount: int, decimals: int) -> Decimal:
    return Decimal(amount).scaleb(-decimals, _EXACT)


def _sign(amount: int, *, signed: bool) -> str:
    if amount < 0:
        return MINUS
    return "+" if signed and amount > 0 else ""


def _locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")
