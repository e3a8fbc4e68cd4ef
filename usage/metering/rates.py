"""The rate that applies to a use, and what the use costs by it, or a refusal. Pure; prices are in `pricing`."""

from collections.abc import Sequence
from datetime import datetime

from usage.pricing import Measures, RateTerms, WrongMeasure, price
from usage.uses import Invalid


def find_terms(rates: Sequence[RateTerms], *, model: str, at: datetime) -> RateTerms:
    """Return the rate in force at an instant: the model's own, or else the one for all models. Raises Invalid.

    rates: of one feature, the latest first.
    """
    in_force = [terms for terms in rates if terms.effective_at <= at]
    for terms in in_force:
        if terms.model == model:
            return terms
    for terms in in_force:
        if not terms.model:
            return terms
    if not in_force:
        raise Invalid("feature", "This feature has no price at that time.")
    if not model:
        raise Invalid("model", "This feature is priced by model. Name the model.")
    raise Invalid("model", f"This feature has no price for the model “{model}”.")


def cost_of(terms: RateTerms, measures: Measures) -> int:
    """Return the price of a use, in smallest units. Raises Invalid."""
    try:
        return price(terms, measures)
    except WrongMeasure as wrong:
        raise Invalid(wrong.field, str(wrong)) from None
