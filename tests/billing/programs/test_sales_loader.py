"""What a load of a program writes into the catalogue, and that the catalogue follows the file without losing a row."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billing.models import (
    CustomAmount,
    Pack,
    PackPrice,
    Plan,
    PlanPrice,
    ProgramCurrency,
    Promotion,
    SaleTerms,
)
from billing.programs.files import BrokenProgram, find_file, shipped_programs
from billing.programs.loader import Loaded, load_program
from billing.programs.terms import read_program
from credits.models import Program
from organizations.models import AuditEvent
from tests.support.billing.programs import SELLING, SMALL

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CATALOGUE = (ProgramCurrency, SaleTerms, Pack, PackPrice, CustomAmount, Plan, PlanPrice, Promotion)

TWO_PACKS = (
    SELLING
    + """
[[packs]]
key = "big"
name = "Big"
credits = "2.50"
prices = { EUR = "20.00" }
most_popular = true
lots = { least = 2, most = 9 }
"""
)
PROMOTIONS = """
[[promotions]]
code = "WELCOME"
name = "Welcome"
credits = "0.50"
validity_days = 30

[[promotions]]
code = "TENTH"
name = "A tenth off"
percent_off = 10
starts_at = 2026-04-01T00:00:00Z
ends_at = 2026-05-01T00:00:00Z
most_uses = 100
"""


def load(folder: Path, text: str = SMALL + TWO_PACKS) -> Loaded:
    path = folder / "small.toml"
    path.write_text(text)
    return load_program(read_program(path), now=NOW)


def everything() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in (*CATALOGUE, AuditEvent)]


def shipped(name: str) -> Program:
    load_program(read_program(find_file(name)), now=NOW)
    return Program.objects.get(key=name)


class TestTheFirstLoad:
    def test_writes_packs_in_smallest_units_with_their_lots(self, tmp_path: Path) -> None:
        load(tmp_path)

        pack, big = Pack.objects.order_by("position")
        assert (pack.key, pack.credits, pack.least_lots, pack.most_lots, pack.is_most_popular) == (
            "pack",
            10_000,
            1,
            1,
            False,
        )
        assert (big.name, big.credits, big.least_lots, big.most_lots, big.is_most_popular) == ("Big", 250, 2, 9, True)
        assert list(big.prices.values_list("currency", "amount_minor")) == [("EUR", 2_000)]

    def test_writes_promotions_of_both_kinds(self, tmp_path: Path) -> None:
        load(tmp_path, SMALL + PROMOTIONS)

        welcome, tenth = Promotion.objects.order_by("pk")
        assert (welcome.credits, welcome.percent_off, welcome.validity_days) == (50, None, 30)
        assert (tenth.credits, tenth.percent_off, tenth.most_uses) == (None, 10, 100)
        assert tenth.starts_at == datetime(2026, 4, 1, tzinfo=UTC)
        assert tenth.ends_at == datetime(2026, 5, 1, tzinfo=UTC)

    def test_leaves_an_audit_event_for_each_row_and_price(self, tmp_path: Path) -> None:
        load(tmp_path)

        recorded = AuditEvent.objects.filter(action__regex=r"^(pack|sale_terms|currency)\.").values_list(
            "action", "target"
        )
        assert sorted(recorded) == [
            ("currency.created", "small/EUR"),
            ("pack.created", "small/big"),
            ("pack.created", "small/pack"),
            ("pack.priced", "small/big"),
            ("pack.priced", "small/pack"),
            ("sale_terms.created", "small"),
        ]

    def test_of_a_program_that_sells_nothing_writes_no_terms_of_sale(self, tmp_path: Path) -> None:
        load(tmp_path, SMALL)

        assert not SaleTerms.objects.exists()
        assert not Pack.objects.exists()


class TestTheFivePrograms:
    def test_growi_sells_lots_in_yen_and_offers_link(self) -> None:
        program = shipped("growi")

        lot = program.packs.get()
        assert (lot.credits, lot.least_lots, lot.most_lots) == (5_000, 1, 100)
        assert lot.prices.get().amount_minor == 10_000  # yen have no minor unit
        assert program.sale_terms.offers_link
        assert program.holding_limit == 500_000

    def test_allibee_takes_bank_transfers_with_a_tax_invoice_and_needs_a_method_on_file(self) -> None:
        terms = shipped("allibee").sale_terms

        assert terms.takes_bank_transfer
        assert terms.gives_tax_invoice
        assert terms.needs_payment_method
        assert terms.invoiced_allowance_is_bank_transfer

    def test_fluxori_sells_packs_and_custom_amounts_in_rand_and_dollars(self) -> None:
        program = shipped("fluxori")

        assert list(program.currencies.order_by("pk").values_list("code", "countries")) == [
            ("ZAR", ["ZA"]),
            ("USD", []),
        ]
        assert program.packs.get(key="large").prices.get(currency="ZAR").amount_minor == 720_000
        rand = program.custom_amounts.get(currency="ZAR")
        assert (rand.least_minor, rand.most_minor, rand.step_minor, rand.credits_per_step) == (
            9_000,
            9_000_000,
            900,
            10,
        )
        terms = program.sale_terms
        assert (terms.reference_prefix, program.low_balance, terms.purchase_refunds) == ("FLX", 100, "through_support")
        assert (terms.referrer_credits, terms.referred_credits, terms.referral_days) == (200, 100, 90)

    def test_skydeck_sells_any_amount_to_paid_plans_to_the_cent(self) -> None:
        program = shipped("skydeck")

        amount = program.custom_amounts.get()
        assert (amount.least_minor, amount.most_minor, amount.step_minor) == (100, 10_000_000, 1)
        assert amount.credits_per_step == 10_000  # a cent is 0.01 credits of 1,000,000 smallest units
        assert program.sale_terms.buyers == "on_paid_plan"
        assert program.sale_terms.confirmation.startswith("Your payment is confirmed")
        assert not program.packs.exists()

    def test_enrich_offers_auto_recharge_and_uses_the_plan_first(self) -> None:
        program = shipped("enrich")

        terms = program.sale_terms
        assert (terms.recharge_pack, terms.recharge_threshold) == (Pack.objects.get(key="standard"), 500_000)
        assert program.currencies.get().recharge_monthly_limit_minor == 5_000
        assert terms.allowance_priority == 10
        assert list(program.plans.order_by("position").values_list("key", "allowance")) == [
            ("free", 50_000),
            ("team", 3_000_000),
            ("business", 12_000_000),
        ]

    @pytest.mark.parametrize("name", shipped_programs())
    def test_a_second_load_writes_nothing(self, name: str) -> None:
        shipped(name)
        before = everything()

        again = load_program(read_program(find_file(name)), now=NOW)

        assert (again.changes, again.kept) == ([], [])
        assert everything() == before


class TestALaterLoad:
    def test_changes_a_price_and_says_from_what_to_what(self, tmp_path: Path) -> None:
        load(tmp_path)

        (change,) = load(tmp_path, (SMALL + TWO_PACKS).replace('EUR = "10.00"', 'EUR = "12.00"')).changes

        assert (change.action, change.target) == ("pack.priced", "small/pack")
        assert change.details == {"EUR": {"before": 1_000, "after": 1_200}}
        assert PackPrice.objects.get(pack__key="pack").amount_minor == 1_200

    def test_withdraws_a_pack_that_is_no_longer_named_and_sells_it_again_when_it_is(self, tmp_path: Path) -> None:
        load(tmp_path)
        big = Pack.objects.get(key="big")

        (change,) = load(tmp_path, SMALL + SELLING).changes
        big.refresh_from_db()
        assert (change.action, big.is_sold) == ("pack.withdrawn", False)
        assert load(tmp_path, SMALL + SELLING).changes == []

        load(tmp_path)
        big.refresh_from_db()
        assert big.is_sold

    def test_keeps_promotions_of_the_staff_and_their_bounds(self, tmp_path: Path) -> None:
        load(tmp_path, SMALL + PROMOTIONS)
        program = Program.objects.get()
        Promotion.objects.create(program=program, code="spring", name="Spring", percent_off=5)
        Promotion.objects.filter(code="WELCOME").update(ends_at=NOW)

        again = load(tmp_path, SMALL + PROMOTIONS)

        assert (again.changes, again.kept) == ([], ["promotion spring"])
        assert Promotion.objects.get(code="WELCOME").ends_at == NOW

    def test_forgets_stripes_price_of_a_plan_that_costs_something_else(self, tmp_path: Path) -> None:
        plan = '[[plans]]\nkey = "team"\nname = "Team"\ninterval = "month"\nprices = { EUR = "9.00" }\n'
        load(tmp_path, SMALL + plan)
        PlanPrice.objects.update(stripe_price_id="price_1")

        load(tmp_path, SMALL + plan)
        assert PlanPrice.objects.get().stripe_price_id == "price_1"

        load(tmp_path, SMALL + plan.replace("9.00", "10.00"))
        assert PlanPrice.objects.get().stripe_price_id == ""

    def test_sells_in_no_currency_that_it_left(self, tmp_path: Path) -> None:
        two = SMALL.replace('code = "EUR"', 'code = "EUR"\n\n[[currencies]]\ncode = "CHF"\ncountries = ["CH"]')
        load(tmp_path, two)

        (change,) = load(tmp_path, SMALL).changes

        assert change.action == "currency.withdrawn"
        assert list(ProgramCurrency.objects.values_list("code", flat=True)) == ["EUR"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('code = "BOTH"\nname = "x"\ncredits = 1\npercent_off = 5', "either credits or percent_off"),
        ('code = "NONE"\nname = "x"', "either credits or percent_off"),
        ('code = "MUCH"\nname = "x"\npercent_off = 101', "from 1 to 100"),
        ('code = "DAYS"\nname = "x"\npercent_off = 5\nvalidity_days = 3', "only credits expire"),
        (
            'code="D1"\nname = "x"\npercent_off = 5\nstarts_at = 2026-05-01T00:00:00Z\nends_at = 2026-04-30T00:00:00Z',
            "later than starts_at",
        ),
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused(tmp_path: Path, lines: str, problem: str) -> None:
    with pytest.raises(BrokenProgram, match=problem):
        load(tmp_path, f"{SMALL}\n[[promotions]]\n{lines}\n")
