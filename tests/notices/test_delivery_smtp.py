"""Delivery to a real mail server over a real connection: what smtplib makes of its answers is what is relied upon."""

import email
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from billing.dashboard.events import GRANT_EXPIRING
from notices.delivery import BACK_OFF, MailServerDown, send_due
from notices.models import MailState, NoticeMail, RefusedAddress
from organizations.models import Organization, Role
from tests.support import factories
from tests.support.occasions import NOW, given
from tests.support.servers.smtp_server import MailServer, serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with serving() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def owed(acme: Organization) -> dict[str, NoticeMail]:
    """Three owners' mails about one notice, by name."""
    for name in ("Dora", "Eve"):
        factories.member(acme, factories.person(name), role=Role.OWNER)
    mails = given(acme, GRANT_EXPIRING).mails.select_related("user")
    return {mail.user.name: mail for mail in mails}


def state_of(mail: NoticeMail) -> str:
    mail.refresh_from_db()
    return mail.state


def test_all_mails_of_a_run_leave_by_one_connection(server: MailServer, owed: dict[str, NoticeMail]) -> None:
    assert send_due(now=NOW) == {"sent": 3}

    assert server.calls == 1
    messages = [email.message_from_bytes(taken) for taken in server.taken]
    assert {message["Message-ID"] for message in messages} == {
        f"<notice-{mail.pk}@localhost>" for mail in owed.values()
    }
    assert all(message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click" for message in messages)


def test_a_mailbox_that_is_not_there_is_remembered_and_the_others_get_theirs(
    server: MailServer, owed: dict[str, NoticeMail]
) -> None:
    server.answer = lambda mailbox: "550 5.1.1 no such user" if mailbox.startswith("dora") else "250 ok"

    assert send_due(now=NOW) == {"sent": 2, "given_up": 1}

    assert state_of(owed["Dora"]) == MailState.FAILED
    assert RefusedAddress.objects.get().reason == "550 5.1.1 no such user"


def test_a_server_that_hangs_up_is_called_again_for_the_next_mail(
    server: MailServer, owed: dict[str, NoticeMail]
) -> None:
    server.answer = lambda mailbox: "" if mailbox.startswith("dora") else "250 ok"

    assert send_due(now=NOW) == {"sent": 2, "put_off": 1}
    assert state_of(owed["Dora"]) == MailState.PENDING

    server.answer = lambda _mailbox: "250 ok"
    assert send_due(now=NOW + BACK_OFF[0]) == {"sent": 1}


def test_a_busy_mailbox_is_tried_again(server: MailServer, owed: dict[str, NoticeMail]) -> None:
    server.answer = lambda _mailbox: "451 4.3.0 try later"

    assert send_due(now=NOW) == {"put_off": 3}
    assert not RefusedAddress.objects.exists()


def test_nobody_at_the_port_costs_no_mail_a_try(settings: Any, owed: dict[str, NoticeMail]) -> None:
    with socket.socket() as unused:
        # Bound and not listening: whoever calls is refused.
        unused.bind(("127.0.0.1", 0))
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = unused.getsockname()
        with pytest.raises(MailServerDown):
            send_due(now=NOW)

    assert set(NoticeMail.objects.values_list("state", "attempts")) == {(MailState.PENDING, 0)}
