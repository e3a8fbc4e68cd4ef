"""Who may order, how much may be held, and what an order holds once it is placed."""

from datetime import timedelta

import pytest

from billing.models import Method, PackPrice, Promotion, Purchase, SubscriptionState
from billing.purchases.orders import (
    CHECKOUT_LASTS,
    DetailsMissing,
    HoldingLimitReached,
    MayNotBuy,
    MethodMissing,
    place_order,
)
from billing.purchases.payments import grant_paid
from billing.purchases.promotions import AlreadyOrdered, PromotionRefused
from billing.purchases.quotes import CustomChoice, NotForSale, PackChoice
from billing.purchases.settlement import cancel
from credits import ledger
from credits.models import Source
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.shop import NOW, Shop, open_shop

pytestmark = pytest.mark.django_db


class TestAnOrder:
    def test_carries_the_quote_the_buyer_and_a_reference_for_the_phone(self) -> None:
        shop = open_shop("fluxori")

        order = shop.order(PackChoice("large"))

        assert (order.credits, order.amount_minor, order.list_amount_minor) == (10_000, 720_000, 720_000)
        assert (order.currency, order.name, order.state) == ("ZAR", "10,000 credits", "pending")
        assert (order.bought_by, order.created_at, order.expires_at) == (shop.owner, NOW, NOW + CHECKOUT_LASTS)
        prefix, one, other = order.reference.split("-")
        assert (prefix, len(one), len(other)) == ("FLX", 4, 4)
        assert not set("ILOU") & set(one + other)

    def test_leaves_an_audit_event(self) -> None:
        shop = open_shop("fluxori")
        order = shop.order()

        event = AuditEvent.objects.get(action="purchase.ordered")
        assert (event.target, event.actor, event.organization) == (order.reference, shop.owner, shop.organization)

    def test_keeps_its_quote_whatever_becomes_of_the_catalogue(self) -> None:
        shop = open_shop("fluxori")
        order = shop.order(PackChoice("small"))
        PackPrice.objects.update(amount_minor=1)
        shop.program.packs.update(credits=1, name="Other", is_sold=False)

        paid = grant_paid(Purchase.objects.get(pk=order.pk), payment_id="pi_1", now=NOW)

        assert (paid.amount_minor, paid.credits, paid.name) == (45_000, 500, "500 credits")
        assert shop.balance() == 500

    def test_keeps_the_billing_details_as_they_were(self) -> None:
        shop = open_shop("allibee")
        details = shop.fill_in_details()
        order = shop.order(method=Method.BANK_TRANSFER)
        details.legal_name = "Other"
        details.save()

        order.refresh_from_db()
        assert (order.billing_name, order.billing_tax_number) == ("Acme Co., Ltd.", "123-45-67890")

    def test_of_the_same_form_is_the_same_order_whatever_it_says(self) -> None:
        shop = open_shop("fluxori")
        order = shop.order(PackChoice("small"), form_token="one")

        assert shop.order(PackChoice("large"), form_token="one") == order
        assert shop.order(PackChoice("small"), form_token="two") != order
        assert AuditEvent.objects.filter(action="purchase.ordered").count() == 2

    def test_of_another_organization_with_the_same_token_is_its_own(self) -> None:
        shop = open_shop("fluxori")
        other = open_shop("fluxori", slug="globex", owner=factories.person("Dora"))

        assert shop.order(form_token="one") != other.order(form_token="one")

    def test_that_is_refused_writes_nothing(self) -> None:
        shop = open_shop("fluxori")

        with pytest.raises(NotForSale):
            shop.order(PackChoice("none"))

        assert not Purchase.objects.exists()
        assert not AuditEvent.objects.filter(action="purchase.ordered").exists()

    def test_is_refused_while_too_many_others_wait(self) -> None:
        shop = open_shop("fluxori")
        for _ in range(20):
            shop.order()

        with pytest.raises(MayNotBuy, match="too many unpaid orders"):
            shop.order()
        assert shop.order(now=NOW + CHECKOUT_LASTS).state == "pending"  # those are over by then


