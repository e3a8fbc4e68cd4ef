"""Settling purchases against the payments sandbox: what was paid becomes credits, once, whoever settles it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone

from billing import stripe_gateway
from billing.models import Promotion, Purchase, StripeCustomer
from billing.purchases import settlement
from billing.purchases.orders import CHECKOUT_LASTS, begin_checkout
from billing.purchases.payments import expiry_of
from billing.purchases.quotes import PackChoice
from billing.purchases.settlement import WrongPayment, cancel, settle
from credits.models import Grant, Source
from organizations.models import AuditEvent
from tests.support.billing.payments import Payments
from tests.support.billing.shop import NOW, Shop, open_shop, prove_books
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _paid_through_the_sandbox(settings: Any, sandbox: Payments) -> None:
    settings.STRIPE_SECRET_KEY = sandbox.key
    settings.PAYMENTS_SANDBOX_URL = sandbox.url


@pytest.fixture
def shop() -> Shop:
    return open_shop("fluxori")


def checkout(shop: Shop, **terms: Any) -> Purchase:
    """An order with its payment page open."""
    order = shop.order(**{"now": None, **terms})
    begin_checkout(order)
    order.refresh_from_db()
    return order


def paid(shop: Shop, sandbox: Payments, **terms: Any) -> Purchase:
    order = checkout(shop, **terms)
    sandbox.pay(order.checkout_url)
    return settle(order.pk)


class TestAPaidOrder:
    def test_becomes_one_grant_with_its_price_and_source(self, shop: Shop, sandbox: Payments) -> None:
        order = paid(shop, sandbox, choice=PackChoice("large"))

        (grant,) = shop.grants()
        assert (order.state, order.grant, order.failure) == ("paid", grant, "")
        assert (grant.amount, grant.cost_minor, grant.cost_currency) == (10_000, 720_000, "ZAR")
        assert (grant.source, grant.expires_at) == (Source.CARD, None)
        assert order.stripe_payment_intent_id is not None
        assert order.receipt_url
        assert WebhookEvent.objects.get(type="purchase.paid").data["method"] == "card"
        prove_books()

    def test_knows_the_invoice_that_stripe_wrote(self, shop: Shop, sandbox: Payments) -> None:
        order = paid(shop, sandbox)
        sandbox.settle()

        assert settle(order.pk).invoice_url.startswith("http")

    def test_settled_any_number_of_times_is_granted_once(self, shop: Shop, sandbox: Payments) -> None:
        order = paid(shop, sandbox)

        for _ in range(3):
            assert settle(order.pk).state == "paid"
        assert len(shop.grants()) == 1
        assert AuditEvent.objects.filter(action="purchase.paid").count() == 1

    @pytest.mark.parametrize(
        ("program", "choice", "amount"),
        [("growi", PackChoice("lot", 3), 30_000), ("allibee", PackChoice("small"), 11_000)],
    )
    def test_in_a_currency_without_decimals_is_right_to_the_last_yen_and_won(
        self, sandbox: Payments, program: str, choice: PackChoice, amount: int
    ) -> None:
        shop = open_shop(program)
        shop.put_method_on_file()
        order = paid(shop, sandbox, choice=choice)

        assert order.stripe_payment_intent_id is not None
        payment = stripe_gateway.read_payment(order.stripe_payment_intent_id)
        assert (payment.received_minor, order.amount_minor) == (amount, amount)
        assert payment.currency == shop.organization.currency

    def test_at_stripe_carries_our_id_and_reference_and_the_organizations_language(
        self, shop: Shop, sandbox: Payments
    ) -> None:
        order = paid(shop, sandbox)

        assert order.stripe_payment_intent_id is not None
        assert stripe_gateway.read_payment(order.stripe_payment_intent_id).purchase_id == order.pk
        session = sandbox.stripe().v1.checkout.sessions.retrieve(order.stripe_session_id or "")
        assert (session["locale"], session["metadata"]["reference"]) == ("en", order.reference)


class TestAnOrderThatIsNotPaid:
    def test_stays_open_while_its_page_is(self, shop: Shop) -> None:
        order = checkout(shop)

        assert settle(order.pk).state == "open"
        assert shop.grants() == []

    def test_keeps_why_the_card_was_declined_and_can_still_be_paid(self, shop: Shop, sandbox: Payments) -> None:
        order = checkout(shop)
        assert sandbox.pay(order.checkout_url, "4000000000000002").status_code == 402

        declined = settle(order.pk)
        assert (declined.state, bool(declined.failure)) == ("open", True)

        sandbox.pay(order.checkout_url)
        settled = settle(order.pk)
        assert (settled.state, settled.failure) == ("paid", "")

    def test_by_a_delayed_method_is_on_its_way_until_the_money_is_there(self, sandbox: Payments) -> None:
        shop = open_shop("growi")
        order = checkout(shop)
        sandbox.pay(order.checkout_url, method="konbini")
        assert settle(order.pk).state == "processing"
        assert shop.grants() == []

        payment = next(iter(stripe_gateway.find_payments_of(order.pk)))
        sandbox.control("pay_delayed", payment_intent=payment.id)
        assert settle(order.pk).state == "paid"
        assert shop.balance() == 5_000

    def test_by_a_delayed_method_that_fails_is_failed(self, sandbox: Payments) -> None:
        shop = open_shop("growi")
        order = checkout(shop)
        sandbox.pay(order.checkout_url, method="konbini")
        settle(order.pk)

        payment = next(iter(stripe_gateway.find_payments_of(order.pk)))
        sandbox.control("fail_delayed", payment_intent=payment.id)
        assert settle(order.pk).state == "failed"

    def test_is_canceled_at_stripe_too(self, shop: Shop, sandbox: Payments) -> None:
        order = checkout(shop)

        assert cancel(order, actor=shop.owner).state == "canceled"
        assert sandbox.pay(order.checkout_url).status_code != 303
        assert AuditEvent.objects.get(action="purchase.canceled").actor == shop.owner
        assert cancel(Purchase.objects.get(pk=order.pk)).state == "canceled"
        assert AuditEvent.objects.filter(action="purchase.canceled").count() == 1

    def test_canceled_after_it_was_paid_is_granted(self, shop: Shop, sandbox: Payments) -> None:
        order = checkout(shop)
        sandbox.pay(order.checkout_url)

        assert cancel(order).state == "paid"
        assert shop.balance() == 500

    def test_expires_with_its_page(self, shop: Shop, sandbox: Payments) -> None:
        order = checkout(shop)
        sandbox.advance(hours=2)

        assert settle(order.pk).state == "expired"

    def test_that_stripe_does_not_know_expires_some_time_later(self, shop: Shop) -> None:
        order = shop.order(now=None)

        assert settle(order.pk, now=timezone.now() + CHECKOUT_LASTS).state == "pending"
        assert settle(order.pk, now=timezone.now() + 3 * CHECKOUT_LASTS).state == "expired"

    def test_with_nothing_to_pay_asks_stripe_nothing(self, shop: Shop, sandbox: Payments) -> None:
        Promotion.objects.create(program=shop.program, code="ALL", name="All", percent_off=100)
        order = shop.order(promotion_code="ALL", now=None)

        settled = settle(order.pk)

        assert (settled.state, settled.stripe_payment_intent_id) == ("paid", None)
        assert sandbox.exchanges == []
        prove_books()

    def test_with_nothing_to_pay_that_was_canceled_is_not_granted(self, shop: Shop) -> None:
        Promotion.objects.create(program=shop.program, code="ALL", name="All", percent_off=100)
        order = cancel(shop.order(promotion_code="ALL", now=None))

        assert settle(order.pk).state == "canceled"
        assert shop.grants() == []


class TestAPaymentThatDiffers:
    @pytest.mark.parametrize("changed", [{"amount_minor": 44_999}, {"currency": "USD"}, {"customer": "cus_other"}])
    def test_in_amount_currency_or_customer_grants_nothing_and_staff_can_see_it(
        self, shop: Shop, sandbox: Payments, changed: dict[str, Any]
    ) -> None:
        order = checkout(shop)
        sandbox.pay(order.checkout_url)
        if "customer" in changed:
            StripeCustomer.objects.update(stripe_id=changed["customer"])
        else:
            Purchase.objects.update(**{"list_amount_minor": 45_000, **changed})

        for _ in range(2):
            with pytest.raises(WrongPayment, match=order.reference):
                settle(order.pk)

        order.refresh_from_db()
        assert (shop.grants(), order.state) == ([], "open")
        assert "Our support team is looking into it" in order.failure
        event = AuditEvent.objects.get(action="purchase.payment_differs")
        assert event.target == order.reference
        assert event.details["payment"].startswith("pi_")


class TestLateMoney:
    @pytest.mark.parametrize("state", ["failed", "expired", "canceled"])
    def test_that_stripe_took_is_paid_for_whatever_we_thought(self, shop: Shop, sandbox: Payments, state: str) -> None:
        order = checkout(shop)
        sandbox.pay(order.checkout_url)
        Purchase.objects.update(state=state)

        assert settle(order.pk).state == "paid"
        assert shop.balance() == 500
        prove_books()


class TestExpiry:
    @pytest.mark.parametrize(
        ("paid_at", "expires_at"),
        [
            # 23:30 on 9 March in Seoul; 360 days later is 4 March 2027, which ends at 15:00 UTC.
            (datetime(2026, 3, 9, 14, 30, tzinfo=UTC), datetime(2027, 3, 4, 15, tzinfo=UTC)),
            # 00:30 on 10 March in Seoul.
            (datetime(2026, 3, 9, 15, 30, tzinfo=UTC), datetime(2027, 3, 5, 15, tzinfo=UTC)),
            # Over the leap day of 2028.
            (datetime(2027, 6, 1, tzinfo=UTC), datetime(2028, 5, 26, 15, tzinfo=UTC)),
        ],
    )
    def test_is_the_end_of_the_360th_day_after_the_day_of_purchase_on_the_organizations_clocks(
        self, paid_at: datetime, expires_at: datetime
    ) -> None:
        shop = open_shop("allibee")
        shop.put_method_on_file()

        bought = shop.buy(PackChoice("small"), now=paid_at)

        assert Grant.objects.get(purchase=bought).expires_at == expires_at

    def test_a_day_that_loses_an_hour_ends_with_its_own_midnight(self) -> None:
        shop = open_shop("allibee", time_zone="America/New_York")
        order = Purchase(organization=shop.organization, validity_days=1)

        assert expiry_of(order, datetime(2026, 3, 7, 17, tzinfo=UTC)) == datetime(2026, 3, 9, 4, tzinfo=UTC)

    def test_without_days_credits_never_expire(self) -> None:
        assert expiry_of(Purchase(organization=open_shop("growi").organization), NOW) is None


class TestWithoutStripe:
    def test_a_silent_stripe_changes_nothing_and_says_so(self, shop: Shop, settings: Any) -> None:
        order = checkout(shop)
        settings.PAYMENTS_SANDBOX_URL = "http://127.0.0.1:9"  # nobody listens there

        with pytest.raises(stripe_gateway.Unavailable):
            settle(order.pk)
        with pytest.raises(stripe_gateway.Unavailable):
            cancel(order)
        order.refresh_from_db()
        assert order.state == "open"

    def test_a_refused_checkout_fails_the_order_in_words_for_the_owner(self, shop: Shop) -> None:
        order = shop.order(now=datetime.now(tz=UTC) - timedelta(hours=2))  # Stripe takes no end that is past

        with pytest.raises(stripe_gateway.Refused):
            begin_checkout(order)

        order.refresh_from_db()
        assert (order.state, order.failure) == ("failed", "The payment page could not be created.")

    def test_an_unknown_order_is_nobodys(self) -> None:
        with pytest.raises(Purchase.DoesNotExist):
            settle(uuid4())


def test_legal_moves_end_where_they_should() -> None:
    assert settlement.MOVES["paid"] == frozenset()
    assert all("paid" in moves for state, moves in settlement.MOVES.items() if state != "paid")


def test_the_payment_page_is_the_same_however_often_it_is_asked_for(shop: Shop) -> None:
    order = checkout(shop)
    Purchase.objects.update(checkout_url="")  # the answer got lost
    again = begin_checkout(Purchase.objects.get(pk=order.pk))

    assert again == order.checkout_url
    assert httpx.get(again, trust_env=False).status_code == 200
