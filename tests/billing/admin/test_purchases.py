"""Staff find purchases and confirm deposits, with a reason, once; nothing else can be changed."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Method, Purchase, StripeCustomer
from billing.purchases.quotes import PackChoice
from organizations.accounts.people import give_totp
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.billing.shop import NOW, Shop, open_shop
from tests.support.factories import TOTP_SECRET
from tests.support.pages.owner_pages import signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/billing/purchase/"


@pytest.fixture
def shop() -> Shop:
    shop = open_shop("allibee")
    shop.fill_in_details()
    return shop


@pytest.fixture
def order(shop: Shop) -> Purchase:
    """10,000 credits for ₩99,000, by bank transfer."""
    return shop.order(PackChoice("large"), method=Method.BANK_TRANSFER)


@pytest.fixture
def stella() -> User:
    return factories.staff()


@pytest.fixture
def browser(stella: User) -> Client:
    return signed_in(stella)


def deposit_url(order: Purchase) -> str:
    return reverse("admin:billing_purchase_confirm_deposit", args=[order.pk])


def confirm(browser: Client, order: Purchase, **fields: str) -> Any:
    filled_in = {"amount": "99000", "deposited_on": "2026-03-10", "reason": "On the statement", "token": str(uuid4())}
    return browser.post(deposit_url(order), {**filled_in, **fields})


class TestLookingUp:
    @pytest.mark.parametrize("by", ["reference", "slug", "mail", "payment", "session", "invoice", "customer"])
    def test_a_purchase_is_found_by(self, browser: Client, shop: Shop, order: Purchase, by: str) -> None:
        other = open_shop("fluxori", slug="globex", owner=factories.person("Dora")).buy()
        Purchase.objects.filter(pk=order.pk).update(
            stripe_payment_intent_id="pi_this", stripe_session_id="cs_this", stripe_invoice_id="in_this"
        )
        StripeCustomer.objects.create(organization=shop.organization, stripe_id="cus_this")
        sought = {
            "reference": order.reference[3:],
            "slug": "acme",
            "mail": "alice@example.com",
            "payment": "pi_this",
            "session": "cs_this",
            "invoice": "in_this",
            "customer": "cus_this",
        }

        page = browser.get(LIST, {"q": sought[by]}).content.decode()

        assert order.reference in page
        assert other.reference not in page

    def test_it_can_only_be_read(self, browser: Client, order: Purchase) -> None:
        url = f"{LIST}{order.pk}/change/"

        page = browser.get(url).content.decode()

        assert "₩99,000" in page
        assert "Acme Co., Ltd." in page
        assert "Save" not in page
        assert browser.post(url, {"state": "paid"}).status_code == 403
        assert browser.get(f"{LIST}add/").status_code == 403
        assert browser.get(f"{LIST}{order.pk}/delete/").status_code == 403

    def test_a_paid_one_leads_to_its_refund(self, browser: Client, shop: Shop) -> None:
        shop.put_method_on_file()
        paid = shop.buy(PackChoice("large"))

        page = browser.get(f"{LIST}{paid.pk}/change/").content.decode()

        assert reverse("admin:billing_refund_of", args=[paid.reference]) in page
        assert "Confirm the deposit" not in page

    def test_the_list_asks_as_few_questions_for_many_as_for_one(
        self, browser: Client, shop: Shop, django_assert_max_num_queries: Any
    ) -> None:
        shop.put_method_on_file()
        for _ in range(25):
            shop.buy(PackChoice("small"))

        with django_assert_max_num_queries(12):
            browser.get(LIST)


class TestConfirmingADeposit:
    def test_brings_the_credits_and_records_the_reason(
        self, browser: Client, shop: Shop, order: Purchase, stella: User
    ) -> None:
        assert confirm(browser, order).status_code == 302

        order.refresh_from_db()
        assert (order.state, order.confirmed_by, str(order.deposited_on)) == ("paid", stella, "2026-03-10")
        assert shop.balance() == 10_000
        event = AuditEvent.objects.get(action="purchase.deposit_confirmed")
        assert (event.actor, event.reason, event.target) == (stella, "On the statement", order.reference)

    def test_sent_twice_brings_them_once(self, browser: Client, shop: Shop, order: Purchase) -> None:
        for _ in range(2):
            assert confirm(browser, order).status_code == 302

        assert shop.balance() == 10_000
        assert AuditEvent.objects.filter(action="purchase.deposit_confirmed").count() == 1

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"amount": "98999"}, "does not match the order of ₩99,000"),
            ({"amount": "99000.5"}, "This currency has no decimals"),
            ({"amount": ""}, "This field is required."),
            ({"amount": "NaN"}, "Enter a number."),
            ({"reason": ""}, "This field is required."),
            ({"deposited_on": "yesterday"}, "Enter a valid date."),
            ({"deposited_on": "2199-01-01"}, "The deposit date is in the future."),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, browser: Client, shop: Shop, order: Purchase, fields: dict[str, str], sentence: str
    ) -> None:
        response = confirm(browser, order, **fields)

        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert shop.balance() == 0

    def test_of_a_card_order_is_refused(self, browser: Client, shop: Shop) -> None:
        shop.put_method_on_file()
        order = shop.order(PackChoice("large"))

        assert "not paid by bank transfer" in confirm(browser, order).content.decode()
        assert "Confirm the deposit" not in browser.get(f"{LIST}{order.pk}/change/").content.decode()

    def test_is_not_for_staff_who_may_only_view(self, shop: Shop, order: Purchase) -> None:
        sam = factories.person("Sam", is_staff=True)
        sam.is_superuser = False
        sam.save()
        give_totp(sam, TOTP_SECRET)
        sam.user_permissions.add(Permission.objects.get(codename="view_purchase"))
        browser = signed_in(sam)

        assert browser.get(f"{LIST}{order.pk}/change/").status_code == 200
        assert confirm(browser, order).status_code == 403
        assert shop.balance() == 0

    def test_of_nothing_is_not_found(self, browser: Client) -> None:
        assert browser.get(f"{LIST}{uuid4()}/confirm-deposit/").status_code == 404


def test_every_list_of_the_catalogue_opens(browser: Client) -> None:
    open_shop("fluxori")
    for model in ("pack", "plan", "customamount", "programcurrency", "saleterms", "promotion", "purchase"):
        assert browser.get(f"/admin/billing/{model}/").status_code == 200, model


class TestTheCatalogue:
    def change(self, browser: Client, url: str, **fields: str) -> Any:
        form = browser.get(url).context["adminform"].form
        values = {name: form.initial.get(name) for name in form.fields}
        sent = {name: str(value) for name, value in values.items() if value not in {None, "", False}}
        for inline in browser.get(url).context["inline_admin_formsets"]:
            formset = inline.formset
            sent |= {f"{formset.prefix}-{name}": str(value) for name, value in formset.management_form.initial.items()}
            for row in formset.initial_forms:
                sent |= {row.add_prefix(name): str(row.initial.get(name)) for name in row.fields if name != "pack"}
                sent[row.add_prefix("id")] = str(row.instance.pk)
                sent[row.add_prefix("pack")] = str(getattr(row.instance, "pack_id", ""))
        return browser.post(url, {**sent, **fields})

    def test_a_promotion_is_created_and_recorded_with_its_reason(self, browser: Client, stella: User) -> None:
        shop = open_shop("fluxori")
        url = "/admin/billing/promotion/add/"
        fields = {
            "program": str(shop.program.pk),
            "code": " SPRING ",
            "name": "Spring",
            "percent_off": "20",
            "uses-TOTAL_FORMS": "0",
            "uses-INITIAL_FORMS": "0",
        }

        assert "This field is required." in browser.post(url, fields).content.decode()  # why?
        assert browser.post(url, {**fields, "reason": "For the fair"}).status_code == 302

        promotion = shop.program.promotions.get(code="SPRING")
        event = AuditEvent.objects.get(action="promotion.created_by_staff")
        assert (event.actor, event.reason, promotion.percent_off) == (stella, "For the fair", 20)
        shop.buy(promotion_code="spring", now=NOW)

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({}, "Enter either credits or a percentage."),
            ({"credits": "5", "percent_off": "5"}, "Enter either credits or a percentage."),
            ({"code": "welcome", "percent_off": "5"}, "promotion_code_is_unique"),
        ],
    )
    def test_a_promotion_that_makes_no_sense_is_refused(
        self, browser: Client, fields: dict[str, str], sentence: str
    ) -> None:
        shop = open_shop("fluxori")
        filled_in = {"program": str(shop.program.pk), "code": "X", "name": "X", "reason": "x", "uses-TOTAL_FORMS": "0"}

        page = browser.post("/admin/billing/promotion/add/", {**filled_in, "uses-INITIAL_FORMS": "0", **fields})

        assert sentence in page.content.decode()
        assert shop.program.promotions.count() == 1

    def test_a_pack_is_taken_off_sale_with_a_reason(self, browser: Client) -> None:
        shop = open_shop("fluxori")
        pack = shop.program.packs.get(key="small")

        response = self.change(browser, f"/admin/billing/pack/{pack.pk}/change/", is_sold="", reason="Too small")

        assert response.status_code == 302, response.context["errors"]
        pack.refresh_from_db()
        assert not pack.is_sold
        event = AuditEvent.objects.get(action="pack.changed_by_staff")
        assert event.details == {"is_sold": {"from": "True", "to": "False"}}

    def test_a_changed_price_is_recorded(self, browser: Client) -> None:
        shop = open_shop("fluxori")
        pack = shop.program.packs.get(key="small")

        response = self.change(
            browser, f"/admin/billing/pack/{pack.pk}/change/", reason="Inflation", **{"prices-0-amount_minor": "50000"}
        )

        assert response.status_code == 302, response.context["errors"]
        assert pack.prices.filter(amount_minor=50_000).count() == 1
        event = AuditEvent.objects.get(action="pack.priced_by_staff")
        assert event.reason == "Inflation"
        assert [move["to"] for move in event.details.values()] == [50_000]

    def test_a_custom_amount_that_is_no_multiple_of_its_step_is_refused(self, browser: Client) -> None:
        shop = open_shop("skydeck")
        row = shop.program.custom_amounts.get()

        page = self.change(
            browser, f"/admin/billing/customamount/{row.pk}/change/", reason="x", least_minor="150", step_minor="100"
        )

        assert "must be multiples of it" in page.content.decode()

    def test_nothing_of_it_can_be_deleted(self, browser: Client) -> None:
        pack = open_shop("fluxori").program.packs.get(key="small")

        assert browser.post(f"/admin/billing/pack/{pack.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_deposit_is_judged_by_the_day_of_the_organization(browser: Client, order: Purchase) -> None:
    today = timezone.now().astimezone(timezone.get_fixed_timezone(9 * 60)).date()

    assert confirm(browser, order, deposited_on=today.isoformat()).status_code == 302