class TestWhoMayBuy:
    def test_without_a_program_nothing_is_on_sale(self) -> None:
        owner = factories.person()

        with pytest.raises(MayNotBuy, match="No credits are available to buy"):
            place_order(
                organization=factories.organization(owner),
                buyer=owner,
                choice=PackChoice("x"),
                method=Method.CARD,
                form_token="t",
            )

    def test_under_a_program_that_sells_nothing_neither(self) -> None:
        owner = factories.person()
        organization = factories.organization(owner)
        factories.wallet(organization, factories.program())

        with pytest.raises(MayNotBuy, match="No credits are available to buy"):
            place_order(
                organization=organization, buyer=owner, choice=PackChoice("x"), method=Method.CARD, form_token="t"
            )

    def test_a_closed_organization_buys_nothing(self) -> None:
        shop = open_shop("fluxori")
        shop.organization.closed_at = NOW

        with pytest.raises(MayNotBuy):
            shop.order()

    @pytest.mark.parametrize("plan", [None, "free"])
    def test_paid_plans_only_means_that_a_free_one_must_be_upgraded_first(self, plan: str | None) -> None:
        shop = open_shop("enrich")
        if plan:
            shop.subscribe(plan)

        with pytest.raises(MayNotBuy, match="Choose a plan first"):
            shop.order(PackChoice("starter"))

    @pytest.mark.parametrize(
        ("state", "may_buy"),
        [
            (SubscriptionState.ACTIVE, True),
            (SubscriptionState.PAST_DUE, True),
            (SubscriptionState.INCOMPLETE, False),
            (SubscriptionState.CANCELED, False),
        ],
    )
    def test_a_paid_plan_counts_while_it_runs(self, state: str, may_buy: bool) -> None:
        shop = open_shop("skydeck")
        shop.subscribe("pro", state=state)

        if may_buy:
            assert shop.order(CustomChoice(2_500)).credits == 25_000_000
        else:
            with pytest.raises(MayNotBuy, match="on a paid plan"):
                shop.order(CustomChoice(2_500))

    def test_a_payment_method_must_be_on_file_where_the_program_says_so(self) -> None:
        shop = open_shop("allibee")
        with pytest.raises(MethodMissing, match="Add a payment method first"):
            shop.order(PackChoice("small"))

        shop.put_method_on_file()
        assert shop.order(PackChoice("small")).state == "pending"

    def test_one_that_was_taken_off_file_does_not_count(self) -> None:
        shop = open_shop("allibee")
        shop.put_method_on_file()
        shop.organization.payment_methods.update(detached_at=NOW)

        with pytest.raises(MethodMissing):
            shop.order(PackChoice("small"))

    def test_bank_transfers_are_taken_where_the_program_says_so_and_with_an_address_for_the_invoice(self) -> None:
        with pytest.raises(MayNotBuy, match="Bank transfers are not accepted"):
            open_shop("fluxori", slug="globex", owner=factories.person("Dora")).order(method=Method.BANK_TRANSFER)

        shop = open_shop("allibee")
        with pytest.raises(DetailsMissing, match="registration number"):
            shop.order(method=Method.BANK_TRANSFER)

        shop.fill_in_details()
        order = shop.order(method=Method.BANK_TRANSFER)
        assert (order.state, order.expires_at) == ("open", NOW + timedelta(days=14))


