"""Auto-recharge in the browser: set up by an owner who reads what it would do, fired by a use, and seen afterwards."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing import tasks
from billing.models import RechargeAttempt
from tests.support.pages.browser_payments import Customer
from usage.metering.meter import meter
from usage.pricing import Measures
from usage.uses import Metered, Use

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]

GOOD = "4242 4242 4242 4242"
DECLINES_LATER = "4000 0000 0000 0341"
ASKS_ALWAYS = "4000 0027 6000 3184"


@pytest.fixture
def alice(customer_of: Any) -> Customer:
    """Alice's organization is on a paid plan of Enrich and holds 600,000 tokens."""
    alice: Customer = customer_of("enrich")
    alice.shop.subscribe("team")
    alice.shop.give(600_000)
    return alice


def put_on_file(alice: Customer, card: str) -> None:
    """Put a card on file without paying."""
    alice.open("payment-methods/")
    alice.press("Add a payment method")
    alice.is_at_payment("Save a payment method")
    alice.type_card(card)
    alice.submit("Save")
    if card == ASKS_ALWAYS:
        alice.is_at_payment("Your bank asks")
        alice.submit("Yes, confirm")
    alice.reads("Payment methods")
    alice.sees(f"{card[-4:]}")


def turn_on(alice: Customer) -> None:
    """Agree to what the program proposes: Standard below 500,000, for at most €50 a month."""
    alice.open("auto-recharge/")
    alice.press("Preview")
    alice.sees("With these settings, auto-recharge would have bought nothing.")
    alice.sees("It charges at most €50.00 per calendar month (Europe/Berlin)")
    alice.press("Agree and turn on")
    alice.sees("Auto-recharge turned on.")


def fall_below(alice: Customer) -> None:
    """Use tokens until fewer than the threshold are left; the background job does what it then does."""
    use = Use(organization="acme", key="use", feature="enrichment", measures=Measures(quantity=200_000))
    (answer,) = meter([use])
    assert isinstance(answer, Metered)
    tasks.recharge_wallet(alice.shop.wallet.pk)


def test_it_is_set_up_fires_when_few_are_left_and_is_found_in_purchases_and_history(
    alice: Customer, page: Page
) -> None:
    put_on_file(alice, GOOD)
    turn_on(alice)
    fall_below(alice)

    alice.open("auto-recharge/")
    expect(alice.fact("Spent this month")).to_have_text("€10.00 of €50.00")
    reference = RechargeAttempt.objects.get().purchase.reference
    attempt = page.get_by_role("row").filter(has_text=reference)
    expect(attempt).to_contain_text("€10.00")
    assert alice.shop.balance() == 2_900_000
    alice.open("purchases/")
    expect(page.get_by_role("row").filter(has_text=reference)).to_contain_text("paid")
    alice.open("history/")
    expect(page.get_by_role("row").filter(has_text=reference)).to_contain_text("+2,500,000")


def test_without_a_card_on_file_nothing_can_be_agreed_to(alice: Customer, page: Page) -> None:
    alice.open("auto-recharge/")
    alice.press("Preview")
    alice.sees("You have no saved payment method.")
    expect(page.get_by_role("button", name="Agree and turn on")).to_have_count(0)


def test_a_decline_is_told_with_its_reason(alice: Customer, page: Page) -> None:
    put_on_file(alice, DECLINES_LATER)
    turn_on(alice)
    fall_below(alice)

    alice.open("auto-recharge/")
    alice.sees("Your card was declined.")
    alice.sees("The last payment failed. We will not retry before")
    assert alice.shop.balance() == 400_000


def test_what_the_bank_wants_alice_present_for_she_pays_in_person(alice: Customer, page: Page) -> None:
    put_on_file(alice, ASKS_ALWAYS)
    turn_on(alice)
    fall_below(alice)
    assert alice.shop.balance() == 400_000

    alice.open("auto-recharge/")
    alice.press("Confirm and pay")
    alice.is_at_payment("Pay")
    alice.type_card(ASKS_ALWAYS)
    alice.submit("Pay 10.00 EUR")
    alice.is_at_payment("Your bank asks")
    alice.submit("Yes, confirm")
    alice.paid(added="+2,500,000", left="2,900,000")


def test_it_is_turned_off_and_buys_nothing_more(alice: Customer) -> None:
    put_on_file(alice, GOOD)
    turn_on(alice)
    alice.press("Turn off")
    alice.sees("Auto-recharge turned off.")
    fall_below(alice)

    assert alice.shop.balance() == 400_000
