"""Buying, as owners see it: what is on sale, what an order would do, and the way to the payment page and back."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.models import Promotion, Purchase
from billing.purchases.orders import CHECKOUT_LASTS
from organizations.models import Organization
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.shop import Shop, open_shop
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in

pytestmark = pytest.mark.django_db

BUY = "/o/acme/buy/"
REVIEW = "/o/acme/buy/review/"


@pytest.fixture
def shop() -> Shop:
    return open_shop("fluxori")


@pytest.fixture
def alices(shop: Shop) -> Client:
    return signed_in(shop.owner)


@pytest.fixture
def paying(settings: Any, sandbox: Payments) -> Payments:
    settings.STRIPE_SECRET_KEY = sandbox.key
    settings.PAYMENTS_SANDBOX_URL = sandbox.url
    return sandbox


@pytest.fixture
def without_a_key(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""


def text(response: Any) -> str:
    return str(response.content.decode())


def order(client: Client, *, url: str = REVIEW, **fields: Any) -> Any:
    return client.post(url, {"pack": "small", "method": "card", "form_token": str(uuid4()), **fields})


class TestWhatIsOnSale:
    def test_it_is_for_owners_alone(self, shop: Shop) -> None:
        assert_for_owners_alone(BUY, organization=shop.organization, owner=shop.owner)

    def test_packs_stand_side_by_side_with_what_a_thousand_credits_cost(self, alices: Client) -> None:
        page = text(alices.get(BUY))

        for expected in ["500 credits", "ZAR\N{NO-BREAK SPACE}1,620.00", "most popular", "10,000 credits"]:
            assert expected in page
        assert "ZAR\N{NO-BREAK SPACE}720.00 per 1,000 credits" in page

    def test_tokens_are_compared_by_the_million(self) -> None:
        shop = open_shop("enrich")
        shop.subscribe("team")

        page = text(signed_in(shop.owner).get(BUY))

        assert "€4.00 per 1,000,000 tokens" in page
        assert "€3.58 per 1,000,000 tokens" in page  # 3.571…, rounded up

    def test_lots_ask_how_many(self) -> None:
        page = text(signed_in(open_shop("growi").owner).get(BUY))

        assert 'max="100"' in page
        assert "¥10,000" in page

    def test_custom_amounts_say_their_bounds(self) -> None:
        shop = open_shop("skydeck")
        shop.subscribe("pro")

        page = text(signed_in(shop.owner).get(BUY))

        assert "From $1.00 to $100,000.00. $0.01 buys 0.01 credits." in page
        assert 'step="0.01"' in page

    @pytest.mark.usefixtures("without_a_key")
    def test_without_a_key_it_says_that_payments_are_not_set_up(self, alices: Client) -> None:
        assert "Card payments are not available yet." in text(alices.get(BUY))
        assert "Order and pay" not in text(alices.get(REVIEW, {"pack": "small"}))

    def test_on_a_free_plan_it_leads_to_the_plans(self) -> None:
        shop = open_shop("enrich")
        shop.subscribe("free")

        page = text(signed_in(shop.owner).get(BUY))

        assert "Choose a plan first." in page
        assert "/o/acme/plan/" in page
        assert "Starter" not in page

    @pytest.mark.parametrize("has_wallet", [True, False])
    def test_where_nothing_is_sold_it_says_so(self, has_wallet: bool) -> None:
        owner = factories.person("Dora")
        organization = factories.organization(owner, slug="dora")
        if has_wallet:
            factories.wallet(organization, factories.program())

        page = signed_in(owner).get("/o/dora/buy/")

        assert page.status_code == 200
        assert "No credits are available to buy" in text(page)

    def test_it_asks_as_few_questions_for_many_packs_as_for_one(
        self, shop: Shop, alices: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        alices.get(BUY)
        with django_assert_num_queries(12):
            alices.get(BUY)


class TestTheReview:
    def test_it_is_for_owners_alone(self, shop: Shop) -> None:
        bob = factories.person("Bob")
        factories.member(shop.organization, bob)

        for method in ("get", "post"):
            assert getattr(signed_in(bob), method)(REVIEW).status_code == 403
            assert getattr(signed_in(factories.person(f"C{method}")), method)(REVIEW).status_code == 404
            assert getattr(Client(), method)(REVIEW).status_code == 302
        assert not Purchase.objects.exists()

    def test_it_shows_price_balance_and_expiry_before_anything_is_ordered(self, alices: Client, shop: Shop) -> None:
        shop.give(40)

        page = text(alices.get(REVIEW, {"pack": "small"}))

        for expected in ["ZAR\N{NO-BREAK SPACE}450.00", "40 credits", "540 credits", "never"]:
            assert expected in page
        assert not Purchase.objects.exists()

    def test_a_code_shows_the_list_price_too(self, alices: Client, shop: Shop) -> None:
        Promotion.objects.create(program=shop.program, code="LESS", name="Less", percent_off=10)

        page = text(alices.get(REVIEW, {"pack": "small", "code": "less"}))

        assert "ZAR\N{NO-BREAK SPACE}405.00" in page
        assert "List price" in page

    def test_a_wrong_code_is_named_beside_the_price_without_it(self, alices: Client) -> None:
        response = alices.get(REVIEW, {"pack": "small", "code": "NOPE"})

        assert response.status_code == 409
        assert "The promotion code “NOPE” does not exist." in text(response)
        assert "ZAR\N{NO-BREAK SPACE}450.00" in text(response)

    def test_debt_is_said_to_be_paid_first(self, alices: Client, shop: Shop) -> None:
        shop.driver.void(shop.driver.grant(100), 100)
        shop.driver.grant(30)
        given = shop.driver.grant(100)
        shop.driver.spend(120)
        shop.driver.void(given, 100, rest_as_debt=True)

        page = text(alices.get(REVIEW, {"pack": "small"}))

        assert "Negative balance, covered first" in page
        assert "410 credits" in page

    @pytest.mark.parametrize(
        ("query", "status", "sentence"),
        [
            ({}, 422, "Choose a pack, or enter an amount."),
            ({"pack": "small", "amount": "90"}, 422, "Choose a pack, or enter an amount."),
            ({"pack": "none"}, 409, "This pack is not available."),
            ({"pack": "small", "lots": "2"}, 409, "The quantity must be from 1 to 1."),
            ({"pack": "small", "lots": "-1"}, 422, "greater than or equal to 1"),
            ({"pack": "small", "lots": "1.5"}, 422, "Enter a whole number."),
            ({"pack": "x" * 51}, 422, "at most 50 characters"),
            ({"pack": "a\0b"}, 422, "Null characters are not allowed."),
            ({"amount": "89.99"}, 409, "The amount must be from"),
            ({"amount": "90.005"}, 422, "Enter at most 2 decimals."),
            ({"amount": "91"}, 409, "The amount must be a multiple of"),
            ({"amount": "NaN"}, 422, "Enter a number."),
            ({"amount": "1e400"}, 422, "no more than 12 digits"),
            ({"amount": "1" * 300}, 422, "no more than 12 digits"),
            ({"amount": "<script>"}, 422, "Enter a number."),
            ({"pack": "small", "code": "x" * 101}, 422, "at most 100 characters"),
        ],
    )
    def test_nonsense_is_refused_with_a_sentence(
        self, alices: Client, query: dict[str, str], status: int, sentence: str
    ) -> None:
        for response in (alices.get(REVIEW, query), order(alices, **{"pack": "", **query})):
            assert response.status_code in {status, 409, 422}
            assert sentence in text(response)
        assert not Purchase.objects.exists()

    def test_yen_have_no_decimals(self) -> None:
        assert "This currency has no decimals" in text(
            signed_in(open_shop("growi").owner).get(REVIEW, {"amount": "0.5"})
        )

    def test_above_the_holding_limit_it_says_the_numbers(self) -> None:
        shop = open_shop("growi")
        shop.give(490_000)

        response = signed_in(shop.owner).get(REVIEW, {"pack": "lot", "lots": "3"})

        assert response.status_code == 409
        assert "so you can buy up to 10,000 more." in text(response)

    def test_what_is_missing_for_each_way_to_pay_is_said_where_it_is_put_right(self, paying: Payments) -> None:
        page = text(signed_in(open_shop("allibee").owner).get(REVIEW, {"pack": "small"}))

        assert "Add a payment method first." in page
        assert "/o/acme/payment-methods/" in page
        assert "Complete the billing details." in page
        assert "/o/acme/billing-details/" in page
        assert "Order and pay" not in page


class TestOrdering:
    def test_leads_to_the_payment_page_and_back_to_paid(self, alices: Client, shop: Shop, paying: Payments) -> None:
        answer = order(alices)
        assert answer.status_code == 302
        assert answer["Location"].startswith(paying.url)

        done = paying.pay(answer["Location"])
        address = "/" + done.headers["location"].split("/", 3)[3]
        page = text(alices.get(address))

        assert "Payment received, credits added" in page
        assert "+500" in page
        assert shop.balance() == 500

    def test_twice_with_one_form_is_one_order_and_one_page(self, alices: Client, paying: Payments) -> None:
        token = str(uuid4())

        first, second = order(alices, form_token=token), order(alices, form_token=token)

        assert first["Location"] == second["Location"]
        assert Purchase.objects.count() == 1

    def test_from_two_tabs_is_two_orders(self, alices: Client, paying: Payments) -> None:
        assert order(alices)["Location"] != order(alices)["Location"]

    def test_the_form_of_an_order_that_is_paid_leads_to_it(self, alices: Client, paying: Payments) -> None:
        token = str(uuid4())
        paying.pay(order(alices, form_token=token)["Location"])
        reference = Purchase.objects.get().reference
        alices.get(f"/o/acme/purchases/{reference}/return/")

        assert order(alices, form_token=token)["Location"] == f"/o/acme/purchases/{reference}/"

    def test_that_of_one_that_is_over_too(self, alices: Client, paying: Payments) -> None:
        token = str(uuid4())
        order(alices, form_token=token)
        Purchase.objects.update(expires_at=Purchase.objects.get().created_at - CHECKOUT_LASTS)

        assert order(alices, form_token=token)["Location"].startswith("/o/acme/purchases/")

    @pytest.mark.parametrize("token", ["", "x", "1" * 300, "a\0"])
    def test_without_a_token_of_ours_nothing_is_ordered(self, alices: Client, token: str) -> None:
        assert order(alices, form_token=token).status_code == 422
        assert not Purchase.objects.exists()

    @pytest.mark.usefixtures("without_a_key")
    def test_without_a_key_a_card_order_is_refused_and_nothing_is_kept(self, alices: Client) -> None:
        response = order(alices)

        assert response.status_code == 409
        assert "Card payments are not available yet." in text(response)
        assert not Purchase.objects.exists()

    @pytest.mark.usefixtures("without_a_key")
    def test_with_nothing_to_pay_brings_the_credits_at_once(self, alices: Client, shop: Shop) -> None:
        Promotion.objects.create(program=shop.program, code="ALL", name="All", percent_off=100)

        response = order(alices, code="ALL")

        assert "Payment received, credits added" in text(alices.get(response["Location"]))
        assert shop.balance() == 500

    def test_by_bank_transfer_leads_to_the_order(self, shop: Shop) -> None:
        korean = open_shop("allibee", slug="haneul", owner=factories.person("Jiwoo"))
        korean.fill_in_details()
        url = "/o/haneul/buy/review/"

        response = order(signed_in(korean.owner), url=url, method="bank_transfer")

        placed = Purchase.objects.get()
        assert response["Location"] == f"/o/haneul/purchases/{placed.reference}/"
        assert (placed.state, placed.method) == ("open", "bank_transfer")

    def test_a_silent_payment_service_keeps_the_order_and_says_so(
        self, alices: Client, paying: Payments, settings: Any
    ) -> None:
        settings.PAYMENTS_SANDBOX_URL = "http://127.0.0.1:9"  # nobody listens there

        response = alices.post(REVIEW, {"pack": "small", "method": "card", "form_token": str(uuid4())}, follow=True)

        assert "The payment page did not respond. Your order is saved." in text(response)
        assert Purchase.objects.get().state == "pending"

    def test_a_method_that_does_not_exist_is_refused(self, alices: Client) -> None:
        assert order(alices, method="auto_recharge").status_code == 422

    def test_the_organization_of_the_address_buys_and_no_other(self, alices: Client, paying: Payments) -> None:
        other = open_shop("fluxori", slug="globex", owner=factories.person("Dora"))

        assert order(alices, url="/o/globex/buy/review/").status_code == 404
        order(alices, organization=str(other.organization.pk))
        assert Purchase.objects.get().organization == Organization.objects.get(slug="acme")

    def test_it_needs_the_forms_own_protection(self, shop: Shop) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(shop.owner)

        assert order(strict).status_code == 403
