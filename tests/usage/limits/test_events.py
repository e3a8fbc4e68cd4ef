"""The words of notices about limits: exact, and leading where to act."""

from typing import Any

import pytest

from domain_events.declarations import DomainEvent
from tests.support.pages.words import words
from usage.limits.events import LIMIT_ANSWERED, LIMIT_REQUESTED, LIMIT_THRESHOLD

LIMITS = ("View limits", "/o/acme/limits/")
REQUEST = ("Answer request", "/o/acme/limits/requests/lrq_1/")
OWN_USAGE = ("View your usage", "/o/acme/my-usage/")

EXACT = [
    (
        LIMIT_THRESHOLD,
        {"scope": "organization"},
        "90% of a monthly limit used",
        ["Limit: whole organization", "Used since Mar 1, 2026: 900 credits of 1,000 credits"],
        LIMITS,
    ),
    (
        LIMIT_THRESHOLD,
        {"scope": "team", "name": "Research", "feature_name": "Report", "percent": 100, "used": 1000},
        "Monthly limit reached",
        [
            "Limit: team Research",
            "Feature: Report",
            "Used since Mar 1, 2026: 1,000 credits of 1,000 credits",
            "Requests under this limit are declined until the month ends or the limit is raised.",
        ],
        LIMITS,
    ),
    (
        LIMIT_THRESHOLD,
        {"percent": 100, "limit": 1620, "used": 1605},
        "Monthly limit reached",
        [
            "Limit: Bob",
            "Used since Mar 1, 2026: 1,605 credits of 1,620 credits",
            "Requests that need more than the remaining 15 credits are declined.",
        ],
        LIMITS,
    ),
    (
        LIMIT_REQUESTED,
        {},
        "Bob requested a higher limit",
        [
            "Limit: Bob",
            "Used this month: 900 credits of 1,000 credits",
            "Requested: 2,000 credits a month",
            "“The report is due.”",
        ],
        REQUEST,
    ),
    (
        LIMIT_REQUESTED,
        {"asked": None, "message": ""},
        "Bob requested a higher limit",
        [
            "Limit: Bob",
            "Used this month: 900 credits of 1,000 credits",
            "Requested: an increase, no amount given",
        ],
        REQUEST,
    ),
    (
        LIMIT_ANSWERED,
        {},
        "Your limit request was granted",
        [
            "Limit: Bob",
            "Alice raised the limit to 2,000 credits a month.",
            "The increase ends on Apr 1, 2026, 12:00\u202fAM.",
        ],
        OWN_USAGE,
    ),
    (
        LIMIT_ANSWERED,
        {"until": None},
        "Your limit request was granted",
        ["Limit: Bob", "Alice raised the limit to 2,000 credits a month."],
        OWN_USAGE,
    ),
    (
        LIMIT_ANSWERED,
        {"credits": None, "until": None},
        "Your limit request was granted",
        ["Limit: Bob", "Alice removed the limit."],
        OWN_USAGE,
    ),
    (
        LIMIT_ANSWERED,
        {"granted": False, "credits": None, "until": None, "answer": "Not this month."},
        "Your limit request was declined",
        ["Limit: Bob", "Alice kept the limit unchanged.", "“Not this month.”"],
        OWN_USAGE,
    ),
]


@pytest.mark.parametrize(("event", "changes", "title", "sentences", "link"), EXACT)
def test_the_words_are_exact(
    event: DomainEvent[Any], changes: dict[str, Any], title: str, sentences: list[str], link: tuple[str, str]
) -> None:
    text = words(event, **changes)

    assert (text.title, text.sentences, (text.link_text, text.path)) == (title, sentences, link)


def test_a_persons_own_limit_is_called_so() -> None:
    text = words(LIMIT_THRESHOLD, is_to_one_person=True, feature_name="Report")

    assert text.sentences[:2] == ["Limit: your own", "Feature: Report"]
    assert (text.link_text, text.path) == OWN_USAGE
    assert words(LIMIT_ANSWERED, is_to_one_person=True).sentences[0] == "Limit: your own"


def test_what_people_typed_stays_in_one_line() -> None:
    text = words(LIMIT_REQUESTED, member="Bob\r\nBcc: all@example.com", message="one\n\ntwo")

    assert text.title == "Bob Bcc: all@example.com requested a higher limit"
    assert text.sentences[-1] == "“one two”"
