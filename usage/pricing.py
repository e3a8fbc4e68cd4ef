"""What a use costs in credits. Pure: a rate's terms and a use's measures in, an amount out.

Amounts are rounded here and nowhere else: up, once per use, to the program's smallest unit.
"""

from dataclasses import dataclass
from datetime import datetime

from credits.models import MAX_CREDITS

# More tokens or units than this in one use are a mistake of the caller.
MAX_QUANTITY = 10**12

# The fields that a rate has, by pricing: all of them and no other.
FIELDS_BY_PRICING = {
    "fixed": frozenset({"credits"}),
    "range": frozenset({"min_credits", "max_credits"}),
    "per_token": frozenset({"model", "input_credits", "output_credits", "per"}),
    "per_unit": frozenset({"credits", "per"}),
}


@dataclass(frozen=True, slots=True)
class RateTerms:
    """A rate: see `usage.models.Rate`. Credits in smallest units."""

    rate_id: int
    pricing: str
    model: str
    credits: int | None
    min_credits: int | None
    max_credits: int | None
    input_credits: int | None
    output_credits: int | None
    per: int
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Measures:
    """How much was used, as the caller says. `credits` in smallest units."""

    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    quantity: int | None = None
    credits: int | None = None


class WrongMeasure(Exception):
    """A measure is missing, out of bounds, or not what the feature is priced by. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def price(terms: RateTerms, measures: Measures) -> int:
    """Return what the use costs, in smallest units. Raises WrongMeasure."""
    _refuse_unused(terms, measures)
    match terms.pricing:
        case "fixed":
            return terms.credits or 0
        case "range":
            return _named(terms, measures)
        case "per_token":
            incoming = _measure(measures.input_tokens, "input_tokens")
            outgoing = _measure(measures.output_tokens, "output_tokens")
            cost = incoming * (terms.input_credits or 0) + outgoing * (terms.output_credits or 0)
        case _:
            cost = _measure(measures.quantity, "quantity") * (terms.credits or 0)
    total = -(-cost // terms.per)
    if total > MAX_CREDITS:
        raise WrongMeasure("quantity" if terms.pricing == "per_unit" else "input_tokens", "The use is too large.")
    return total


def _named(terms: RateTerms, measures: Measures) -> int:
    least, most = terms.min_credits or 0, terms.max_credits or 0
    if measures.credits is None:
        raise WrongMeasure("credits", f"This feature needs the amount: from {least} to {most}.")
    if not least <= measures.credits <= most:
        raise WrongMeasure("credits", f"The amount must be from {least} to {most}.")
    return measures.credits


def _measure(value: int | None, field: str) -> int:
    if value is None:
        raise WrongMeasure(field, f"This feature is priced by {field}.")
    if not 0 <= value <= MAX_QUANTITY:
        raise WrongMeasure(field, f"Must be from 0 to {MAX_QUANTITY}.")
    return value


USED = {
    "fixed": frozenset[str](),
    "range": frozenset({"credits"}),
    "per_token": frozenset({"model", "input_tokens", "output_tokens"}),
    "per_unit": frozenset({"quantity"}),
}
# What describes a use without pricing it is always allowed, for reports.
DESCRIPTIVE = frozenset({"model", "input_tokens", "output_tokens"})


def _refuse_unused(terms: RateTerms, measures: Measures) -> None:
    """Refuse a price or a quantity that would be ignored: the caller has misunderstood the rate."""
    for field in ("credits", "quantity"):
        if getattr(measures, field) is not None and field not in USED[terms.pricing] | DESCRIPTIVE:
            raise WrongMeasure(field, f"This feature is not priced by {field}.")
