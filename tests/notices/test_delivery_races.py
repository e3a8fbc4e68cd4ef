"""Several senders at once, each with a connection of its own: every mail leaves once."""

import threading
from typing import Any

import pytest
from django.core import mail as outgoing
from django.db.models import QuerySet

from jobs import outbox
from notices.delivery import send_due
from notices.models import MailState, NoticeMail
from organizations.models import Organization
from tests.support.occasions import NOW, given
from tests.support.races import run_many

pytestmark = pytest.mark.django_db(transaction=True)

SENDERS = 3


def ids_sent() -> list[str]:
    return sorted(message.extra_headers["Message-ID"] for message in outgoing.outbox)


def test_senders_at_once_send_every_mail_once(acme: Organization) -> None:
    for number in range(5):
        given(acme, key=f"low:{number}")

    results = run_many(lambda: send_due(now=NOW), SENDERS)

    assert sum(result["sent"] for result in results) == 5
    assert len(set(ids_sent())) == len(ids_sent()) == 5
    assert set(NoticeMail.objects.values_list("state", "attempts")) == {(MailState.SENT, 1)}


def test_control_without_the_lock_each_sends_it(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    given(acme)
    all_have_read = threading.Barrier(SENDERS, timeout=20)
    lock = outbox._lock
    meeting = threading.local()

    def read_together(rows: Any, count: int) -> list[Any]:
        found = lock(rows, count)
        if not getattr(meeting, "has_met", False):
            meeting.has_met = True
            all_have_read.wait()
        return found

    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_options: self)
    monkeypatch.setattr(outbox, "_lock", read_together)

    run_many(lambda: send_due(now=NOW), SENDERS)

    assert len(ids_sent()) == SENDERS
    # Even then people are shown one: all copies are the same message.
    assert len(set(ids_sent())) == 1
