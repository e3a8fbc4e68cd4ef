"""What a choice from the catalogue costs and brings, in each program's own way."""

from datetime import timedelta

import pytest

from billing.models import CustomAmount, PackPrice, ProgramCurrency, Promotion
from billing.purchases.promotions import PromotionRefused
from billing.purchases.quotes import CustomChoice, NotForSale, PackChoice, Quote, currency_for, quote
from organizations.models import Organization
from tests.support import factories
from tests.support.billing.shop import NOW, Shop, open_shop

pytestmark = pytest.mark.django_db


def ask(shop: Shop, choice: PackChoice | CustomChoice, code: str = "") -> Quote:
    return quote(shop.organization, choice, promotion_code=code, now=NOW)


class TestPacks:
    def test_a_lot_costs_ten_thousand_yen_and_ten_cost_ten_times_as_much(self) -> None:
        quoted = ask(open_shop("growi"), PackChoice("lot", 10))

        assert (quoted.amount_minor, quoted.currency, quoted.credits) == (100_000, "JPY", 50_000)
        assert quoted.name == "10 × 5,000 credits"

    def test_a_pack_costs_what_its_currency_says(self) -> None:
        quoted = ask(open_shop("fluxori"), PackChoice("large"))

        assert (quoted.amount_minor, quoted.currency, quoted.credits) == (720_000, "ZAR", 10_000)

    def test_won_have_no_minor_unit_and_credits_expire(self) -> None:
        quoted = ask(open_shop("allibee"), PackChoice("small"))

        assert (quoted.amount_minor, quoted.currency, quoted.validity_days) == (11_000, "KRW", 360)

    @pytest.mark.parametrize("lots", [0, -1, 101, 10**9])
    def test_lots_outside_the_bounds_are_refused_with_the_bounds(self, lots: int) -> None:
        with pytest.raises(NotForSale, match="from 1 to 100"):
            ask(open_shop("growi"), PackChoice("lot", lots))

    def test_a_pack_that_is_sold_one_by_one_has_no_lots(self) -> None:
        with pytest.raises(NotForSale, match="from 1 to 1"):
            ask(open_shop("fluxori"), PackChoice("small", 2))

    def test_a_withdrawn_pack_is_not_on_sale(self) -> None:
        shop = open_shop("fluxori")
        shop.program.packs.filter(key="small").update(is_sold=False)

        with pytest.raises(NotForSale, match="is not available"):
            ask(shop, PackChoice("small"))

    def test_nor_is_that_of_another_program(self) -> None:
        shop = open_shop("fluxori")
        open_shop("enrich", slug="globex", owner=factories.person("Dora"))

        with pytest.raises(NotForSale, match="is not available"):
            ask(shop, PackChoice("starter"))

    def test_nor_is_one_without_a_price_in_the_currency(self) -> None:
        shop = open_shop("fluxori")
        PackPrice.objects.filter(pack__key="small", currency="ZAR").delete()

        with pytest.raises(NotForSale, match="is not available"):
            ask(shop, PackChoice("small"))

    def test_more_credits_than_the_ledger_holds_are_refused_before_the_database_does(self) -> None:
        shop = open_shop("growi")
        shop.program.packs.update(credits=10**12)

        with pytest.raises(NotForSale, match="the maximum for one order"):
            ask(shop, PackChoice("lot", 2))


class TestCustomAmounts:
    @pytest.mark.parametrize(
        ("amount_minor", "credits"), [(100, 1_000_000), (10_000_000, 100_000_000_000), (101, 1_010_000)]
    )
    def test_a_dollar_is_a_credit_to_the_cent(self, amount_minor: int, credits: int) -> None:
        quoted = ask(open_shop("skydeck"), CustomChoice(amount_minor))

        assert (quoted.amount_minor, quoted.credits, quoted.currency) == (amount_minor, credits, "USD")

    @pytest.mark.parametrize("amount_minor", [99, 0, -100, 10_000_001])
    def test_amounts_outside_the_bounds_are_refused_with_the_bounds(self, amount_minor: int) -> None:
        with pytest.raises(NotForSale, match=r"from \$1\.00 to \$100,000\.00"):
            ask(open_shop("skydeck"), CustomChoice(amount_minor))

    def test_an_amount_that_buys_no_whole_credits_is_refused_with_the_step(self) -> None:
        with pytest.raises(NotForSale, match=r"multiple of ZAR.9\.00"):
            ask(open_shop("fluxori"), CustomChoice(9_100))

    def test_it_is_called_by_its_credits_in_the_organizations_language(self) -> None:
        assert ask(open_shop("fluxori"), CustomChoice(90_000)).name == "1,000 credits"

    def test_a_program_without_them_sells_none(self) -> None:
        with pytest.raises(NotForSale, match="Custom amounts are not available"):
            ask(open_shop("growi"), CustomChoice(10_000))

    def test_withdrawn_ones_are_not_on_sale(self) -> None:
        shop = open_shop("skydeck")
        CustomAmount.objects.update(is_sold=False)

        with pytest.raises(NotForSale, match="Custom amounts are not available"):
            ask(shop, CustomChoice(100))


