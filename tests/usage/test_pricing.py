"""What a use costs: each law by itself, then all sums against exact fractions."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credits.models import MAX_CREDITS
from usage.metering.rates import find_terms
from usage.pricing import MAX_QUANTITY, Measures, RateTerms, WrongMeasure, price
from usage.uses import Invalid

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
NOTHING = RateTerms(1, "fixed", "", None, None, None, None, None, 1, BEGINNING)


def fixed(credits: int) -> RateTerms:
    return replace(NOTHING, credits=credits)


def ranged(least: int, most: int) -> RateTerms:
    return replace(NOTHING, pricing="range", min_credits=least, max_credits=most)


def per_token(incoming: int, outgoing: int, per: int = 1_000_000, **terms: Any) -> RateTerms:
    return replace(
        NOTHING,
        **{
            "pricing": "per_token",
            "model": "m",
            "input_credits": incoming,
            "output_credits": outgoing,
            "per": per,
            **terms,
        },
    )


def per_unit(credits: int, per: int = 1) -> RateTerms:
    return replace(NOTHING, pricing="per_unit", credits=credits, per=per)


def tokens(incoming: int | None, outgoing: int | None) -> Measures:
    return Measures(model="m", input_tokens=incoming, output_tokens=outgoing)


def measure(field: str, value: int, beside: Measures = Measures()) -> Measures:  # noqa: B008 - frozen
    fields: dict[str, Any] = {field: value}
    return replace(beside, **fields)


def refused(terms: RateTerms, measures: Measures) -> WrongMeasure:
    with pytest.raises(WrongMeasure) as refusal:
        price(terms, measures)
    return refusal.value


class TestFixed:
    def test_every_use_costs_the_same(self) -> None:
        assert price(fixed(50), Measures()) == 50

    def test_it_may_cost_nothing(self) -> None:
        assert price(fixed(0), Measures()) == 0

    def test_tokens_may_be_named_for_the_reports(self) -> None:
        assert price(fixed(50), tokens(1_000, 2_000)) == 50

    @pytest.mark.parametrize("field", ["credits", "quantity"])
    @pytest.mark.parametrize("value", [0, 7])
    def test_a_measure_that_would_be_ignored_is_refused(self, field: str, value: int) -> None:
        refusal = refused(fixed(50), measure(field, value))

        assert refusal.field == field
        assert str(refusal) == f"This feature is not priced by {field}."


class TestRange:
    @pytest.mark.parametrize("named", [10, 11, 50])
    def test_the_caller_names_the_amount_bounds_included(self, named: int) -> None:
        assert price(ranged(10, 50), Measures(credits=named)) == named

    @pytest.mark.parametrize("named", [9, 51, -10, 0, MAX_CREDITS + 1])
    def test_outside_the_bounds_it_is_refused(self, named: int) -> None:
        refusal = refused(ranged(10, 50), Measures(credits=named))

        assert (refusal.field, str(refusal)) == ("credits", "The amount must be from 10 to 50.")

    def test_no_amount_is_refused(self) -> None:
        refusal = refused(ranged(10, 50), Measures())

        assert (refusal.field, str(refusal)) == ("credits", "This feature needs the amount: from 10 to 50.")

    def test_nothing_may_be_named_where_the_range_begins_at_nothing(self) -> None:
        assert price(ranged(0, 50), Measures(credits=0)) == 0

    def test_the_whole_bound_may_be_named(self) -> None:
        assert price(ranged(0, MAX_CREDITS), Measures(credits=MAX_CREDITS)) == MAX_CREDITS

    def test_a_quantity_would_be_ignored_and_is_refused(self) -> None:
        assert refused(ranged(10, 50), Measures(credits=10, quantity=1)).field == "quantity"


class TestPerToken:
    def test_input_and_output_have_prices_of_their_own(self) -> None:
        terms = per_token(250_000, 1_000_000)

        assert price(terms, tokens(1_000_000, 0)) == 250_000
        assert price(terms, tokens(0, 1_000_000)) == 1_000_000
        assert price(terms, tokens(1_000_000, 1_000_000)) == 1_250_000

    def test_the_sum_is_rounded_up_once(self) -> None:
        # Half and half make one; each rounded by itself would make two.
        assert price(per_token(500_000, 500_000), tokens(1, 1)) == 1

    def test_the_least_part_of_a_unit_costs_a_unit(self) -> None:
        assert price(per_token(1, 0), tokens(1, 0)) == 1
        assert price(per_token(1, 1), tokens(999_999, 2)) == 2

    def test_what_comes_out_whole_is_not_rounded(self) -> None:
        assert price(per_token(1, 1), tokens(999_999, 1)) == 1

    def test_the_first_call_of_the_real_trace(self) -> None:
        # 4,808 tokens in at 0.25 and 10 out at 1.00 per million: 0.001212 credits.
        assert price(per_token(250_000, 1_000_000), tokens(4_808, 10)) == 1_212

    def test_free_tokens_cost_nothing(self) -> None:
        assert price(per_token(0, 0), tokens(5_000, 5_000)) == 0
        assert price(per_token(3, 5), tokens(0, 0)) == 0

    @pytest.mark.parametrize(
        ("measures", "field"), [(tokens(None, 5), "input_tokens"), (tokens(5, None), "output_tokens")]
    )
    def test_both_counts_are_needed(self, measures: Measures, field: str) -> None:
        refusal = refused(per_token(3, 5), measures)

        assert (refusal.field, str(refusal)) == (field, f"This feature is priced by {field}.")

    @pytest.mark.parametrize("count", [-1, MAX_QUANTITY + 1])
    def test_a_count_out_of_bounds_is_refused(self, count: int) -> None:
        assert refused(per_token(0, 0), tokens(count, 0)).field == "input_tokens"
        assert refused(per_token(0, 0), tokens(0, count)).field == "output_tokens"

    def test_the_largest_counts_are_taken(self) -> None:
        assert price(per_token(1, 0, per=1), tokens(MAX_QUANTITY, MAX_QUANTITY)) == MAX_CREDITS

    @pytest.mark.parametrize("field", ["credits", "quantity"])
    def test_a_measure_that_would_be_ignored_is_refused(self, field: str) -> None:
        assert refused(per_token(3, 5), measure(field, 1, tokens(1, 1))).field == field


class TestPerUnit:
    def test_a_token_of_work_is_a_token(self) -> None:
        assert price(per_unit(1), Measures(quantity=12_345)) == 12_345

    def test_a_begun_lot_of_units_is_rounded_up_in_credits(self) -> None:
        assert price(per_unit(3, per=10), Measures(quantity=1)) == 1
        assert price(per_unit(3, per=10), Measures(quantity=10)) == 3
        assert price(per_unit(3, per=10), Measures(quantity=11)) == 4

    def test_no_units_cost_nothing(self) -> None:
        assert price(per_unit(5), Measures(quantity=0)) == 0

    def test_the_quantity_is_needed(self) -> None:
        assert refused(per_unit(1), Measures()).field == "quantity"

    @pytest.mark.parametrize("quantity", [-1, MAX_QUANTITY + 1])
    def test_a_quantity_out_of_bounds_is_refused(self, quantity: int) -> None:
        assert refused(per_unit(0), Measures(quantity=quantity)).field == "quantity"

    def test_credits_would_be_ignored_and_are_refused(self) -> None:
        assert refused(per_unit(1), Measures(quantity=1, credits=1)).field == "credits"


class TestTheLargestUse:
    def test_an_operation_of_the_largest_size_passes(self) -> None:
        assert price(per_unit(1), Measures(quantity=MAX_CREDITS)) == MAX_CREDITS

    def test_more_is_refused_at_the_field_that_says_it(self) -> None:
        by_unit = refused(per_unit(2), Measures(quantity=MAX_CREDITS // 2 + 1))
        by_token = refused(per_token(1, 1, per=1), tokens(MAX_CREDITS, 1))

        assert (by_unit.field, str(by_unit)) == ("quantity", "The use is too large.")
        assert (by_token.field, str(by_token)) == ("input_tokens", "The use is too large.")


class TestWhichRateHolds:
    """`find_terms`: rates are given the latest first."""

    MAY = datetime(2026, 5, 1, tzinfo=UTC)
    OLD, NEW = fixed(10), replace(fixed(20), rate_id=2, effective_at=MAY)

    def test_a_rate_holds_from_its_instant_on(self) -> None:
        rates = [self.NEW, self.OLD]

        assert find_terms(rates, model="", at=self.MAY) is self.NEW
        assert find_terms(rates, model="", at=self.MAY.replace(month=4)) is self.OLD

    def test_before_the_first_rate_there_is_no_price(self) -> None:
        with pytest.raises(Invalid, match="no price at that time"):
            find_terms([self.NEW], model="", at=BEGINNING)

    def test_each_model_has_its_own(self) -> None:
        small, large = per_token(1, 2, model="small"), per_token(3, 4, model="large")

        assert find_terms([small, large], model="large", at=self.MAY) is large

    @pytest.mark.parametrize(("model", "sentence"), [("", "Name the model"), ("tiny", "no price for the model “tiny”")])
    def test_an_unknown_model_is_refused(self, model: str, sentence: str) -> None:
        with pytest.raises(Invalid, match=sentence):
            find_terms([per_token(1, 2)], model=model, at=self.MAY)


prices = st.integers(0, 10**7)
counts = st.integers(0, 10**6)
pers = st.integers(1, 2_147_483_647) | st.sampled_from([1, 1_000, 1_000_000])


@given(prices, prices, counts, counts, pers)
def test_tokens_cost_the_exact_sum_rounded_up(incoming: int, outgoing: int, sent: int, got: int, per: int) -> None:
    exact = Fraction(incoming * sent, per) + Fraction(outgoing * got, per)
    terms, measures = per_token(incoming, outgoing, per), tokens(sent, got)

    if ceil(exact) > MAX_CREDITS:
        assert str(refused(terms, measures)) == "The use is too large."
    else:
        paid = price(terms, measures)
        assert paid == ceil(exact)
        assert 0 <= paid - exact < 1


@given(prices, counts, pers)
def test_units_cost_the_exact_product_rounded_up(credits: int, quantity: int, per: int) -> None:
    exact = Fraction(credits * quantity, per)
    terms, measures = per_unit(credits, per), Measures(quantity=quantity)

    if ceil(exact) > MAX_CREDITS:
        assert str(refused(terms, measures)) == "The use is too large."
    else:
        assert price(terms, measures) == ceil(exact)


@given(st.integers(0, 10**5), st.integers(0, 10**5), counts, counts, counts, pers)
def test_more_tokens_never_cost_less(incoming: int, outgoing: int, sent: int, more: int, got: int, per: int) -> None:
    terms = per_token(incoming, outgoing, per)

    assert price(terms, tokens(sent, got)) <= price(terms, tokens(sent + more, got))


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-(10**6), 3 * 10**6))
def test_a_range_takes_exactly_what_lies_in_it(least: int, width: int, named: int) -> None:
    terms, measures = ranged(least, least + width), Measures(credits=named)

    if least <= named <= least + width:
        assert price(terms, measures) == named
    else:
        assert refused(terms, measures).field == "credits"
