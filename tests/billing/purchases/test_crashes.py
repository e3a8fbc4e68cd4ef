"""The process dies between order, call, answer and grant. After a restart and retries the money taken equals the
credits given, whichever caller comes first.

Dying is an exception that nothing catches, raised at the named point; what was committed by then stays.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing import stripe_gateway
from billing.models import Purchase
from billing.purchases import orders, payments
from billing.purchases.orders import begin_checkout
from billing.purchases.settlement import settle
from credits import ledger
from organizations import audit_events
from tests.support.billing.payments import Payments
from tests.support.billing.shop import Shop, open_shop, prove_books

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The process is no more."""


@pytest.fixture(autouse=True)
def _paid_through_the_sandbox(settings: Any, sandbox: Payments) -> None:
    settings.STRIPE_SECRET_KEY = sandbox.key
    settings.PAYMENTS_SANDBOX_URL = sandbox.url


@pytest.fixture
def shop() -> Shop:
    return open_shop("fluxori")


def dies_before(patch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise Killed

    patch.setattr(place, name, die)


def dies_after(patch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    call = getattr(place, name)

    def do_and_die(*arguments: Any, **named: Any) -> None:
        call(*arguments, **named)
        raise Killed

    patch.setattr(place, name, do_and_die)


def killed(monkeypatch: pytest.MonkeyPatch, deadly: Callable[[pytest.MonkeyPatch], None], act: Any) -> None:
    """Do something that kills the process at a point."""
    with monkeypatch.context() as patch:
        deadly(patch)
        with pytest.raises(Killed):
            act()


def money_equals_credits(shop: Shop, sandbox: Payments) -> None:
    """What Stripe has taken from the organization is what its grants cost."""
    with sandbox.sandbox.account.lock:
        payments_there = list(sandbox.sandbox.account.all("payment_intent"))
    taken = sum(payment["amount_received"] for payment in payments_there)
    assert taken == sum(grant.cost_minor for grant in shop.grants())
    prove_books()


class TestBeforeThePayment:
    @pytest.mark.parametrize(
        "deadly",
        [
            lambda patch: dies_before(patch, orders, "customer_of"),
            lambda patch: dies_after(patch, stripe_gateway, "ensure_customer"),
            lambda patch: dies_before(patch, stripe_gateway, "create_checkout"),
            lambda patch: dies_after(patch, stripe_gateway, "create_checkout"),
        ],
        ids=["after the order", "after Stripe's customer", "before the checkout", "before the answer is kept"],
    )
    def test_the_same_order_is_paid_after_a_restart(
        self, shop: Shop, sandbox: Payments, monkeypatch: pytest.MonkeyPatch, deadly: Any
    ) -> None:
        order = shop.order(now=None, form_token="form")
        killed(monkeypatch, deadly, lambda: begin_checkout(Purchase.objects.get(pk=order.pk)))

        again = shop.order(now=None, form_token="form")
        sandbox.pay(begin_checkout(again))

        assert settle(again.pk).state == "paid"
        assert Purchase.objects.count() == 1
        with sandbox.sandbox.account.lock:
            assert len(list(sandbox.sandbox.account.all("checkout.session"))) == 1
            assert len(list(sandbox.sandbox.account.all("customer"))) == 1
        money_equals_credits(shop, sandbox)

    def test_an_order_that_is_not_committed_was_never_placed(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        killed(monkeypatch, lambda patch: dies_after(patch, orders, "write_order"), lambda: shop.order(form_token="f"))

        assert not Purchase.objects.exists()
        assert shop.order(form_token="f").state == "pending"


class TestAfterThePayment:
    def paid_at_stripe(self, shop: Shop, sandbox: Payments) -> Purchase:
        order = shop.order(now=None)
        sandbox.pay(begin_checkout(order))
        return order

    @pytest.mark.parametrize(
        "deadly",
        [
            lambda patch: dies_after(patch, stripe_gateway, "read_checkout"),
            lambda patch: dies_after(patch, stripe_gateway, "read_payment"),
            lambda patch: dies_before(patch, ledger, "grant"),
            lambda patch: dies_after(patch, ledger, "grant"),
            lambda patch: dies_after(patch, payments, "_record_paid"),
            lambda patch: dies_before(patch, audit_events, "record"),
        ],
        ids=["asked once", "asked twice", "before the grant", "after the grant", "after marking", "before the record"],
    )
    def test_money_that_was_taken_becomes_credits_once(
        self, shop: Shop, sandbox: Payments, monkeypatch: pytest.MonkeyPatch, deadly: Any
    ) -> None:
        order = self.paid_at_stripe(shop, sandbox)
        killed(monkeypatch, deadly, lambda: settle(order.pk))
        assert shop.grants() == []  # nothing of it was committed

        for _ in range(2):
            settle(order.pk)

        assert shop.balance() == 500
        money_equals_credits(shop, sandbox)

    def test_a_session_whose_answer_was_lost_is_found_by_its_payment(
        self, shop: Shop, sandbox: Payments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = shop.order(now=None)
        killed(
            monkeypatch,
            lambda patch: dies_after(patch, stripe_gateway, "create_checkout"),
            lambda: begin_checkout(Purchase.objects.get(pk=order.pk)),
        )
        with sandbox.sandbox.account.lock:
            (session,) = list(sandbox.sandbox.account.all("checkout.session"))
        sandbox.pay(session["url"])

        assert settle(order.pk).state == "paid"
        money_equals_credits(shop, sandbox)

    def test_the_return_page_after_a_crash_gives_what_was_paid(
        self, shop: Shop, sandbox: Payments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = self.paid_at_stripe(shop, sandbox)
        killed(monkeypatch, lambda patch: dies_before(patch, ledger, "grant"), lambda: settle(order.pk))
        client = Client()
        client.force_login(shop.owner)

        page = client.get(f"/o/acme/purchases/{order.reference}/return/").content.decode()

        assert "Payment received, credits added" in page
        money_equals_credits(shop, sandbox)
