"""Reading fields of Stripe's objects that may be absent: its types don't tell "null" from "absent"."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from billing.stripe_gateway.errors import Refused
from organizations.formats import THREE_DECIMAL_CURRENCIES, currency_decimals

# Stripe keeps the króna in hundredths but takes whole ones only, and thousandths in steps of ten.
WHOLE_IN_HUNDREDTHS = frozenset({"ISK"})


def at(thing: Any, *path: str) -> Any:
    """The value at a path of names inside an object; None where one of them is missing or null."""
    for name in path:
        if thing is None or isinstance(thing, str) or name not in thing:
            return None
        thing = thing[name]
    return thing


def text_at(thing: Any, *path: str) -> str:
    """The same for text: empty where there is none."""
    found = at(thing, *path)
    return "" if found is None else str(found)


def number_at(thing: Any, *path: str) -> int:
    """The same for an integer: 0 where there is none."""
    return int(at(thing, *path) or 0)


def id_at(thing: Any, *path: str) -> str | None:
    """The id of an object that may be expanded or not, or None."""
    found = at(thing, *path)
    identifier = found if isinstance(found, str) or found is None else at(found, "id")
    return str(identifier) if identifier else None


def instant_at(thing: Any, *path: str) -> datetime | None:
    """An instant, or None."""
    found = at(thing, *path)
    return None if found is None else instant(found)


def instant(seconds: int) -> datetime:
    """Seconds since 1970 as an aware instant."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def currency_at(thing: Any) -> str:
    """The currency in capitals, as in our rows; empty where there is none."""
    return text_at(thing, "currency").upper()


def uuid_at(thing: Any, *path: str) -> UUID | None:
    """An id that we sent along, or None where there is none or it is not ours."""
    try:
        return UUID(text_at(thing, *path))
    except ValueError:
        return None


def chargeable(amount_minor: int, currency: str) -> int:
    """The amount as Stripe counts it. Our rows keep amounts in Stripe's minor units, so it is the same number.

    Raises Refused for a currency that isn't sold in, and for an amount that Stripe would not take in it.
    """
    try:
        currency_decimals(currency)
    except ValueError:
        raise Refused(f"{currency} is not sold in.", code="currency_not_supported") from None
    step = 100 if currency in WHOLE_IN_HUNDREDTHS else 10 if currency in THREE_DECIMAL_CURRENCIES else 1
    if amount_minor <= 0 or amount_minor % step:
        raise Refused(f"{amount_minor} is not an amount that can be paid in {currency}.", code="amount_invalid")
    return amount_minor
