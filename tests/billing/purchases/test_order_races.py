"""Orders and payments at the same moment: the last place, the last use of a code, one form, one payment.

Each race has its control: the same without the lock goes wrong.
"""

import threading
from typing import Any

import pytest

from billing.models import Promotion, PromotionUse, Purchase
from billing.purchases import orders
from billing.purchases.orders import HoldingLimitReached, begin_checkout
from billing.purchases.payments import grant_paid
from billing.purchases.promotions import PromotionRefused, redeem
from billing.purchases.quotes import PackChoice
from billing.purchases.settlement import WrongPayment, settle
from credits import ledger
from credits.ledger import rows
from organizations import audit_events
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.shop import NOW, Shop, open_shop, prove_books
from tests.support.races import run_many, run_together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def almost_full() -> Shop:
    """An organization with one last place under its holding limit."""
    shop = open_shop("growi")
    shop.give(495_000)
    return shop


def held_and_ordered(shop: Shop) -> int:
    return shop.balance() + sum(Purchase.objects.values_list("credits", flat=True))


class TestTheLastPlace:
    def test_is_sold_once(self, almost_full: Shop) -> None:
        results = run_many(lambda: almost_full.order(PackChoice("lot")), 8)

        assert sum(isinstance(result, Purchase) for result in results) == 1
        assert sum(isinstance(result, HoldingLimitReached) for result in results) == 7
        assert held_and_ordered(almost_full) == 500_000

    def test_without_the_wallets_lock_it_is_sold_twice(
        self, almost_full: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unlock(monkeypatch)
        meet_before(monkeypatch, orders, "write_order")

        results = run_many(lambda: almost_full.order(PackChoice("lot")), 2)

        assert [type(result) for result in results] == [Purchase, Purchase]
        assert held_and_ordered(almost_full) > 500_000

    def test_a_double_click_on_it_gives_one_order_twice_and_no_refusal(self, almost_full: Shop) -> None:
        results = run_many(lambda: almost_full.order(PackChoice("lot"), form_token="same"), 6)

        assert len({result.pk for result in results}) == 1
        assert Purchase.objects.count() == 1


class TestTheLastUse:
    def test_of_a_code_brings_credits_to_one(self) -> None:
        shops = [open_shop("fluxori", slug=f"shop-{n}", owner=factories.person(f"Owner{n}")) for n in range(4)]
        Promotion.objects.update(most_uses=1)

        results = run_together([redeeming(shop) for shop in shops])

        assert sum(isinstance(result, PromotionUse) for result in results) == 1
        assert sum(isinstance(result, PromotionRefused) for result in results) == 3
        assert sum(shop.balance() for shop in shops) == 50
        prove_books()

    def test_without_the_promotions_lock_it_brings_them_to_two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shops = [open_shop("fluxori", slug=f"shop-{n}", owner=factories.person(f"Owner{n}")) for n in range(2)]
        Promotion.objects.update(most_uses=1)
        monkeypatch.setattr(type(Promotion.objects), "select_for_update", lambda self, **_: self.all())
        meet_before(monkeypatch, ledger, "grant")

        results = run_together([redeeming(shop) for shop in shops])

        assert [type(result) for result in results] == [PromotionUse, PromotionUse]

    def test_by_one_organization_many_times_at_once_brings_credits_once(self) -> None:
        shop = open_shop("fluxori")

        results = run_many(redeeming(shop), 6)

        assert sum(isinstance(result, PromotionUse) for result in results) == 1
        assert shop.balance() == 50


class TestOnePayment:
    def test_settled_by_three_callers_at_once_is_one_grant(self) -> None:
        shop = open_shop("fluxori")
        order = shop.order()

        results = run_many(lambda: grant_paid(order, payment_id="pi_1", now=NOW), 8)

        assert {result.state for result in results} == {"paid"}
        assert [grant.amount for grant in shop.grants()] == [500]
        prove_books()

    def test_without_the_locks_the_unique_key_still_refuses_the_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = open_shop("fluxori")
        order = shop.order()
        unlock(monkeypatch)
        monkeypatch.setattr(type(Purchase.objects), "select_for_update", lambda self, **_: self.all())
        meet_before(monkeypatch, ledger, "grant")

        results = run_many(lambda: grant_paid(order, payment_id="pi_1", now=NOW), 2)

        assert sum(isinstance(result, Exception) for result in results) == 1
        assert [grant.amount for grant in shop.grants()] == [500]


def redeeming(shop: Shop) -> Any:
    return lambda: redeem(organization=shop.organization, code="WELCOME", actor=shop.owner, now=NOW)


def unlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the ledger read wallets without locking them."""
    execute = vars(rows)["execute"]

    def unlocked(sql: str, parameters: Any) -> Any:
        return execute(sql.replace("FOR NO KEY UPDATE OF w", ""), parameters)

    monkeypatch.setattr(rows, "execute", unlocked)


def meet_before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let two threads wait for each other before a call, so that neither sees what the other writes."""
    meeting, call = threading.Barrier(2, timeout=5), getattr(module, name)

    def met(*arguments: Any, **named: Any) -> Any:
        meeting.wait()
        return call(*arguments, **named)

    monkeypatch.setattr(module, name, met)


class TestAWrongPayment:
    """It is reported to staff once, whoever settles the order."""

    @pytest.fixture
    def order(self, at_stripe: Payments) -> Purchase:
        """An order that somebody paid another amount for."""
        found = open_shop("fluxori").order(now=None)
        at_stripe.pay(begin_checkout(found))
        Purchase.objects.update(list_amount_minor=45_000, amount_minor=1)
        return found

    def test_leaves_one_event(self, order: Purchase) -> None:
        assert {type(result) for result in run_many(lambda: settle(order.pk), 4)} == {WrongPayment}
        assert AuditEvent.objects.filter(action="purchase.payment_differs").count() == 1

    def test_control_recorded_without_a_key_each_leaves_its_own(
        self, order: Purchase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit_events, "record_once", lambda *, key, **event: bool(audit_events.record(**event)))

        run_many(lambda: settle(order.pk), 4)

        assert AuditEvent.objects.filter(action="purchase.payment_differs").count() == 4
