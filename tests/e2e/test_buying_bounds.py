"""What may be bought, in the browser: lots up to the holding limit, amounts of one's own choice within their bounds."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Purchase
from tests.support.pages.browser_payments import Customer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def test_lots_are_bought_up_to_the_holding_limit_and_not_one_more(customer_of: Any) -> None:
    alice: Customer = customer_of("growi")
    alice.shop.give(5_000)
    alice.choose_pack("5,000 credits", lots=100)
    alice.reads("Buy credits")
    alice.sees(
        "By law, your organization can hold up to 500,000 credits. You hold 5,000 and have 0 on order, "
        "so you can buy up to 495,000 more."
    )
    assert not Purchase.objects.exists()

    alice.choose_pack("5,000 credits", lots=99)
    expect(alice.fact("Held after purchase")).to_have_text("500,000 / 500,000 credits")
    alice.order_and_pay()
    alice.choose_pack("5,000 credits")
    alice.sees("You hold 5,000 and have 495,000 on order, so you can buy up to 0 more.")

    alice.open(f"purchases/{Purchase.objects.get().reference}/")
    alice.press("Pay now")
    alice.is_at_payment("Pay")
    alice.type_card()
    alice.submit("Pay 990,000 JPY")
    alice.paid(added="+495,000", left="500,000")


def test_an_amount_of_ones_own_choice_is_bought_at_both_ends_of_its_bounds(customer_of: Any) -> None:
    alice: Customer = customer_of("skydeck")
    alice.shop.subscribe("pro")
    for amount, added, left in (("1", "+1.00", "1.00"), ("100000", "+100,000.00", "100,001.00")):
        alice.choose_amount(amount)
        expect(alice.fact("Credits")).to_have_text(f"{added[1:]} credits")
        alice.order_and_pay()
        alice.type_card()
        alice.submit()
        alice.paid(added=added, left=left)


def test_the_page_says_while_an_amount_is_typed_what_it_buys(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("fluxori")
    alice.open("buy/")
    amount, says = page.get_by_role("spinbutton", name="Amount in ZAR"), page.get_by_role("status")
    amount.fill("900")
    expect(says).to_have_text("1,000 credits")
    amount.fill("901")
    expect(says).to_have_text("")


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_an_amount_is_bought_without_javascript(customer_of: Any) -> None:
    alice: Customer = customer_of("fluxori")
    alice.choose_amount("900")
    alice.order_and_pay()
    alice.type_card()
    alice.submit("Pay 900.00 ZAR")
    alice.paid(added="+1,000", left="1,000")


def test_the_field_lets_no_amount_beyond_its_bounds_pass(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("skydeck")
    alice.shop.subscribe("pro")
    for amount in ("0.99", "100000.01", "1.005"):
        alice.choose_amount(amount)
        alice.reads("Buy credits")
        assert not page.get_by_role("spinbutton").evaluate("field => field.validity.valid")


@pytest.mark.parametrize("amount", ["0.99", "100000.01"])
def test_an_address_with_an_amount_beyond_its_bounds_says_what_they_are(customer_of: Any, amount: str) -> None:
    alice: Customer = customer_of("skydeck")
    alice.shop.subscribe("pro")
    alice.open(f"buy/review/?amount={amount}")

    alice.sees("The amount must be from $1.00 to $100,000.00.")
    assert not Purchase.objects.exists()
