"""The words of the notice that credits expire: exact, in the reader's language, on the organization's clocks."""

from django.utils import translation

from billing.dashboard.events import GRANT_EXPIRING
from tests.support.pages.words import words


def test_the_words_are_exact() -> None:
    # Midnight in Tokyo, where the 25th begins while it is the 24th in UTC.
    text = words(GRANT_EXPIRING)

    assert text.title == "Credits expire on Mar 25, 2026"
    assert text.sentences == [
        "4,000 credits will expire on Mar 25, 2026, 12:00\u202fAM. Source: Card purchase.",
        "At your current rate, 120 credits will expire unused.",
    ]
    assert (text.link_text, text.path) == ("Go to dashboard", "/o/acme/")


def test_they_are_made_in_the_language_in_which_they_are_read() -> None:
    with translation.override("ja"):
        assert "2026年3月25日" in words(GRANT_EXPIRING).title
    with translation.override("ko"):
        assert "2026년 3월 25일" in words(GRANT_EXPIRING).title


def test_a_source_that_there_is_no_more_is_said_as_it_was_written() -> None:
    assert "Source: Lottery." in words(GRANT_EXPIRING, source="lottery").sentences[0]
