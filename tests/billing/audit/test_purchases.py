"""The auditor names what is wrong between purchases and the ledger: each corruption is planted past the domain."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from billing.audit.invariants import PURCHASES, count_purchases
from billing.models import Promotion, PromotionUse, Purchase, Refund, RefundMode
from billing.purchases.promotions import redeem
from credits import audit
from credits.models import Grant, Operation, Source
from tests.support import factories
from tests.support.billing.shop import NOW, Shop, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """One card purchase, one that cost nothing, one code redeemed, one order that waits."""
    shop = open_shop("fluxori")
    Promotion.objects.create(program=shop.program, code="ALL", name="All", percent_off=100)
    shop.buy()
    shop.buy(promotion_code="ALL")
    redeem(organization=shop.organization, code="WELCOME", actor=shop.owner, now=NOW)
    shop.order()
    return shop


def broken(shop: Shop | None = None) -> list[str]:
    scope = audit.Scope(now=NOW, wallet_id=shop.wallet.pk if shop else None)
    return [item.invariant.name for item in audit.prove(PURCHASES, scope)]


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def bought(shop: Shop) -> Purchase:
    return Purchase.objects.get(organization=shop.organization, amount_minor__gt=0, state="paid")


def give_it_anothers_grant(shop: Shop) -> None:
    other = open_shop("fluxori", slug="globex", owner=factories.person("Dora"))
    Purchase.objects.filter(pk=bought(shop).pk).update(grant_id=other.driver.grant(500))


def use_another_operation(shop: Shop) -> None:
    spent = shop.driver.spend(1)
    PromotionUse.objects.update(operation_id=spent.id)


def refund_by_another_operation(shop: Shop) -> None:
    voided = shop.driver.void(shop.driver.grant(10), 10)
    Refund.objects.create(
        purchase=bought(shop), amount_minor=1, credits=1, mode=RefundMode.ALL, reason="x", created_at=NOW
    )
    Refund.objects.update(void_operation=Operation.objects.get(pk=voided.id))


CORRUPTIONS: list[tuple[str, Callable[[Shop], object]]] = [
    ("paid_purchase_has_its_grant", give_it_anothers_grant),
    ("bought_grant_has_its_purchase", lambda shop: shop.driver.grant(5, source=Source.CARD)),
    ("bought_grant_has_its_purchase", lambda shop: shop.driver.grant(5, source=Source.AUTO_RECHARGE)),
    ("purchase_grant_is_what_was_bought", lambda shop: sql("UPDATE billing_purchase SET credits = credits + 1")),
    (
        "purchase_grant_is_what_was_bought",
        lambda shop: sql("UPDATE billing_purchase SET amount_minor = 1 WHERE amount_minor > 0"),
    ),
    ("purchase_grant_is_what_was_bought", lambda shop: sql("UPDATE billing_purchase SET currency = 'USD'")),
    ("purchase_grant_is_what_was_bought", lambda shop: sql("UPDATE billing_purchase SET method = 'auto_recharge'")),
    ("purchase_grant_expires_as_sold", lambda shop: sql("UPDATE billing_purchase SET validity_days = 30")),
    (
        "purchase_was_paid_once",
        lambda shop: Purchase.objects.filter(pk=bought(shop).pk).update(stripe_payment_intent_id="pi_other"),
    ),
    ("refund_took_its_grant", refund_by_another_operation),
    ("promotion_use_is_its_grant", use_another_operation),
    (
        "payment_is_settled_in_time",
        lambda shop: Purchase.objects.filter(state="pending").update(expires_at=NOW - timedelta(days=2)),
    ),
]


def test_what_is_right_is_called_right(shop: Shop) -> None:
    assert broken() == []
    assert count_purchases(audit.Scope(now=timezone.now())) == 3
    assert Grant.objects.count() == 3


@pytest.mark.parametrize(("name", "corrupt"), CORRUPTIONS)
def test_each_corruption_is_named(shop: Shop, name: str, corrupt: Callable[[Shop], object]) -> None:
    corrupt(shop)

    assert name in broken()
    assert name in broken(shop)


def test_one_organization_can_be_audited_alone(shop: Shop) -> None:
    other = open_shop("fluxori", slug="globex", owner=factories.person("Dora"))
    other.driver.grant(5, source=Source.CARD)

    assert broken(shop) == []
    assert broken(other) == ["bought_grant_has_its_purchase"]
