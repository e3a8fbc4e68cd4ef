"""The words of each kind: exact, in the reader's language, on the organization's clocks, and leading where to act."""

from typing import Any

import pytest
from django.utils import translation

from notices.models import Kind, Notice
from notices.texts import Text, text_of
from organizations.models import Organization, User
from tests.support.occasions import DETAILS, given

pytestmark = pytest.mark.django_db


def words(organization: Organization, kind: Kind, *, user: User | None = None, **details: Any) -> Text:
    notice = Notice(organization=organization, kind=kind, user=user, details={**DETAILS[kind], **details})
    return text_of(notice)


EXACT = [
    (
        Kind.LOW_BALANCE,
        {},
        "The balance is low",
        ["What can be spent now: 450 credits.", "The mark below which owners are told: 1,500 credits."],
        ("Buy credits", "/o/acme/buy/"),
    ),
    (
        Kind.LOW_BALANCE,
        {"available": 1_250_000, "below": 5_000_000, "decimals": 6},
        "The balance is low",
        ["What can be spent now: 1.25 credits.", "The mark below which owners are told: 5.00 credits."],
        ("Buy credits", "/o/acme/buy/"),
    ),
    (
        Kind.DEPLETED,
        {},
        "Nothing is left",
        ["Every further use of AI is refused until credits come in."],
        ("Buy credits", "/o/acme/buy/"),
    ),
    (
        Kind.DEPLETED,
        {"switched_off": True},
        "Nothing is left",
        ["AI was switched off in all services. After buying, switch on each one that should go on."],
        ("Buy credits", "/o/acme/buy/"),
    ),
    (
        Kind.RESTORED,
        {"unit": "tokens"},
        "There are credits again",
        ["What can be spent now: 5,000 tokens."],
        ("To the dashboard", "/o/acme/"),
    ),
    (
        Kind.RESTORED,
        {"switched_off": True},
        "There are credits again",
        [
            "What can be spent now: 5,000 credits.",
            "AI is still switched off. Switch each service on when you want it to go on.",
        ],
        ("To the dashboard", "/o/acme/"),
    ),
    (
        # Midnight in Tokyo, where the 25th begins while it is the 24th in UTC.
        Kind.EXPIRING,
        {},
        "Credits expire on Mar 25, 2026",
        [
            "What is left of one grant (card purchase), 4,000 credits, expires on Mar 25, 2026, 12:00\u202fAM.",
            "At the present pace this much of it would not be used by then: 120 credits.",
        ],
        ("To the dashboard", "/o/acme/"),
    ),
    (
        Kind.LIMIT,
        {"scope": "organization"},
        "90% of a monthly limit is used",
        ["Limit: the whole organization.", "Used since Mar 1, 2026: 900 credits of 1,000 credits."],
        ("Limits", "/o/acme/limits/"),
    ),
    (
        Kind.LIMIT,
        {"scope": "team", "name": "Research", "feature": "Report", "percent": 100, "used": 1000},
        "A monthly limit is reached",
        [
            "Limit: the team Research, for Report.",
            "Used since Mar 1, 2026: 1,000 credits of 1,000 credits.",
            "Further use is refused until the month ends or the limit is raised.",
        ],
        ("Limits", "/o/acme/limits/"),
    ),
    (
        Kind.LIMIT,
        {"percent": 100, "limit": 1620, "used": 1605},
        "A monthly limit is reached",
        [
            "Limit: Bob.",
            "Used since Mar 1, 2026: 1,605 credits of 1,620 credits.",
            "Uses that need more than what is left (15 credits) are refused.",
        ],
        ("Limits", "/o/acme/limits/"),
    ),
    (
        Kind.LIMIT_REQUEST,
        {},
        "Bob asks for more",
        [
            "Limit: Bob.",
            "Used this month: 900 credits of 1,000 credits.",
            "Asked for: 2,000 credits a month.",
            "“The report is due.”",
        ],
        ("Answer", "/o/acme/limits/requests/lrq_1/"),
    ),
    (
        Kind.LIMIT_REQUEST,
        {"asked": None, "message": ""},
        "Bob asks for more",
        ["Limit: Bob.", "Used this month: 900 credits of 1,000 credits.", "Asked for: more, no amount is named."],
        ("Answer", "/o/acme/limits/requests/lrq_1/"),
    ),
    (
        Kind.LIMIT_ANSWER,
        {},
        "Your request for more was granted",
        [
            "Limit: Bob.",
            "Alice raised it to 2,000 credits a month.",
            "It is raised until Apr 1, 2026, 12:00\u202fAM.",
        ],
        ("Your usage", "/o/acme/my-usage/"),
    ),
    (
        Kind.LIMIT_ANSWER,
        {"credits": None, "until": None},
        "Your request for more was granted",
        ["Limit: Bob.", "Alice took it away: it stops nothing any more."],
        ("Your usage", "/o/acme/my-usage/"),
    ),
    (
        Kind.LIMIT_ANSWER,
        {"granted": False, "credits": None, "until": None, "answer": "Not this month."},
        "Your request for more was declined",
        ["Limit: Bob.", "Alice left it as it is.", "“Not this month.”"],
        ("Your usage", "/o/acme/my-usage/"),
    ),
    (
        Kind.RECHARGE_FAILED,
        {},
        "Auto-recharge has stopped",
        [
            "It could not pay ¥10,000.",
            "The bank's answer: Your card was declined.",
            "Nothing is bought by itself until you pay, or start it again.",
        ],
        ("Auto-recharge", "/o/acme/auto-recharge/"),
    ),
    (
        Kind.RECHARGE_FAILED,
        {"needs_person": True, "reason": ""},
        "Auto-recharge has stopped",
        [
            "It could not pay ¥10,000: the bank wants to see you.",
            "Nothing is bought by itself until you pay, or start it again.",
        ],
        ("Auto-recharge", "/o/acme/auto-recharge/"),
    ),
]


@pytest.mark.parametrize(("kind", "details", "title", "sentences", "link"), EXACT)
def test_the_words_are_exact(
    acme: Organization,
    kind: Kind,
    details: dict[str, Any],
    title: str,
    sentences: list[str],
    link: tuple[str, str],
) -> None:
    text = words(acme, kind, **details)

    assert text.title == title
    assert text.sentences == sentences
    assert text.link_text == link[0]
    # A page that is not there yet is stood in for by the dashboard.
    assert text.path in {link[1], "/o/acme/"}


def test_a_person_is_told_of_their_own_limit_as_theirs(acme: Organization, bob: User) -> None:
    text = words(acme, Kind.LIMIT, user=bob, feature="Report")

    assert text.sentences[0] == "Limit: your own, for Report."
    assert text.path == "/o/acme/my-usage/"


def test_they_are_made_in_the_language_in_which_they_are_read(acme: Organization) -> None:
    notice = given(acme, Kind.EXPIRING)
    with translation.override("ja"):
        assert "2026年3月25日" in text_of(notice).title
    with translation.override("ko"):
        assert "2026년 3월 25일" in text_of(notice).title


def test_what_people_typed_stays_in_one_line(acme: Organization) -> None:
    text = words(acme, Kind.LIMIT_REQUEST, member="Bob\r\nBcc: all@example.com", message="one\n\ntwo")

    assert text.title == "Bob Bcc: all@example.com asks for more"
    assert text.sentences[-1] == "“one two”"


def test_every_kind_has_words(acme: Organization) -> None:
    assert all(words(acme, kind).title for kind in Kind)
