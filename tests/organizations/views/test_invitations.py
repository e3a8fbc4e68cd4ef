"""Inviting on the members page, and the page on which the invited person accepts."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from organizations.models import AuditEvent, Invitation, Membership, Organization, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in

INVITE = "/o/acme/invitations/"
DORA = {"email": "dora@example.com", "role": "member"}


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


@pytest.fixture
def link(alices: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> str:
    """The path of the link in the mail that Dora got."""
    with django_capture_on_commit_callbacks(execute=True):
        alices.post(INVITE, DORA)
    found = re.search(r"http://localhost:8000(/invitations/\S+)", str(mail.outbox[0].body))
    assert found
    return found[1]


class TestInviting:
    def test_alice_invites_dora(self, alices: Client, link: str) -> None:
        page = alices.get("/o/acme/members/").content.decode()

        assert "Invitation sent to dora@example.com." in page
        assert "Resend" in page
        assert link.split("/")[2] not in page

    def test_a_second_click_sends_no_second_mail(self, alices: Client, link: str) -> None:
        response = alices.post(INVITE, DORA)

        assert response.status_code == 409
        assert "dora@example.com has already been invited." in response.content.decode()
        assert Invitation.objects.count() == 1

    @pytest.mark.parametrize("email", ["", "dora", "dora@example.com\nBcc: x@example.com", "x" * 250 + "@example.com"])
    def test_what_is_no_address_is_refused(self, alices: Client, email: str) -> None:
        response = alices.post(INVITE, {"email": email, "role": "member"})

        assert response.status_code == 422
        assert not Invitation.objects.exists()

    def test_a_mail_that_did_not_leave_is_shown_as_such(self, alices: Client) -> None:
        alices.post(INVITE, DORA)  # inside a test's transaction nothing is committed, so nothing is sent

        assert "not emailed yet: resend it" in alices.get("/o/acme/members/").content.decode()

    def test_it_is_sent_again_and_taken_back(self, alices: Client, link: str) -> None:
        first = Invitation.objects.get()
        again = alices.post(f"{INVITE}{first.public_id}/again/", follow=True).content.decode()
        assert "New invitation sent to dora@example.com. The previous link no longer works." in again

        second = Invitation.objects.get(revoked_at=None)
        back = alices.post(f"{INVITE}{second.public_id}/revoke/", follow=True).content.decode()
        assert "Invitation to dora@example.com revoked." in back
        twice = alices.post(f"{INVITE}{second.public_id}/revoke/", follow=True).content.decode()
        assert "This invitation is no longer open." in twice

    @pytest.mark.parametrize("action", ["", "{}/again/", "{}/revoke/"])
    def test_every_action_is_a_post_by_an_owner(
        self, alices: Client, link: str, bob: User, charlie: User, client: Client, action: str
    ) -> None:
        url = INVITE + action.format(Invitation.objects.get().public_id)

        assert alices.get(url).status_code == 405
        assert signed_in(bob).post(url, DORA).status_code == 403
        assert signed_in(charlie).post(url, DORA).status_code == 404
        assert client.post(url, DORA).status_code == 302
        assert Invitation.objects.get().revoked_at is None

    @pytest.mark.parametrize("action", ["again", "revoke"])
    def test_another_organizations_invitation_does_not_exist(self, link: str, charlie: User, action: str) -> None:
        url = f"/o/globex/invitations/{Invitation.objects.get().public_id}/{action}/"

        assert signed_in(charlie).post(url).status_code == 404


class TestAccepting:
    @pytest.fixture
    def doras(self, link: str) -> Client:
        return signed_in(factories.person("Dora"))

    def test_the_link_leaves_no_trace_of_its_token(self, doras: Client, link: str) -> None:
        response = doras.get(link)

        assert response["Location"] == "/invitations/"
        assert response["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response["Cache-Control"]

    def test_opening_it_accepts_nothing(self, doras: Client, link: str) -> None:
        page = doras.get(link, follow=True).content.decode()

        assert "Alice invited you to join Acme as a member." in page
        assert not Membership.objects.filter(user__email="dora@example.com").exists()

    def test_dora_accepts_and_is_a_member(self, doras: Client, link: str) -> None:
        doras.get(link)
        response = doras.post("/invitations/", follow=True)

        assert "You joined Acme." in response.content.decode()
        assert Membership.objects.get(user__email="dora@example.com").role == "member"

    def test_twice_is_once(self, doras: Client, link: str) -> None:
        doras.get(link)
        doras.post("/invitations/")
        doras.get(link)
        response = doras.post("/invitations/")

        assert response.status_code == 409
        assert "This invitation is not valid" in response.content.decode()
        assert AuditEvent.objects.filter(action="invitation.accepted").count() == 1

    def test_someone_else_is_told_whose_it_is(self, link: str, charlie: User) -> None:
        charlies = signed_in(charlie)
        charlies.get(link)
        response = charlies.post("/invitations/")

        assert response.status_code == 409
        assert "This invitation was sent to dora@example.com." in response.content.decode()

    def test_the_anonymous_sign_in_first_and_find_it_again(self, link: str, client: Client) -> None:
        assert client.get(link, follow=True).redirect_chain[-1][0] == "/accounts/login/?next=/invitations/"
        client.force_login(factories.person("Dora"))

        assert "Alice invited you to join Acme" in client.get("/invitations/").content.decode()

    def test_without_a_link_there_is_nothing_to_accept(self, acme: Organization, bob: User) -> None:
        response = signed_in(bob).post("/invitations/")

        assert response.status_code == 409
        assert "Ask an owner for a new one." in response.content.decode()