class TestCurrencies:
    @pytest.mark.parametrize(("country", "currency"), [("ZA", "ZAR"), ("US", "USD"), ("JP", "USD")])
    def test_rand_in_south_africa_and_dollars_elsewhere(self, country: str, currency: str) -> None:
        shop = open_shop("fluxori")
        Organization.objects.update(country=country)
        shop.organization.refresh_from_db()

        assert currency_for(shop.program, shop.organization) == currency

    def test_a_country_without_a_currency_is_refused_with_a_message(self) -> None:
        shop = open_shop("fluxori")
        ProgramCurrency.objects.filter(code="ZAR").delete()
        ProgramCurrency.objects.filter(code="USD").update(countries=["US"])

        with pytest.raises(NotForSale, match="your organization's country"):
            ask(shop, PackChoice("small"))


class TestPercentages:
    def promote(self, shop: Shop, percent: int, **terms: object) -> None:
        Promotion.objects.create(program=shop.program, code="LESS", name="Less", percent_off=percent, **terms)

    def test_a_percentage_is_taken_off_the_price_and_not_off_the_credits(self) -> None:
        shop = open_shop("fluxori")
        self.promote(shop, 15)

        quoted = ask(shop, PackChoice("small"), " less ")

        assert (quoted.list_amount_minor, quoted.amount_minor, quoted.credits) == (45_000, 38_250, 500)

    def test_what_is_left_of_a_yen_is_not_charged(self) -> None:
        shop = open_shop("growi")
        shop.program.packs.get().prices.update(amount_minor=9_999)
        self.promote(shop, 33)

        assert ask(shop, PackChoice("lot"), "LESS").amount_minor == 6_699  # 6,699.33

    def test_of_a_hundred_percent_nothing_is_left_to_pay(self) -> None:
        shop = open_shop("enrich")
        self.promote(shop, 100)

        assert ask(shop, PackChoice("starter"), "LESS").amount_minor == 0

    def test_before_and_after_its_dates_it_is_refused(self) -> None:
        shop = open_shop("fluxori")
        self.promote(shop, 10, starts_at=NOW, ends_at=NOW + timedelta(days=1))

        for instant, sentence in [
            (NOW - timedelta(microseconds=1), "not started"),
            (NOW + timedelta(days=1), "has ended"),
        ]:
            with pytest.raises(PromotionRefused, match=sentence):
                quote(shop.organization, PackChoice("small"), promotion_code="LESS", now=instant)
        assert quote(shop.organization, PackChoice("small"), promotion_code="LESS", now=NOW).promotion_id

    def test_a_code_that_brings_credits_is_not_for_a_purchase(self) -> None:
        with pytest.raises(PromotionRefused, match="adds credits without a purchase"):
            ask(open_shop("fluxori"), PackChoice("small"), "WELCOME")

    @pytest.mark.parametrize("code", ["NOPE", "x" * 500, "'; --"])
    def test_a_code_that_does_not_exist_is_refused(self, code: str) -> None:
        with pytest.raises(PromotionRefused, match="does not exist"):
            ask(open_shop("fluxori"), PackChoice("small"), code)

    def test_nor_does_that_of_another_program(self) -> None:
        shop = open_shop("fluxori")
        other = open_shop("enrich", slug="globex", owner=factories.person("Dora"))
        self.promote(other, 10)

        with pytest.raises(PromotionRefused, match="does not exist"):
            ask(shop, PackChoice("small"), "LESS")
