"""Buying credits as a person does it: new card, saved card, the bank's question, a decline, a delayed payment."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Purchase, PurchaseState
from tests.support.pages.browser_payments import Customer, money

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]

DECLINED = "4000 0000 0000 9995"
ASKS = "4000 0027 6000 3184"


def test_a_lot_is_bought_with_a_new_card(customer_of: Any) -> None:
    alice: Customer = customer_of("growi")
    alice.choose_pack("5,000 credits")
    expect(alice.fact("Total")).to_have_text("¥10,000")
    expect(alice.fact("Balance after purchase")).to_have_text("5,000 credits")
    alice.order_and_pay()
    alice.type_card()
    alice.submit("Pay 10,000 JPY")

    reference = alice.paid(added="+5,000", left="5,000")

    alice.open(f"purchases/{reference}/")
    expect(alice.fact("Price")).to_have_text("¥10,000")
    expect(alice.fact("Bought by")).to_have_text("Alice")


def test_a_card_that_was_saved_pays_the_next_time(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("fluxori")
    alice.choose_pack("2,000 credits")
    alice.order_and_pay()
    alice.type_card(save=True)
    alice.submit()
    alice.paid(added="+2,000", left="2,000")

    alice.choose_pack("500 credits")
    alice.order_and_pay()
    expect(page.get_by_label("Visa ending in 4242")).to_be_checked()
    alice.submit()
    alice.paid(added="+500", left="2,500")


def test_the_bank_asks_whether_it_is_alice_who_pays(customer_of: Any) -> None:
    alice: Customer = customer_of("growi")
    alice.choose_pack("5,000 credits", lots=2)
    alice.order_and_pay()
    alice.type_card(ASKS)
    alice.submit("Pay 20,000 JPY")
    alice.is_at_payment("Your bank asks")
    alice.submit("Yes, confirm")

    alice.paid(added="+10,000", left="10,000")


def test_whom_the_bank_does_not_recognize_pays_nothing_and_tries_another_card(customer_of: Any) -> None:
    alice: Customer = customer_of("growi")
    alice.choose_pack("5,000 credits")
    alice.order_and_pay()
    alice.type_card(ASKS)
    alice.submit()
    alice.is_at_payment("Your bank asks")
    alice.submit("No, refuse")
    alice.sees("Your bank could not confirm that it is you.")
    alice.type_card()
    alice.submit()

    alice.paid(added="+5,000", left="5,000")


def test_after_a_decline_another_card_pays_the_same_order(customer_of: Any) -> None:
    alice: Customer = customer_of("fluxori")
    alice.choose_pack("500 credits")
    alice.order_and_pay()
    alice.type_card(DECLINED)
    alice.submit()
    alice.sees("Your card has insufficient funds.")
    assert alice.shop.balance() == 0
    alice.type_card()
    alice.submit()

    alice.paid(added="+500", left="500")
    assert Purchase.objects.count() == 1


def test_who_leaves_the_payment_page_goes_on_later(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("fluxori")
    alice.choose_pack("500 credits")
    alice.order_and_pay()
    page.get_by_role("link", name="Cancel and go back").click()
    reference = Purchase.objects.get().reference
    alice.sees(reference)
    assert alice.shop.balance() == 0

    alice.open(f"purchases/{reference}/")
    alice.press("Pay now")
    alice.is_at_payment("Pay")
    alice.type_card()
    alice.submit()
    assert alice.paid(added="+500", left="500") == reference


def test_a_delayed_payment_says_that_it_is_on_its_way_and_then_that_it_is_there(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("growi")
    alice.choose_pack("5,000 credits")
    alice.order_and_pay()
    page.get_by_label("Konbini").check()
    alice.submit()
    alice.reads("Your payment is processing")
    back = page.url
    assert alice.shop.balance() == 0

    _voucher(alice, "Pay")
    page.goto(back)
    alice.paid(added="+5,000", left="5,000")


def test_a_delayed_payment_that_comes_while_nobody_looks_is_credited_by_its_webhook(
    customer_of: Any, page: Page
) -> None:
    alice: Customer = customer_of("growi")
    alice.choose_pack("5,000 credits")
    alice.order_and_pay()
    page.get_by_label("Bank debit").check()
    alice.submit()
    alice.reads("Your payment is processing")
    back = page.url
    _voucher(alice, "Pay")
    page.goto("about:blank")
    alice.work_off_webhooks()

    assert alice.shop.balance() == 5_000
    page.goto(back)
    alice.paid(added="+5,000", left="5,000")


def test_a_delayed_payment_that_fails_says_so_and_brings_nothing(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("growi")
    alice.choose_pack("5,000 credits")
    alice.order_and_pay()
    page.get_by_label("Konbini").check()
    alice.submit()
    alice.reads("Your payment is processing")
    back = page.url
    _voucher(alice, "Let it fail")
    page.goto(back)

    alice.reads("Not paid")
    assert Purchase.objects.get().state == PurchaseState.FAILED
    assert alice.shop.balance() == 0


def test_the_back_button_and_a_second_click_buy_once(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("fluxori")
    alice.choose_pack("500 credits")
    alice.order_and_pay()
    address = page.url
    page.go_back()
    alice.order_and_pay()
    assert page.url == address
    alice.type_card()
    alice.submit()
    alice.paid(added="+500", left="500")

    page.goto(address)
    alice.sees("This was paid already.")
    page.get_by_role("link", name="Back").click()
    alice.paid(added="+500", left="500")
    assert Purchase.objects.count() == 1


def _voucher(alice: Customer, button: str) -> None:
    """Do to the delayed payment what the button on its voucher says."""
    (payment,) = money(alice.payments, alice.shop)
    alice.page.goto(f"{alice.payments.url}/vouchers/{payment.id}")
    alice.submit(button)
    expect(alice.page.get_by_role("button")).to_have_count(0)
