"""Amounts: integers in a currency's smallest unit, the least that may be charged, and how a person reads them."""

from stripe_sandbox.front.errors import ApiError

ZERO_DECIMAL = frozenset(
    (
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
        *("pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"),
    )
)
LEAST = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "krw": 500, "zar": 1000}
MOST = 99_999_999


def check_amount(amount: int, currency: str, *, param: str = "amount") -> None:
    """Refuse what Stripe would: less than the minimum, or more than eight digits."""
    least = LEAST.get(currency, 1 if currency in ZERO_DECIMAL else 50)
    if amount < least:
        raise ApiError(
            f"Amount must be at least {shown(least, currency)}",
            code="amount_too_small",
            param=param,
        )
    if amount > MOST * (100 if currency in {"krw", "idr"} else 1):
        raise ApiError(
            f"Amount must be no more than {shown(MOST, currency)}",
            code="amount_too_large",
            param=param,
        )


def shown(amount: int, currency: str) -> str:
    """An amount as a person reads it: 12.50 USD, 10,000 JPY."""
    if currency in ZERO_DECIMAL:
        return f"{amount:,} {currency.upper()}"
    sign = "-" if amount < 0 else ""
    whole, minor = divmod(abs(amount), 100)
    return f"{sign}{whole:,}.{minor:02} {currency.upper()}"
