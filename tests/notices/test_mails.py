"""What a mail about a notice looks like, to a person and to the programs that carry it."""

import email
from email.message import Message
from typing import Any

import pytest
from django.core import mail as outgoing
from django.utils import translation

from billing.dashboard.events import GRANT_EXPIRING
from billing.recharge.events import RECHARGE_FAILED
from credits.ledger.thresholds.events import DEPLETED, LOW
from domain_events.declarations import DomainEvent
from notices import unsubscribing
from notices.delivery import send_due
from organizations.models import Organization, User
from tests.support import factories
from tests.support.occasions import NOW, given
from usage.limits.events import LIMIT_REQUESTED

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _here(settings: object) -> None:
    settings.BASE_URL = "https://credits.example.com"  # type: ignore[attr-defined]


def mailed(
    organization: Organization, event: DomainEvent[Any], *, user: User | None = None, **details: object
) -> Message:
    """The mail that was sent, read from its bytes as a mail program does."""
    given(organization, event, user=user, **details)
    assert send_due(now=NOW) == {"sent": 1}
    (message,) = outgoing.outbox
    return email.message_from_bytes(message.message().as_bytes())


def part(message: Message, kind: str) -> str:
    (found,) = [each for each in message.walk() if each.get_content_type() == kind]
    content = found.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def header(message: Message, name: str) -> str:
    """A header, unfolded and decoded."""
    return str(email.header.make_header(email.header.decode_header(" ".join(str(message[name]).split()))))


def test_its_text_is_exact(acme: Organization, alice: User) -> None:
    message = mailed(acme, LOW)
    token = unsubscribing.token_for(user=alice, organization=acme, kind=LOW.name)

    assert header(message, "Subject") == "Your balance is low · Acme"
    assert message["From"] == "Drawdown <credits@localhost>"
    assert message["To"] == "alice@example.com"
    assert part(message, "text/plain") == (
        "Your balance is low\n"
        "\n"
        "Available now: 480 credits\n"
        "Low-balance alert: below 500 credits\n"
        "\n"
        "Buy credits: https://credits.example.com/o/acme/buy/\n"
        "\n"
        "--\n"
        "You receive this email because you are a member of Acme. All notices: https://credits.example.com/o/acme/notices/\n"
        f"Unsubscribe from emails like this: https://credits.example.com/notices/unsubscribe/{token}/\n"
    )


def test_its_page_says_the_same(acme: Organization) -> None:
    page = part(mailed(acme, LOW), "text/html")

    assert '<html lang="en">' in page
    assert "<p>Available now: 480 credits</p>" in page
    assert '<a href="https://credits.example.com/o/acme/buy/">Buy credits</a>' in page
    assert "Unsubscribe from emails like this" in page


def test_one_click_unsubscribing_is_offered_to_mail_programs(acme: Organization, alice: User) -> None:
    message = mailed(acme, LOW)
    token = unsubscribing.token_for(user=alice, organization=acme, kind=LOW.name)

    assert header(message, "List-Unsubscribe") == f"<https://credits.example.com/notices/unsubscribe/{token}/>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"


def test_what_owners_can_not_do_without_offers_no_end(acme: Organization) -> None:
    message = mailed(acme, RECHARGE_FAILED)

    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None
    assert "unsubscribe" not in part(message, "text/plain")
    assert "unsubscribe" not in part(message, "text/html")


@pytest.mark.parametrize(("language", "day"), [("ja", "2026年3月25日"), ("ko", "2026년 3월 25일")])
def test_it_is_in_the_recipients_own_language(acme: Organization, language: str, day: str) -> None:
    reader = factories.person("Yuki", language=language)
    factories.member(acme, reader)
    with translation.override("en"):
        message = mailed(acme, GRANT_EXPIRING, user=reader)

    assert day in header(message, "Subject")
    assert day in part(message, "text/plain")
    assert f'<html lang="{language}">' in part(message, "text/html")


def test_a_name_can_not_add_a_header_or_markup(acme: Organization) -> None:
    Organization.objects.filter(pk=acme.pk).update(name="Acme\r\nBcc: all@example.com\n\n<b>Bold</b>")
    message = mailed(Organization.objects.get(pk=acme.pk), LIMIT_REQUESTED, member="Bob\r\nX-Evil: 1", message="<i>")

    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert (
        header(message, "Subject") == "Bob X-Evil: 1 requested a higher limit · Acme Bcc: all@example.com <b>Bold</b>"
    )
    assert "<b>" not in part(message, "text/html")
    assert "<i>" not in part(message, "text/html")


def test_a_text_mail_shows_names_as_they_are(acme: Organization) -> None:
    Organization.objects.filter(pk=acme.pk).update(name="Smith & Sons")
    message = mailed(Organization.objects.get(pk=acme.pk), DEPLETED)

    assert "a member of Smith & Sons." in part(message, "text/plain")
    assert "a member of Smith &amp; Sons." in part(message, "text/html")
