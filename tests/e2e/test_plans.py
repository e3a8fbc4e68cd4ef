"""Plans in the browser: what only paid plans may buy is bought after an upgrade; the difference is charged."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Purchase
from tests.support.pages.browser_payments import Customer, money

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def choose(alice: Customer, plan: str) -> None:
    alice.open("plan/")
    alice.page.get_by_role("row").filter(has_text=plan).get_by_role("link").press("Enter")
    alice.reads(f"Change to {plan}")


def subscribe(alice: Customer, plan: str) -> None:
    """Choose a plan and pay its first month with a new card."""
    choose(alice, plan)
    alice.press("Continue to payment")
    alice.is_at_payment("Subscribe")
    alice.type_card()
    alice.submit("Subscribe")
    alice.sees(f"Your plan is {plan}.")


def test_who_is_on_the_free_plan_upgrades_and_then_buys(customer_of: Any, page: Page) -> None:
    alice: Customer = customer_of("enrich")
    choose(alice, "Free")
    alice.press("Change now")
    alice.sees("Your plan is Free.")
    alice.open("buy/")
    alice.sees("Credits are sold to organizations on a paid plan. Choose a plan first.")
    page.get_by_role("link", name="Plan", exact=True).last.click()
    alice.reads("Plan")
    subscribe(alice, "Team")
    assert alice.shop.balance() == 3_050_000

    alice.choose_pack("Standard")
    alice.order_and_pay()
    expect(page.get_by_label("Visa ending in 4242")).to_be_checked()
    alice.submit("Pay 10.00 EUR")
    alice.paid(added="+2,500,000", left="5,550,000")


def test_an_upgrade_charges_the_difference_to_the_card_on_file_and_leaves_what_was_bought(customer_of: Any) -> None:
    alice: Customer = customer_of("enrich")
    subscribe(alice, "Team")
    alice.choose_pack("Starter")
    alice.order_and_pay()
    alice.submit("Pay 5.00 EUR")
    alice.paid(added="+1,000,000", left="4,000,000")

    choose(alice, "Business")
    # Of the month some seconds are gone.
    expect(alice.fact("Due now")).to_contain_text(re.compile(r"about €(70\.00|69\.9\d)"))
    alice.press("Pay difference and change plan")
    alice.sees("Your plan is Business.")

    assert 69_90 <= sum(each.amount for each in money(alice.payments, alice.shop)) - 29_00 - 5_00 <= 70_00
    assert alice.shop.balance() == pytest.approx(13_000_000, rel=0.001)
    assert [grant.remaining for grant in alice.shop.grants() if grant.source == "card"] == [1_000_000]
    assert Purchase.objects.count() == 1


def test_who_cancels_keeps_the_plan_until_its_month_is_over_and_may_buy_until_then(customer_of: Any) -> None:
    alice: Customer = customer_of("skydeck")
    subscribe(alice, "Pro")
    alice.open("plan/cancel/")
    alice.press("Cancel plan")
    alice.sees("Plan canceled. It stays active until the end of the month.")

    alice.choose_amount("25")
    alice.order_and_pay()
    alice.submit("Pay 25.00 USD")
    alice.paid(added="+25", left="25")
