"""What may be bought, in the browser: lots up to the holding limit, amounts of one's own choice within their bounds."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Purchase
from tests.e2e.payments_stage import Customer

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
        "By law your organization may hold 500,000 credits. It holds 5,000, open orders bring 0, "
        "so at most 495,000 more can be bought now."
    )
    assert not Purchase.objects.exists()

    alice.choose_pack("5,000 credits", lots=99)
    expect(alice.fact("Held afterwards")).to_have_text("500,000 / 500,000 credits")
    alice.order_and_pay()
    alice.choose_pack("5,000 credits")
    alice.sees("It holds 5,000, open orders bring 495,000, so at most 0 more can be bought now.")

    alice.open(f"purchases/{Purchase.objects.get().reference}/")
    alice.press("Go to pay")
    alice.is_at_payment("Pay")
    alice.type_card()
    alice.submit("Pay 990,000 JPY")
    alice.paid(added="+495,000", left="500,000")


def test_an_amount_of_ones_own_choice_is_bought_at_both_ends_of_its_bounds(customer_of: Any) -> None:
    alice: Customer = customer_of("skydeck")
    alice.shop.subscribe("pro")
    for amount, added, left in (("1", "+1", "1"), ("100000", "+100,000", "100,001")):
        alice.choose_amount(amount)
        alice.order_and_pay()
        alice.type_card()
        alice.submit()
        alice.paid(added=added, left=left)


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
