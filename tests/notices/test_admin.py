"""What staff see of notices, and trying again with a reason."""

from uuid import uuid4

import pytest
from django.test import Client

from credits.ledger.thresholds.events import DEPLETED
from notices import addresses, kinds
from notices.delivery import send_due
from notices.models import MailState, NoticeMail, RefusedAddress
from organizations.models import AuditEvent, Organization, User
from tests.support import factories
from tests.support.occasions import NOW, given
from tests.support.pages.owner_pages import signed_in

pytestmark = pytest.mark.django_db

MAILS = "/admin/notices/noticemail/"
REFUSED = "/admin/notices/refusedaddress/"


@pytest.fixture
def stella(db: None) -> User:
    return factories.staff()


@pytest.fixture
def stellas(stella: User) -> Client:
    return signed_in(stella)


@pytest.fixture
def given_up(acme: Organization) -> NoticeMail:
    mail = given(acme).mails.get()
    NoticeMail.objects.filter(pk=mail.pk).update(state=MailState.FAILED, attempts=9, error="gone")
    return NoticeMail.objects.get(pk=mail.pk)


def ask(client: Client, url: str, act: str, pk: object, **fields: str) -> str:
    chosen = {"action": act, "_selected_action": str(pk), "token": str(uuid4())}
    response = client.post(url, {**chosen, **fields}, follow=True)
    return response.content.decode()


@pytest.mark.parametrize("model", ["notice", "noticemail", "refusedaddress"])
def test_every_list_can_be_searched_and_changes_nothing(stellas: Client, given_up: NoticeMail, model: str) -> None:
    addresses.refuse("alice@example.com", reason="550", now=NOW)

    page = stellas.get(f"/admin/notices/{model}/?q=alice").content.decode()

    assert "delete_selected" not in page
    assert "1 result" in page
    assert stellas.get(f"/admin/notices/{model}/add/").status_code == 403


def test_a_notice_shows_its_mails(stellas: Client, given_up: NoticeMail) -> None:
    page = stellas.get(f"/admin/notices/notice/{given_up.notice_id}/change/").content.decode()

    assert "alice@example.com" in page or "Alice" in page
    assert "gone" in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize("model", ["notice", "noticemail"])
def test_every_kind_can_be_chosen(stellas: Client, given_up: NoticeMail, acme: Organization, model: str) -> None:
    given(acme, DEPLETED)

    page = stellas.get(f"/admin/notices/{model}/?kind=balance.low").content.decode()

    assert "1 notice" in page or "1 email" in page
    assert "Low balance" in page
    assert all(f'?kind={kind.name}"' in page for kind in kinds.every())


class TestSendingAgain:
    def test_it_asks_why_first(self, stellas: Client, given_up: NoticeMail) -> None:
        assert 'name="reason"' in ask(stellas, MAILS, "send_again", given_up.pk)
        assert "This field is required." in ask(stellas, MAILS, "send_again", given_up.pk, reason=" ")
        given_up.refresh_from_db()
        assert given_up.state == MailState.FAILED

    def test_what_was_given_up_is_owed_anew_with_a_trace(
        self, stellas: Client, stella: User, acme: Organization, given_up: NoticeMail
    ) -> None:
        for _ in range(2):
            ask(stellas, MAILS, "send_again", given_up.pk, reason="Their server is back")

        event = AuditEvent.objects.get(action="notice_mail.sent_again")
        assert (event.actor, event.organization, event.reason) == (stella, acme, "Their server is back")
        assert event.details["error"] == "gone"
        assert send_due() == {"sent": 1}

    def test_what_was_sent_is_not_sent_again(self, stellas: Client, acme: Organization) -> None:
        mail = given(acme, DEPLETED).mails.get()
        send_due(now=NOW)

        page = ask(stellas, MAILS, "send_again", mail.pk, reason="Once more")

        assert "Done for 0 of 1." in page
        assert not AuditEvent.objects.filter(action="notice_mail.sent_again").exists()

    def test_whoever_may_only_look_is_offered_nothing(self, given_up: NoticeMail) -> None:
        from django.contrib.auth.models import Permission

        looker = factories.staff("Luke")
        User.objects.filter(pk=looker.pk).update(is_superuser=False)
        looker.user_permissions.add(Permission.objects.get(codename="view_noticemail"))
        looker = User.objects.get(pk=looker.pk)

        assert "send_again" not in signed_in(looker).get(MAILS).content.decode()
        ask(signed_in(looker), MAILS, "send_again", given_up.pk, reason="Please")
        given_up.refresh_from_db()
        assert given_up.state == MailState.FAILED


def test_a_refusal_that_was_a_mistake_is_lifted_with_a_trace(stellas: Client, stella: User) -> None:
    addresses.refuse("alice@example.com", reason="550 no such user", now=NOW)
    row = RefusedAddress.objects.get()

    ask(stellas, REFUSED, "lift", row.pk, reason="Their server was set up wrongly")

    assert not RefusedAddress.objects.exists()
    event = AuditEvent.objects.get(action="refused_address.lifted")
    assert (event.actor, event.details["email"]) == (stella, "alice@example.com")
