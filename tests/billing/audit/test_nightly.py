"""The nightly audit: it seals what it proved, and alerts staff where an invariant is broken."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection

from billing import tasks
from billing.audit import nightly
from credits import audit
from credits.models import AuditSeal
from jobs.schedule import JOBS
from organizations.models import AuditEvent
from tests.support.usage.usage_stage import Stage, set_up

pytestmark = pytest.mark.django_db(transaction=True)

NIGHT = datetime(2026, 3, 11, 3, tzinfo=UTC)
CHANGE_AN_EVENT = "UPDATE usage_usageevent SET model = 'large', input_tokens = 7"


@pytest.fixture
def acme() -> Stage:
    """An organization that used a report."""
    acme = set_up()
    acme.pay("first")
    return acme


def tamper(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = replica; {sql}; SET session_replication_role = origin")


def audit_ledger(*arguments: str) -> tuple[int, str]:
    written = StringIO()
    try:
        call_command("audit_ledger", *arguments, stdout=written)
    except SystemExit as end:
        return int(end.code or 0), written.getvalue()
    return 0, written.getvalue()


def test_clean_books_are_sealed_and_the_hash_is_returned(acme: Stage) -> None:
    did = nightly.run(now=NIGHT)
    sealed = AuditSeal.objects.get()
    assert did["broken"] == 0
    assert did["invariants"] == nightly.make_report(audit.Scope(now=NIGHT)).invariants
    assert did["seal"] == bytes(sealed.hash).hex()
    assert sealed.sealed_at == NIGHT
    assert mail.outbox == []


def test_what_was_changed_since_is_reported_to_staff_and_nothing_is_sealed(
    acme: Stage, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ADMINS = [("Staff", "staff@example.com")]  # type: ignore[attr-defined]
    nightly.run(now=NIGHT)
    tamper(CHANGE_AN_EVENT)
    did = nightly.run(now=NIGHT)
    assert (did["broken"], did["seal"]) == (1, "")
    assert AuditSeal.objects.count() == 1
    event = AuditEvent.objects.get(action="ledger.audit_failed")
    assert event.details == {"broken": {"sealed_past_is_unchanged": 1}}
    (mail_to_staff,) = mail.outbox
    assert mail_to_staff.to == ["staff@example.com"]
    assert f"wallet {acme.wallet.pk}/1: entries 1 to 2 are not what seal 1 sealed" in mail_to_staff.body
    assert "sealed_past_is_unchanged" in caplog.text


def test_a_mail_server_that_refuses_keeps_nothing_from_being_recorded(
    acme: Stage, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(nightly, "mail_admins", refuse)
    tamper("UPDATE credits_wallet SET balance = balance + 1")
    assert nightly.run(now=NIGHT)["broken"] == 2
    assert AuditEvent.objects.filter(action="ledger.audit_failed").count() == 1


def test_it_is_a_job_of_every_night() -> None:
    assert JOBS["nightly-audit"].call is tasks.audit_nightly


def test_the_command_seals_and_prints_what_is_to_be_kept(acme: Stage) -> None:
    code, written = audit_ledger("--seal")
    kept = bytes(AuditSeal.objects.get().hash).hex()
    assert code == 0
    assert written.endswith(f"Seal 1, to be kept elsewhere: {kept}\n")
    acme.pay("second")
    assert json.loads(audit_ledger("--seal", "--json", "--kept", kept)[1])["seal"]["number"] == 2
    assert json.loads(audit_ledger("--json")[1])["seal"] is None


def test_a_hash_that_was_kept_and_is_no_seals_is_refused(acme: Stage) -> None:
    with pytest.raises(CommandError, match="No seal has the hash abcd"):
        audit_ledger("--kept", "abcd")


def test_the_command_seals_nothing_that_is_broken(acme: Stage) -> None:
    tamper("UPDATE credits_wallet SET balance = balance + 1")
    code, written = audit_ledger("--seal")
    assert code == 1
    assert "Seal" not in written
    assert not AuditSeal.objects.exists()


def test_a_seal_is_never_of_one_organization(acme: Stage) -> None:
    with pytest.raises(CommandError, match="A seal is over all wallets"):
        audit_ledger("--seal", "--organization", "acme")
