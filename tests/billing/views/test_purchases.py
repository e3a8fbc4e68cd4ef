"""Purchases, as owners see them: the list, one order, its documents, paying later, canceling, billing details."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.models import BillingDetails, Method, Purchase
from billing.purchases.orders import begin_checkout
from billing.purchases.quotes import PackChoice
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.shop import NOW, Shop, open_shop
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in

pytestmark = pytest.mark.django_db

URL = "/o/acme/purchases/"


@pytest.fixture
def shop() -> Shop:
    return open_shop("fluxori")


@pytest.fixture
def alices(shop: Shop) -> Client:
    return signed_in(shop.owner)


@pytest.fixture
def transfer() -> tuple[Client, Purchase]:
    """A bank transfer's order, and its buyer's browser."""
    shop = open_shop("allibee")
    shop.fill_in_details()
    return signed_in(shop.owner), shop.order(PackChoice("large"), method=Method.BANK_TRANSFER, now=None)


def shown(client: Client, url: str = URL) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


class TestTheList:
    def test_it_is_for_owners_alone(self, shop: Shop) -> None:
        assert_for_owners_alone(URL, organization=shop.organization, owner=shop.owner)

    def test_it_names_reference_price_method_status_and_buyer(self, shop: Shop, alices: Client) -> None:
        bought = shop.buy(PackChoice("large"))
        page = shown(alices)

        for expected in [bought.reference, "10,000 credits", "ZAR\N{NO-BREAK SPACE}7,200.00", "Card", "paid", "Alice"]:
            assert expected in page

    def test_without_any_it_says_what_will_be_here(self, alices: Client) -> None:
        assert "No purchases yet" in shown(alices)

    def test_older_and_newer_lead_through_everything_once(self, shop: Shop, alices: Client) -> None:
        for _ in range(103):
            shop.buy()
        response = alices.get(URL)
        seen = [response.context["page"].purchases]
        while response.context["older_url"]:
            response = alices.get(response.context["older_url"])
            seen.append(response.context["page"].purchases)

        assert [len(page) for page in seen] == [50, 50, 3]
        everything = list(Purchase.objects.order_by("-created_at", "-id"))
        assert [purchase for page in seen for purchase in page] == everything
        response = alices.get(response.context["newer_url"])
        assert response.context["page"].purchases == seen[1]
        response = alices.get(response.context["newer_url"])
        assert response.context["page"].purchases == seen[0]
        assert response.context["newer_url"] is None

    @pytest.mark.parametrize("place", ["x", "FLX-0000-0000", "a\0", "9" * 300])
    def test_a_place_that_makes_no_sense_is_refused(self, alices: Client, place: str) -> None:
        response = alices.get(URL, {"before": place})

        assert response.status_code == 422
        assert "This page of the list no longer exists." in response.content.decode()

    def test_it_asks_as_few_questions_for_many_as_for_one(
        self, shop: Shop, alices: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(30):
            shop.buy()
        with django_assert_num_queries(5):
            shown(alices)

    def test_the_file_has_everything_in_whole_and_smallest_units(self, shop: Shop, alices: Client) -> None:
        shop.owner.name = "=cmd()"
        shop.owner.save()
        bought = shop.buy(PackChoice("small"))

        response = alices.get("/o/acme/purchases.csv")
        lines = list(csv.reader(StringIO(b"".join(response).decode("utf-8-sig"))))

        assert lines[1][0] == bought.reference
        assert lines[1][3:10] == ["500 credits", "500", "500", "450.00", "ZAR", "45000", "card"]
        assert lines[1][1] == "2026-03-10T14:00:00+02:00"  # Johannesburg
        assert lines[1][11] == "'=cmd()"

    def test_the_file_is_for_owners_alone(self, shop: Shop) -> None:
        assert_for_owners_alone("/o/acme/purchases.csv", organization=shop.organization, owner=shop.owner)


class TestOnePurchase:
    def test_it_is_for_owners_alone(self, shop: Shop) -> None:
        url = f"{URL}{shop.buy().reference}/"

        assert_for_owners_alone(url, organization=shop.organization, owner=shop.owner)

    def test_it_is_found_however_the_reference_is_written(self, shop: Shop, alices: Client) -> None:
        assert shown(alices, f"{URL}{shop.buy().reference.lower()}/")

    def test_that_of_another_organization_does_not_exist(self, alices: Client) -> None:
        theirs = open_shop("fluxori", slug="globex", owner=factories.person("Dora")).buy()

        for ending in ("", "document/", "return/", "canceled/"):
            assert alices.get(f"{URL}{theirs.reference}/{ending}").status_code == 404
        for ending in ("pay/", "cancel/"):
            assert alices.post(f"{URL}{theirs.reference}/{ending}").status_code == 404

    def test_a_card_purchase_links_stripes_papers(self, shop: Shop, alices: Client) -> None:
        bought = shop.buy()
        Purchase.objects.update(receipt_url="https://pay.example/r", invoice_url="https://pay.example/i")

        page = shown(alices, f"{URL}{bought.reference}/")

        assert 'href="https://pay.example/r"' in page
        assert 'href="https://pay.example/i"' in page

    def test_an_order_that_waits_can_be_paid_or_given_up(self, transfer: tuple[Client, Purchase]) -> None:
        client, order = transfer

        page = shown(client, f"{URL}{order.reference}/")

        assert "Transfer the exact amount and quote the reference." in page
        assert "Cancel order" in page

    def test_one_that_is_over_says_that_nothing_was_taken(self, shop: Shop, alices: Client) -> None:
        order = shop.order()
        Purchase.objects.update(state="expired")

        assert "This order is closed. You were not charged." in shown(alices, f"{URL}{order.reference}/")


class TestTheDocument:
    def test_an_order_says_what_to_transfer_where(self, transfer: tuple[Client, Purchase]) -> None:
        client, order = transfer

        page = shown(client, f"{URL}{order.reference}/document/")

        for expected in [
            order.reference,
            "₩99,000",
            "Acme Co., Ltd.",
            "123-45-67890",
            "Account 000-000000-00-000",
            "How to pay",
        ]:
            assert expected in page

    def test_once_paid_it_is_a_receipt(self, transfer: tuple[Client, Purchase]) -> None:
        client, order = transfer
        Purchase.objects.update(expires_at=NOW)
        from billing.purchases.payments import grant_paid

        grant_paid(order, payment_id=f"deposit:{order.pk}")

        page = shown(client, f"{URL}{order.reference}/document/")

        assert "Payment received. Thank you." in page
        assert "How to pay" not in page

    def test_one_that_is_over_asks_not_to_be_paid(self, transfer: tuple[Client, Purchase]) -> None:
        client, order = transfer
        Purchase.objects.update(state="canceled")

        assert "Please don't pay it." in shown(client, f"{URL}{order.reference}/document/")

    def test_what_was_typed_is_text_and_never_markup(self) -> None:
        shop = open_shop("allibee")
        BillingDetails.objects.create(
            organization=shop.organization, legal_name="<script>x</script>", address="<b>1</b>\nSeoul", tax_number="1"
        )
        order = shop.order(PackChoice("small"), method=Method.BANK_TRANSFER, now=None)

        page = shown(signed_in(shop.owner), f"{URL}{order.reference}/document/")

        assert "<script>x" not in page
        assert "&lt;b&gt;1&lt;/b&gt;<br>Seoul" in page


class TestPayingAndGivingUp:
    @pytest.fixture(autouse=True)
    def _paid_through_the_sandbox(self, settings: Any, sandbox: Payments) -> None:
        settings.STRIPE_SECRET_KEY = sandbox.key
        settings.PAYMENTS_SANDBOX_URL = sandbox.url

    @pytest.mark.parametrize("ending", ["pay/", "cancel/"])
    def test_only_by_post_and_by_owners(self, shop: Shop, alices: Client, ending: str) -> None:
        url = f"{URL}{shop.order(now=None).reference}/{ending}"
        bob = factories.person("Bob")
        factories.member(shop.organization, bob)

        assert alices.get(url).status_code == 405
        assert signed_in(bob).post(url).status_code == 403
        assert Client().post(url).status_code == 302

    def test_going_on_to_pay_leads_to_the_same_page(self, shop: Shop, alices: Client) -> None:
        order = shop.order(now=None)
        there = begin_checkout(order)

        assert alices.post(f"{URL}{order.reference}/pay/")["Location"] == there

    def test_canceling_closes_the_payment_page_and_is_recorded(
        self, shop: Shop, alices: Client, sandbox: Payments
    ) -> None:
        order = shop.order(now=None)
        there = begin_checkout(order)

        for _ in range(2):
            page = alices.post(f"{URL}{order.reference}/cancel/", follow=True).content.decode()
            assert order.reference in page

        assert sandbox.pay(there).status_code != 303
        assert Purchase.objects.get().state == "canceled"
        assert AuditEvent.objects.filter(action="purchase.canceled", actor=shop.owner).count() == 1

    def test_giving_up_what_was_paid_meanwhile_keeps_it(self, shop: Shop, alices: Client, sandbox: Payments) -> None:
        order = shop.order(now=None)
        sandbox.pay(begin_checkout(order))

        page = alices.post(f"{URL}{order.reference}/cancel/", follow=True).content.decode()

        assert "can no longer be canceled" in page
        assert shop.balance() == 500

    def test_the_page_after_leaving_changes_nothing(self, shop: Shop, alices: Client) -> None:
        order = shop.order(now=None)

        page = shown(alices, f"{URL}{order.reference}/canceled/")

        assert "Payment not completed" in page
        assert Purchase.objects.get().state == "pending"


class TestBillingDetails:
    URL = "/o/acme/billing-details/"
    FILLED_IN = {"legal_name": "Acme Ltd", "address": "1 Road", "tax_number": "X1", "receipt_email": "r@acme.example"}

    def test_they_are_for_owners_alone(self, shop: Shop) -> None:
        bob = factories.person("Bob")
        factories.member(shop.organization, bob)

        assert signed_in(bob).get(self.URL).status_code == 403
        assert signed_in(bob).post(self.URL, self.FILLED_IN).status_code == 403
        assert signed_in(factories.person("Charlie")).get(self.URL).status_code == 404
        assert Client().get(self.URL).status_code == 302
        assert not BillingDetails.objects.exists()

    def test_they_are_saved_once_and_recorded(self, shop: Shop, alices: Client) -> None:
        for _ in range(2):
            assert alices.post(self.URL, self.FILLED_IN).status_code == 302

        details = BillingDetails.objects.get()
        assert (details.legal_name, details.tax_number) == ("Acme Ltd", "X1")
        event = AuditEvent.objects.get(action="billing_details.changed")
        assert (event.actor, event.organization) == (shop.owner, shop.organization)

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("receipt_email", "no mail", "Enter a valid email address."),
            ("legal_name", "x" * 201, "at most 200 characters"),
            ("address", "x" * 501, "at most 500 characters"),
            ("tax_number", "a\0", "Null characters are not allowed."),
        ],
    )
    def test_what_makes_no_sense_is_refused_and_nothing_is_kept(
        self, alices: Client, field: str, value: str, sentence: str
    ) -> None:
        response = alices.post(self.URL, {**self.FILLED_IN, field: value})

        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert not BillingDetails.objects.exists()
