"""The words of notices about balances: exact, and leading where to act."""

from typing import Any

import pytest

from credits.ledger.thresholds.events import DEPLETED, LOW, RESTORED
from domain_events.declarations import DomainEvent
from tests.support.pages.words import words

BUY = ("Buy credits", "/o/acme/buy/")
DASHBOARD = ("Go to dashboard", "/o/acme/")

EXACT = [
    (
        LOW,
        {"available": 450, "threshold": 1_500},
        "Your balance is low",
        ["Available now: 450 credits", "Low-balance alert: below 1,500 credits"],
        BUY,
    ),
    (
        LOW,
        {"available": 1_250_000, "threshold": 5_000_000, "decimals": 6},
        "Your balance is low",
        ["Available now: 1.25 credits", "Low-balance alert: below 5.00 credits"],
        BUY,
    ),
    (DEPLETED, {}, "You're out of credits", ["AI requests are declined until you add credits."], BUY),
    (
        DEPLETED,
        {"ai_off_at_zero": True},
        "You're out of credits",
        ["AI was turned off in all services. After you buy credits, turn it back on for each service."],
        BUY,
    ),
    (
        RESTORED,
        {"available": 5_000, "unit": "tokens"},
        "Credits are available again",
        ["Available now: 5,000 tokens"],
        DASHBOARD,
    ),
    (
        RESTORED,
        {"available": 5_000, "ai_off_at_zero": True},
        "Credits are available again",
        ["Available now: 5,000 credits", "AI is still off. Turn it back on for each service."],
        DASHBOARD,
    ),
]


@pytest.mark.parametrize(("event", "changes", "title", "sentences", "link"), EXACT)
def test_the_words_are_exact(
    event: DomainEvent[Any], changes: dict[str, Any], title: str, sentences: list[str], link: tuple[str, str]
) -> None:
    text = words(event, **changes)

    assert (text.title, text.sentences, (text.link_text, text.path)) == (title, sentences, link)