class TestTheHoldingLimit:
    @pytest.fixture
    def shop(self) -> Shop:
        """An organization that may hold 500,000 credits and holds 480,000."""
        shop = open_shop("growi")
        shop.give(480_000)
        return shop

    def test_the_last_place_can_be_bought_to_the_credit(self, shop: Shop) -> None:
        assert shop.order(PackChoice("lot", 4)).credits == 20_000

    def test_one_lot_more_is_refused_with_the_numbers(self, shop: Shop) -> None:
        with pytest.raises(HoldingLimitReached) as refused:
            shop.order(PackChoice("lot", 5))

        assert str(refused.value) == (
            "By law, your organization can hold up to 500,000 credits. You hold 480,000 and have 0 on order, "
            "so you can buy up to 20,000 more."
        )
        assert (refused.value.limit, refused.value.held, refused.value.ordered) == (500_000, 480_000, 0)
        assert refused.value.wanted == 25_000
        assert not Purchase.objects.exists()

    def test_open_orders_count_until_their_time_is_over(self, shop: Shop) -> None:
        shop.order(PackChoice("lot", 3))

        with pytest.raises(HoldingLimitReached, match="15,000 on order, so you can buy up to 5,000"):
            shop.order(PackChoice("lot", 2))
        assert shop.order(PackChoice("lot", 1)).state == "pending"
        assert shop.order(PackChoice("lot", 4), now=NOW + CHECKOUT_LASTS).state == "pending"

    @pytest.mark.parametrize("state", ["failed", "expired", "canceled"])
    def test_orders_that_are_over_do_not_count(self, shop: Shop, state: str) -> None:
        shop.order(PackChoice("lot", 4))
        Purchase.objects.update(state=state)

        assert shop.order(PackChoice("lot", 4)).state == "pending"

    def test_one_whose_payment_is_on_its_way_counts_however_long_that_takes(self, shop: Shop) -> None:
        shop.order(PackChoice("lot", 4))
        Purchase.objects.update(state="processing")

        with pytest.raises(HoldingLimitReached):
            shop.order(PackChoice("lot", 1), now=NOW + timedelta(days=5))

    def test_a_paid_one_counts_once_as_what_is_held(self, shop: Shop) -> None:
        shop.buy(PackChoice("lot", 3))

        assert shop.order(PackChoice("lot", 1)).state == "pending"

    def test_frozen_credits_are_held_too(self, shop: Shop) -> None:
        with ledger.open_book(keys=[(shop.wallet.pk, "")], now=NOW) as book:
            ledger.freeze(book, wallet_id=shop.wallet.pk, grant_id=shop.driver.grant(20_000))

        with pytest.raises(HoldingLimitReached, match="You hold 500,000"):
            shop.order(PackChoice("lot", 1))


class TestAPercentage:
    @pytest.fixture
    def shop(self) -> Shop:
        shop = open_shop("fluxori")
        Promotion.objects.create(program=shop.program, code="LESS", name="Less", percent_off=50)
        return shop

    def test_is_used_once_per_organization(self, shop: Shop) -> None:
        shop.buy(promotion_code="LESS")

        with pytest.raises(AlreadyOrdered, match="already used this promotion"):
            shop.order(promotion_code="less")

    def test_an_open_order_keeps_it_and_says_which(self, shop: Shop) -> None:
        order = shop.order(promotion_code="LESS")

        with pytest.raises(AlreadyOrdered, match=f"{order.reference} already uses this promotion"):
            shop.order(promotion_code="LESS")

        cancel(order, actor=shop.owner, now=NOW)
        assert shop.order(promotion_code="LESS").amount_minor == 22_500

    def test_an_order_paid_after_all_leaves_it_to_the_one_that_took_it(self, shop: Shop) -> None:
        canceled = cancel(shop.order(promotion_code="LESS"), now=NOW)
        second = shop.buy(promotion_code="LESS")

        late = grant_paid(canceled, payment_id="pi_late", now=NOW)

        assert (late.state, late.promotion_id, late.amount_minor) == ("paid", None, 22_500)
        assert second.promotion_id is not None
        assert shop.balance() == 1_000

    def test_is_used_at_most_so_many_times(self, shop: Shop) -> None:
        Promotion.objects.filter(code="LESS").update(most_uses=1)
        order = shop.order(promotion_code="LESS")
        other = open_shop("fluxori", slug="globex", owner=factories.person("Dora"))

        with pytest.raises(PromotionRefused, match="reached its maximum number of uses"):
            other.order(promotion_code="LESS")
        cancel(order, now=NOW)
        assert other.order(promotion_code="LESS").state == "pending"

    def test_of_a_hundred_makes_credits_that_were_not_paid_for(self, shop: Shop) -> None:
        Promotion.objects.filter(code="LESS").update(percent_off=100)
        paid = shop.buy(promotion_code="LESS")

        (grant,) = shop.grants()
        assert (grant.source, grant.cost_minor, grant.amount) == (Source.PROMOTION, 0, 500)
        assert paid.amount_minor == 0
