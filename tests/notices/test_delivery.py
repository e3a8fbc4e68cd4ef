"""Sending what is owed: at least once, shown once, to whom it still concerns, whatever the mail server does."""

import email
import smtplib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail as outgoing
from django.core.mail.backends import locmem

from credits.ledger.thresholds.events import DEPLETED, LOW
from notices import delivery, tasks
from notices.delivery import BACK_OFF, CLAIMED_FOR, MailServerDown, send_due
from notices.models import MailState, NoticeMail, RefusedAddress, Unsubscription
from organizations.models import Membership, Organization, User
from tests.support import factories
from tests.support.occasions import NOW, give, given
from usage.limits.events import LIMIT_ANSWERED

pytestmark = pytest.mark.django_db

Sends = Callable[[Any, list[Any]], Any]


@pytest.fixture
def owed(acme: Organization) -> NoticeMail:
    return given(acme).mails.get()


def state_of(mail: NoticeMail) -> str:
    mail.refresh_from_db()
    return mail.state


def answer_by(monkeypatch: pytest.MonkeyPatch, *errors: Exception | None) -> list[str]:
    """Have the mail server answer each message by an error, or take it; return whom it was asked to take one for."""
    asked: list[str] = []
    answers = list(errors)
    take = locmem.EmailBackend.send_messages

    def send(office: locmem.EmailBackend, messages: list[Any]) -> int:
        asked.extend(message.to[0] for message in messages)
        error = answers.pop(0) if answers else None
        if error is not None:
            raise error
        return take(office, messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", send)
    return asked


def refusal(code: int, said: bytes) -> smtplib.SMTPRecipientsRefused:
    return smtplib.SMTPRecipientsRefused({"alice@example.com": (code, said)})


def sent() -> list[Message]:
    """What left, as it would travel."""
    return [email.message_from_bytes(message.message().as_bytes()) for message in outgoing.outbox]


class TestSending:
    def test_what_is_due_leaves_and_is_written_off(self, owed: NoticeMail) -> None:
        assert send_due(now=NOW) == {"sent": 1}

        assert state_of(owed) == MailState.SENT
        assert (owed.sent_at, owed.attempts) == (NOW, 1)
        assert [message.to for message in outgoing.outbox] == [["alice@example.com"]]
        assert send_due(now=NOW + timedelta(days=1)) == {}

    def test_what_is_not_due_yet_waits(self, owed: NoticeMail) -> None:
        assert send_due(now=NOW - timedelta(seconds=1)) == {}

    def test_a_crash_between_sending_and_writing_it_off_sends_the_same_message_again(
        self, owed: NoticeMail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        def die(*_arguments: Any, **_rest: Any) -> str:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(delivery, "_close", die)
            with pytest.raises(Killed):
                send_due(now=NOW)
        assert state_of(owed) == MailState.PENDING
        # As long as whoever claimed it may still be sending, nobody else does.
        assert send_due(now=NOW + CLAIMED_FOR - timedelta(seconds=1)) == {}

        assert send_due(now=NOW + CLAIMED_FOR) == {"sent": 1}

        first, second = sent()
        assert first["Message-ID"] == second["Message-ID"] == f"<notice-{owed.pk}@localhost>"
        assert first["Subject"] == second["Subject"]
        assert first["List-Unsubscribe"] == second["List-Unsubscribe"]

    def test_a_claim_outlives_every_job_that_sends(self) -> None:
        from jobs.schedule import JOBS
        from jobs.tasks import GRACE_SECONDS

        assert timedelta(seconds=JOBS["send-notices"].seconds + GRACE_SECONDS) < CLAIMED_FOR

    def test_one_mail_that_can_not_be_made_does_not_keep_the_others_back(self, acme: Organization, bob: User) -> None:
        bad, good = given(acme, key="bad"), given(acme, key="good")
        bad.details = {}
        bad.save()

        assert send_due(now=NOW) == {"put_off": 1, "sent": 1}
        assert state_of(bad.mails.get()) == MailState.PENDING
        assert state_of(good.mails.get()) == MailState.SENT

    @pytest.mark.django_db(transaction=True)
    def test_it_does_not_wait_for_a_server_within_a_transaction(self, owed: NoticeMail) -> None:
        from django.db import transaction

        with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
            send_due(now=NOW)
        assert outgoing.outbox == []


class TestTryingAgain:
    def test_a_temporary_refusal_is_tried_again_later(self, owed: NoticeMail, monkeypatch: pytest.MonkeyPatch) -> None:
        answer_by(monkeypatch, refusal(450, b"4.2.1 busy"))

        assert send_due(now=NOW) == {"put_off": 1}
        assert state_of(owed) == MailState.PENDING
        assert owed.next_try_at == NOW + BACK_OFF[0]
        assert "4.2.1 busy" in owed.error
        assert send_due(now=NOW + BACK_OFF[0]) == {"sent": 1}
        assert state_of(owed) == MailState.SENT
        assert owed.error == ""

    def test_it_is_given_up_after_about_three_days(self, owed: NoticeMail, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = answer_by(monkeypatch, *[smtplib.SMTPServerDisconnected("gone")] * 20)
        at: datetime = NOW
        for wait in BACK_OFF:
            assert send_due(now=at) == {"put_off": 1}
            at += wait
        assert send_due(now=at) == {"given_up": 1}

        assert state_of(owed) == MailState.FAILED
        assert timedelta(days=2.5) < at - NOW < timedelta(days=3.5)
        assert len(asked) == len(BACK_OFF) + 1
        assert send_due(now=at + timedelta(days=30)) == {}

    def test_a_server_that_is_down_costs_no_mail_a_try(self, owed: NoticeMail, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_office: object) -> None:
            raise ConnectionRefusedError("nobody there")

        with monkeypatch.context() as patched:
            patched.setattr(locmem.EmailBackend, "open", refuse)
            for days in range(10):
                with pytest.raises(MailServerDown, match="nobody there"):
                    send_due(now=NOW + timedelta(days=days))
        assert state_of(owed) == MailState.PENDING
        assert owed.attempts == 0

        assert send_due(now=NOW + timedelta(days=10)) == {"sent": 1}

    def test_nudges_leave_a_server_that_is_down_to_the_job(
        self, acme: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given(acme, now=datetime(2000, 1, 1, tzinfo=UTC))
        calls: list[object] = []

        def refuse(office: object) -> None:
            calls.append(office)
            raise TimeoutError("timed out")

        monkeypatch.setattr(locmem.EmailBackend, "open", refuse)
        monkeypatch.setattr(tasks, "_down_until", 0.0)
        for _ in range(3):
            tasks.send_mails()
        assert len(calls) == 1
        with pytest.raises(MailServerDown):
            tasks.send_due_mails()
        assert len(calls) == 2

        monkeypatch.setattr(tasks, "_down_until", time.monotonic())
        tasks.send_mails()
        assert len(calls) == 3

    def test_nobody_is_called_where_nothing_is_due(self, acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delivery, "get_connection", lambda: pytest.fail("called"))

        assert send_due(now=NOW) == {}

    def test_what_staff_ask_for_again_begins_anew(self, owed: NoticeMail) -> None:
        NoticeMail.objects.filter(pk=owed.pk).update(state=MailState.FAILED, attempts=9, error="gone")

        assert delivery.send_again(owed, now=NOW)
        assert not delivery.send_again(owed, now=NOW)
        assert send_due(now=NOW) == {"sent": 1}


class TestRefusedAddresses:
    @pytest.mark.parametrize("said", [(550, b"5.1.1 no such user"), (553, b"not here"), (552, b"5.2.2 mailbox full")])
    def test_an_address_refused_for_good_is_given_up_at_once_and_remembered(
        self, acme: Organization, owed: NoticeMail, monkeypatch: pytest.MonkeyPatch, said: tuple[int, bytes]
    ) -> None:
        asked = answer_by(monkeypatch, refusal(*said))

        assert send_due(now=NOW) == {"given_up": 1}
        assert state_of(owed) == MailState.FAILED
        kept = RefusedAddress.objects.get()
        assert (kept.email, kept.refused_at) == ("alice@example.com", NOW)
        assert said[1].decode() in kept.reason
        # Nothing more is sent there.
        give(acme, DEPLETED)
        assert send_due(now=NOW) == {"given_up": 1}
        assert asked == ["alice@example.com"]

    @pytest.mark.parametrize("said", [(550, b"5.7.1 relaying denied"), (530, b"authenticate first"), (421, b"later")])
    def test_a_refusal_that_is_not_about_the_address_is_not(
        self, owed: NoticeMail, monkeypatch: pytest.MonkeyPatch, said: tuple[int, bytes]
    ) -> None:
        answer_by(monkeypatch, refusal(*said))

        assert send_due(now=NOW) == {"put_off": 1}
        assert not RefusedAddress.objects.exists()

    def test_nor_is_a_message_that_the_server_does_not_like(
        self, owed: NoticeMail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer_by(monkeypatch, smtplib.SMTPDataError(554, b"5.6.0 message refused"))

        assert send_due(now=NOW) == {"put_off": 1}
        assert not RefusedAddress.objects.exists()


def suspend(_organization: Organization, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def remove(organization: Organization, user: User) -> None:
    Membership.objects.filter(organization=organization, user=user).delete()


def unsubscribe(organization: Organization, user: User) -> None:
    Unsubscription.objects.create(organization=organization, user=user, kind=LOW.name, created_at=NOW)


def forget_the_address(_organization: Organization, user: User) -> None:
    EmailAddress.objects.filter(user=user).update(verified=False)


def close(organization: Organization, _user: User) -> None:
    Organization.objects.filter(pk=organization.pk).update(closed_at=NOW)


class TestWhatIsNoLongerWanted:
    @pytest.mark.parametrize("meanwhile", [suspend, remove, unsubscribe, forget_the_address, close])
    def test_what_changed_since_is_respected(
        self, acme: Organization, alice: User, owed: NoticeMail, meanwhile: Callable[[Organization, User], None]
    ) -> None:
        meanwhile(acme, alice)

        assert send_due(now=NOW) == {"left_out": 1}
        assert state_of(owed) == MailState.SKIPPED
        assert owed.error
        assert outgoing.outbox == []

    def test_an_essential_mail_is_sent_to_whoever_unsubscribed_from_others(
        self, acme: Organization, alice: User
    ) -> None:
        unsubscribe(acme, alice)
        give(acme, DEPLETED)

        assert send_due(now=NOW) == {"sent": 1}

    def test_a_member_gets_what_is_for_them(self, acme: Organization) -> None:
        bob = factories.person("Bob")
        factories.member(acme, bob)
        give(acme, LIMIT_ANSWERED, user=bob)

        assert send_due(now=NOW) == {"sent": 1}
        assert outgoing.outbox[0].to == ["bob@example.com"]
