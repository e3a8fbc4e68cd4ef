"""Bank transfers: an order with our reference waits for the deposit that staff confirm, once."""

from datetime import date, timedelta
from typing import Any

import pytest

from billing.models import Method, Purchase
from billing.purchases.payments import Deposit, NotPayable, confirm_deposit
from billing.purchases.quotes import PackChoice
from billing.purchases.settlement import cancel, settle
from credits.models import Grant, Source
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.billing.shop import NOW, Shop, open_shop, prove_books
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    shop = open_shop("allibee")
    shop.fill_in_details()
    return shop


@pytest.fixture
def stella() -> User:
    return factories.staff()


@pytest.fixture
def order(shop: Shop) -> Purchase:
    return shop.order(PackChoice("large"), method=Method.BANK_TRANSFER)


def deposit(stella: User, **terms: Any) -> Deposit:
    return Deposit(
        **{
            "amount_minor": 99_000,
            "deposited_on": date(2026, 3, 9),
            "confirmed_by": stella,
            "reason": "Statement of 9 March",
            **terms,
        }
    )


def test_a_confirmed_deposit_brings_credits_with_source_bank_transfer(
    shop: Shop, order: Purchase, stella: User
) -> None:
    paid = confirm_deposit(order, deposit(stella), now=NOW)

    grant = Grant.objects.get(purchase=paid)
    assert (paid.state, paid.deposited_on, paid.confirmed_by) == ("paid", date(2026, 3, 9), stella)
    assert (grant.source, grant.amount, grant.cost_minor) == (Source.BANK_TRANSFER, 10_000, 99_000)
    assert grant.expires_at is not None
    event = AuditEvent.objects.get(action="purchase.deposit_confirmed")
    assert (event.actor, event.reason, event.target) == (stella, "Statement of 9 March", order.reference)
    assert event.details["deposited_on"] == "2026-03-09"
    prove_books()


def test_the_products_servers_are_notified_once_that_it_is_paid(shop: Shop, order: Purchase, stella: User) -> None:
    for _ in range(2):
        confirm_deposit(order, deposit(stella), now=NOW)

    event = WebhookEvent.objects.get(type="purchase.paid")
    assert (event.organization, event.key, event.occurred_at) == (shop.organization, order.reference, NOW)
    assert event.data == {
        "organization": "acme",
        "reference": order.reference,
        "credits": 10_000,
        "amount_minor": 99_000,
        "currency": "KRW",
        "method": "bank_transfer",
        "paid_at": NOW.isoformat().replace("+00:00", "Z"),
        "balance": 10_000,
    }


def test_a_second_confirmation_changes_nothing(shop: Shop, order: Purchase, stella: User) -> None:
    confirm_deposit(order, deposit(stella), now=NOW)
    confirm_deposit(order, deposit(stella, reason="Again"), now=NOW)

    assert shop.balance() == 10_000
    assert AuditEvent.objects.filter(action="purchase.deposit_confirmed").count() == 1


@pytest.mark.parametrize("amount_minor", [98_999, 99_001, 0])
def test_a_deposit_that_differs_is_refused_with_both_amounts(
    shop: Shop, order: Purchase, stella: User, amount_minor: int
) -> None:
    with pytest.raises(NotPayable, match="does not match the order of ₩99,000"):
        confirm_deposit(order, deposit(stella, amount_minor=amount_minor), now=NOW)

    assert shop.balance() == 0


def test_a_deposit_of_a_day_to_come_is_refused(order: Purchase, stella: User) -> None:
    with pytest.raises(NotPayable, match="in the future"):
        confirm_deposit(order, deposit(stella, deposited_on=date(2026, 3, 11)), now=NOW)


def test_a_card_order_has_no_deposit(shop: Shop, stella: User) -> None:
    shop.put_method_on_file()

    with pytest.raises(NotPayable, match="not paid by bank transfer"):
        confirm_deposit(shop.order(PackChoice("large")), deposit(stella), now=NOW)


def test_money_that_comes_after_its_time_is_granted(shop: Shop, order: Purchase, stella: User) -> None:
    expired = settle(order.pk, now=NOW + timedelta(days=14))

    assert confirm_deposit(expired, deposit(stella), now=NOW + timedelta(days=20)).state == "paid"
    assert shop.balance() == 10_000


def test_money_for_an_order_that_was_canceled_is_granted(shop: Shop, order: Purchase, stella: User) -> None:
    assert confirm_deposit(cancel(order, now=NOW), deposit(stella), now=NOW).state == "paid"
    assert shop.balance() == 10_000


def test_an_order_is_kept_two_weeks_and_then_expires(order: Purchase) -> None:
    assert settle(order.pk, now=NOW + timedelta(days=14, seconds=-1)).state == "open"
    assert settle(order.pk, now=NOW + timedelta(days=14)).state == "expired"
