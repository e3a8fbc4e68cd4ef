"""The words of the notice that auto-recharge stopped: exact, and leading where to act."""

from billing.recharge.events import RECHARGE_FAILED
from tests.support.pages.words import words

STAYS_OFF = "Auto-recharge stays off until you complete the payment or turn it back on."


def test_a_decline_says_what_and_why() -> None:
    text = words(RECHARGE_FAILED)

    assert text.title == "Auto-recharge stopped"
    assert text.sentences == ["We couldn't charge ¥10,000.", "Reason: Your card was declined.", STAYS_OFF]
    assert (text.link_text, text.path) == ("Go to auto-recharge", "/o/acme/auto-recharge/")


def test_a_bank_that_wants_the_customer_says_what_to_do() -> None:
    text = words(RECHARGE_FAILED, needs_person=True, reason="")

    assert text.sentences == [
        "We couldn't charge ¥10,000. Your bank needs you to confirm the payment.",
        STAYS_OFF,
    ]
