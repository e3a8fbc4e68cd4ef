"""After the payment page: what owners see on coming back, and on their dashboard."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.models import Purchase
from tests.billing.views.test_buy import BUY, alices, order, paying, shop, text, without_a_key
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.shop import Shop, open_shop
from tests.support.pages.owner_pages import signed_in

__all__ = ["alices", "paying", "shop", "without_a_key"]

pytestmark = pytest.mark.django_db


class TestComingBack:
    def test_it_settles_and_reloads_until_the_result_is_final(
        self, alices: Client, shop: Shop, paying: Payments
    ) -> None:
        order(alices)
        placed = Purchase.objects.get()
        url = f"/o/acme/purchases/{placed.reference}/return/"

        waiting = alices.get(url)
        assert "Not paid yet" in text(waiting)
        assert waiting["Refresh"] == "5"

        paying.pay(placed.checkout_url)
        paid = alices.get(url)
        assert "Payment received, credits added" in text(paid)
        assert not paid.has_header("Refresh")

    def test_it_stops_looking_by_itself_after_a_while(self, alices: Client, paying: Payments) -> None:
        order(alices)
        placed = Purchase.objects.get()
        Purchase.objects.update(created_at=placed.created_at - timedelta(minutes=20))

        assert not alices.get(f"/o/acme/purchases/{placed.reference}/return/").has_header("Refresh")

    def test_a_declined_card_is_named(self, alices: Client, paying: Payments) -> None:
        order(alices)
        placed = Purchase.objects.get()
        paying.pay(placed.checkout_url, "4000000000000002")

        page = text(alices.get(f"/o/acme/purchases/{placed.reference}/return/"))

        assert "declined" in page
        assert "Pay now" in page

    def test_a_delayed_method_is_on_its_way(self, paying: Payments) -> None:
        japanese = open_shop("growi", slug="wakaba", owner=factories.person("Hana"))
        hanas = signed_in(japanese.owner)
        order(hanas, url="/o/wakaba/buy/review/", pack="lot")
        placed = Purchase.objects.get()
        paying.pay(placed.checkout_url, method="konbini")

        assert "Your payment is processing" in text(hanas.get(f"/o/wakaba/purchases/{placed.reference}/return/"))

    def test_the_programs_own_words_confirm_it(self, paying: Payments) -> None:
        shop = open_shop("skydeck", slug="juniper", owner=factories.person("Maya"))
        shop.subscribe("pro")
        mayas = signed_in(shop.owner)
        order(mayas, url="/o/juniper/buy/review/", pack="", amount="25.00")
        placed = Purchase.objects.get()
        paying.pay(placed.checkout_url)

        page = text(mayas.get(f"/o/juniper/purchases/{placed.reference}/return/"))

        assert "Your payment is confirmed and the credits are in your balance." in page
        assert "+25.00" in page

    def test_a_payment_that_differs_is_said_to_be_with_the_staff(self, alices: Client, paying: Payments) -> None:
        order(alices)
        placed = Purchase.objects.get()
        paying.pay(placed.checkout_url)
        Purchase.objects.update(amount_minor=1)

        assert "support team is looking into it" in text(alices.get(f"/o/acme/purchases/{placed.reference}/return/"))

    def test_a_silent_payment_service_is_no_error_page(self, alices: Client, paying: Payments, settings: Any) -> None:
        order(alices)
        placed = Purchase.objects.get()
        settings.PAYMENTS_SANDBOX_URL = "http://127.0.0.1:9"

        page = text(alices.get(f"/o/acme/purchases/{placed.reference}/return/"))

        assert "The payment service is not responding." in page


class TestTheDashboard:
    def test_leads_to_what_is_on_sale(self, alices: Client) -> None:
        assert f'href="{BUY}"' in text(alices.get("/o/acme/")).split("<main", 1)[1]

    def test_has_no_such_button_where_nothing_is_sold(self) -> None:
        owner = factories.person("Dora")
        organization = factories.organization(owner, slug="dora")
        factories.wallet(organization, factories.program())

        assert "/o/dora/buy/" not in text(signed_in(owner).get("/o/dora/")).split("<main", 1)[1]
