"""The five programs that ship: every cell of the table of terms, in the file and, where it has a model, in its row."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.programs.files import SHIPPED, Problems, find_file, read_tables, shipped_programs
from billing.programs.loader import BEGINNING, load_program
from billing.programs.terms import read_program
from credits.models import Program
from usage.models import Feature, Rate

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def load(name: str) -> Program:
    load_program(read_program(find_file(name)), now=NOW)
    return Program.objects.get(key=name)


def tables(name: str) -> dict[str, Any]:
    problems = Problems(name)
    read = read_tables(find_file(name), problems)
    assert problems.sentences == []
    return read


def rates(program: Program) -> dict[str, Rate]:
    return {rate.feature.name: rate for rate in Rate.objects.filter(feature__program=program).select_related("feature")}


def test_five_programs_ship() -> None:
    assert shipped_programs() == ["allibee", "enrich", "fluxori", "growi", "skydeck"]


@pytest.mark.parametrize("name", shipped_programs())
class TestEveryProgram:
    def test_marks_what_it_assumes(self, name: str) -> None:
        assert "# Assumption: " in (SHIPPED / f"{name}.toml").read_text()

    @pytest.mark.django_db
    def test_loads_and_prices_usage_of_long_ago(self, name: str) -> None:
        program = load(name)

        assert program.features.exists()
        assert not Feature.objects.filter(program=program, rates=None).exists()
        assert set(Rate.objects.filter(feature__program=program).values_list("effective_at", flat=True)) == {BEGINNING}

    @pytest.mark.django_db
    def test_loads_again_and_changes_nothing(self, name: str) -> None:
        load(name)

        again = load_program(read_program(find_file(name)), now=NOW.replace(year=2027))
        assert (again.changes, again.kept) == ([], [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "unit", "decimals", "validity_days", "at_zero", "has_holding_limit"),
    [
        ("growi", "credits", 0, None, "switch_off", True),
        ("allibee", "credits", 0, 360, "refuse", False),
        ("fluxori", "credits", 0, None, "refuse", False),
        ("skydeck", "credits", 6, None, "refuse", False),
        ("enrich", "tokens", 0, None, "refuse", False),
    ],
)
def test_the_programs_row(
    name: str, unit: str, decimals: int, validity_days: int | None, at_zero: str, has_holding_limit: bool
) -> None:
    program = load(name)

    assert (program.unit, program.decimals, program.validity_days, program.at_zero) == (
        unit,
        decimals,
        validity_days,
        at_zero,
    )
    assert (program.holding_limit is not None) == has_holding_limit
    assert (program.overdraft_limit, program.reservation_seconds) == (0, 900)


@pytest.mark.parametrize(
    ("name", "currencies", "organizations", "on_file", "methods", "purchases", "packs", "customs"),
    [
        ("growi", {"JPY": []}, "any", False, {"saved_card", "new_card", "link"}, "never", 1, 0),
        ("allibee", {"KRW": []}, "any", True, {"saved_card", "new_card", "bank_transfer"}, "never", 4, 0),
        (
            "fluxori",
            {"ZAR": ["ZA"], "USD": []},
            "any",
            False,
            {"saved_card", "new_card"},
            "through_support",
            3,
            2,
        ),
        ("skydeck", {"USD": []}, "on_paid_plan", False, {"saved_card", "new_card"}, "never", 0, 1),
        ("enrich", {"EUR": []}, "on_paid_plan", False, {"saved_card", "new_card"}, "never", 4, 0),
    ],
)
def test_the_terms_of_sale(
    name: str,
    currencies: dict[str, list[str]],
    organizations: str,
    on_file: bool,
    methods: set[str],
    purchases: str,
    packs: int,
    customs: int,
) -> None:
    file = tables(name)
    buying = file["buying"]

    assert {currency.code: currency.countries for currency in file["currencies"]} == currencies
    assert (buying.organizations, buying.people, buying.payment_method_on_file) == (organizations, "owners", on_file)
    assert set(buying.methods) == methods
    assert (file["refunds"].purchases, file["refunds"].plan_credits) == (purchases, "never")
    assert (len(file["packs"]), len(file["custom_amounts"])) == (packs, customs)


class TestGrowi:
    def test_lots_of_5000_credits_at_10000_yen_from_one_on(self) -> None:
        (lot,) = tables("growi")["packs"]

        assert (lot.credits, lot.prices, lot.lots.least) == (5_000, {"JPY": "10000"}, 1)

    def test_the_holding_limit_says_which_law_asks_for_it(self) -> None:
        assert "Fund Settlement Act" in tables("growi")["holding_limit"].law

    def test_plans_bring_no_credits(self) -> None:
        file = tables("growi")

        assert file["allowance"] is None
        assert file["plans"]
        assert all(plan.allowance is None for plan in file["plans"])

    @pytest.mark.django_db
    def test_every_feature_has_one_price(self) -> None:
        assert {rate.pricing for rate in rates(load("growi")).values()} == {"fixed"}


class TestAllibee:
    def test_bank_transfers_get_a_tax_invoice(self) -> None:
        assert tables("allibee")["buying"].tax_invoice

    def test_the_plans_credits_of_invoiced_customers_come_as_bank_transfer(self) -> None:
        file = tables("allibee")

        assert (file["allowance"].source, file["allowance"].source_if_invoiced) == ("plan", "bank_transfer")
        assert all(plan.allowance and plan.interval == "month" for plan in file["plans"])

    def test_the_dashboard_and_the_reports(self) -> None:
        file = tables("allibee")

        assert (file["dashboard"].used_this_month, file["dashboard"].expiring_within_days) == (True, 14)
        assert (file["reports"].through, file["reports"].by) == ("yesterday", ["service", "user"])
        assert file["reports"].user_detail == "feature"

    @pytest.mark.django_db
    def test_every_feature_has_one_price(self) -> None:
        assert {rate.pricing for rate in rates(load("allibee")).values()} == {"fixed"}


class TestFluxori:
    @pytest.mark.django_db
    def test_what_work_costs(self) -> None:
        found = rates(load("fluxori"))

        assert {name: rate.credits for name, rate in found.items() if rate.pricing == "fixed"} == {
            "Daily Market Trend Report": 50,
            "Product Pricing Recommendation": 15,
            "Inventory Restock Prediction": 25,
            "Bulk Pricing Optimization": 100,
            "Competitor Analysis": 75,
        }
        query = found["Custom AI Query"]
        assert (query.pricing, query.min_credits, query.max_credits) == ("range", 10, 50)
        assert len(found) == 6

    def test_the_allowance_expires_with_the_billing_cycle(self) -> None:
        file = tables("fluxori")

        assert (file["allowance"].source, file["allowance"].expires) == ("plan", "end_of_cycle")
        assert all(plan.allowance and plan.interval == "month" for plan in file["plans"])

    def test_limits_alert_reports_and_reference(self) -> None:
        file = tables("fluxori")

        assert file["limits"].scopes == ["organization", "team", "user"]
        assert file["limits"].thresholds_percent == [50, 75, 90]
        assert file["notices"].low_balance
        assert (file["reports"].by, file["reports"].export) == (["team", "user", "feature"], True)
        assert file["buying"].reference_prefix

    def test_referrals_and_promotions(self) -> None:
        file = tables("fluxori")

        assert file["referral"].referrer_credits
        assert file["referral"].referred_credits
        assert file["promotions"]


class TestSkydeck:
    def test_any_amount_from_1_to_100000_dollars_at_a_credit_a_dollar(self) -> None:
        (custom,) = tables("skydeck")["custom_amounts"]

        assert (custom.currency, custom.least, custom.most) == ("USD", "1.00", "100000.00")
        assert custom.step == custom.credits_per_step

    def test_no_plan_brings_credits_and_one_at_least_is_paid(self) -> None:
        file = tables("skydeck")

        assert file["allowance"] is None
        assert any(plan.prices["USD"] != "0.00" for plan in file["plans"])

    def test_a_purchase_is_confirmed(self) -> None:
        assert tables("skydeck")["buying"].confirmation

    @pytest.mark.django_db
    def test_tokens_are_priced_by_model_input_and_output_apart(self) -> None:
        program = load("skydeck")

        found = Rate.objects.filter(feature__program=program)
        assert set(found.values_list("pricing", flat=True)) == {"per_token"}
        assert found.count() == found.values("model").distinct().count() == 7
        small = found.get(feature__key="code-completion", model="code-small")
        # 0.25 and 1.00 credits per million tokens, in millionths of a credit.
        assert (small.input_credits, small.output_credits, small.per) == (250_000, 1_000_000, 1_000_000)
        chats = found.filter(feature__key="chat").values_list("input_credits", "output_credits")
        assert len(set(chats)) == 3
        assert all(incoming and outgoing and incoming < outgoing for incoming, outgoing in chats)


class TestEnrich:
    def test_the_packs(self) -> None:
        packs = {pack.name: pack for pack in tables("enrich")["packs"]}

        assert {name: (pack.credits, pack.prices["EUR"]) for name, pack in packs.items()} == {
            "Starter": (1_000_000, "5.00"),
            "Standard": (2_500_000, "10.00"),
            "Plus": (7_000_000, "25.00"),
            "Pro": (15_000_000, "50.00"),
        }
        assert [name for name, pack in packs.items() if pack.most_popular] == ["Standard"]

    def test_the_allowance_is_used_first(self) -> None:
        file = tables("enrich")

        assert file["allowance"].priority < 50
        assert all(plan.allowance and plan.interval == "month" for plan in file["plans"])

    def test_auto_recharge_has_a_pack_a_threshold_and_a_limit_of_50_euros(self) -> None:
        recharge = tables("enrich")["auto_recharge"]

        assert (recharge.pack, recharge.monthly_limit) == ("standard", {"EUR": "50.00"})
        assert recharge.threshold > 0

    def test_failed_operations_give_back_and_transactions_name_their_project(self) -> None:
        file = tables("enrich")

        assert file["refunds"].returns_failed_operations
        assert file["history"].shows == ["amount", "type", "time", "project", "session"]

    @pytest.mark.django_db
    def test_a_token_of_work_is_a_token_by_operation(self) -> None:
        found = rates(load("enrich"))

        assert {"Enrichment", "Hygiene"} <= set(found)
        assert {(rate.pricing, rate.credits, rate.per) for rate in found.values()} == {("per_unit", 1, 1)}


def test_only_enrich_recharges_by_itself() -> None:
    assert [name for name in shipped_programs() if tables(name)["auto_recharge"]] == ["enrich"]
