"""The life of an invitation: sent, accepted once by the right person in time, sent again, taken back."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from pytest_django import DjangoCaptureOnCommitCallbacks

from organizations.members import invitations, membership
from organizations.models import AuditEvent, Invitation, Membership, Organization, Role, User
from tests.support import factories
from tests.support.races import run_many

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Invite = Callable[..., str]


@pytest.fixture
def invite(
    acme: Organization, alice: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> Invite:
    """Invite an address to Acme and return the token from the mail."""

    def invite(email: str = "dora@example.com", **fields: object) -> str:
        with django_capture_on_commit_callbacks(execute=True):
            invitations.invite(organization=acme, email=email, invited_by=alice, now=NOW, **fields)  # type: ignore[arg-type]
        return token_of_last_mail()

    return invite


def token_of_last_mail() -> str:
    found = re.search(r"http://localhost:8000/invitations/([\w-]+)/", str(mail.outbox[-1].body))
    assert found
    return found[1]


def html_of_last_mail() -> str:
    message = mail.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    return str(message.alternatives[0][0])


class TestTheMail:
    def test_it_goes_to_the_address_as_text_and_html_with_a_link_from_our_settings(self, invite: Invite) -> None:
        token = invite("Dora@Example.com")

        message = mail.outbox[0]
        assert message.to == ["dora@example.com"]
        assert message.subject == "You're invited to Acme"
        assert f"http://localhost:8000/invitations/{token}/" in html_of_last_mail()

    def test_it_is_in_the_organizations_language_whoever_sends_it(
        self, invite: Invite, acme: Organization, alice: User
    ) -> None:
        Organization.objects.update(language="ja")
        invite()

        assert '<html lang="ja">' in html_of_last_mail()

    def test_the_token_has_256_random_bits_and_is_stored_nowhere(self, invite: Invite) -> None:
        token = invite()

        assert len(token) == 43
        row = Invitation.objects.values().get()
        assert token not in str(row)
        assert token not in str(list(AuditEvent.objects.values()))

    def test_nothing_is_sent_when_nothing_is_committed(self, acme: Organization, alice: User) -> None:
        invitations.invite(organization=acme, email="dora@example.com", invited_by=alice)

        assert mail.outbox == []

    def test_a_mail_server_that_is_down_leaves_an_invitation_that_says_so(
        self, acme: Organization, alice: User, invite: Invite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_args: object) -> int:
            raise ConnectionRefusedError

        monkeypatch.setattr(EmailBackend, "send_messages", refuse)
        with pytest.raises(IndexError):  # no mail to read the token from
            invite()
        assert Invitation.objects.get().mailed_at is None

    def test_a_mail_that_left_is_noted(self, invite: Invite) -> None:
        invite()

        assert Invitation.objects.get().mailed_at is not None

    def test_a_name_with_line_breaks_makes_no_header(self, invite: Invite) -> None:
        Organization.objects.update(name="Acme\r\nBcc: everyone@example.com")
        invite()

        assert mail.outbox[0].subject == "You're invited to Acme Bcc: everyone@example.com"


class TestAccepting:
    @pytest.fixture
    def dora(self, db: None) -> User:
        return factories.person("Dora")

    def test_the_right_person_becomes_what_they_were_invited_as(
        self, invite: Invite, acme: Organization, dora: User
    ) -> None:
        team = factories.team(acme)
        membership_made = invitations.accept(token=invite(role=Role.OWNER, team=team), user=dora, now=NOW)

        assert (membership_made.user, membership_made.role, membership_made.team) == (dora, Role.OWNER, team)
        assert AuditEvent.objects.get(action="invitation.accepted").actor == dora

    def test_a_second_time_is_refused(self, invite: Invite, dora: User) -> None:
        token = invite()
        invitations.accept(token=token, user=dora, now=NOW)

        with pytest.raises(invitations.InvitationNotOpenError):
            invitations.accept(token=token, user=dora, now=NOW)

    def test_another_person_is_refused(self, invite: Invite, charlie: User) -> None:
        with pytest.raises(invitations.WrongAddressError, match=r"sent to dora@example\.com"):
            invitations.accept(token=invite(), user=charlie, now=NOW)

        assert Invitation.objects.get().accepted_at is None

    def test_an_address_that_is_not_verified_does_not_count(self, invite: Invite, dora: User) -> None:
        EmailAddress.objects.filter(user=dora).update(verified=False)

        with pytest.raises(invitations.WrongAddressError):
            invitations.accept(token=invite(), user=dora, now=NOW)

    def test_a_second_verified_address_does(self, invite: Invite, charlie: User) -> None:
        EmailAddress.objects.create(user=charlie, email="dora@example.com", verified=True)

        assert invitations.accept(token=invite(), user=charlie, now=NOW).user == charlie

    def test_it_is_good_until_just_before_seven_days(self, invite: Invite, dora: User) -> None:
        token, end = invite(), NOW + timedelta(days=7)

        with pytest.raises(invitations.InvitationNotOpenError):
            invitations.accept(token=token, user=dora, now=end)
        assert invitations.accept(token=token, user=dora, now=end - timedelta(microseconds=1)).user == dora

    def test_a_token_that_we_never_made_is_refused(self, db: None, dora: User) -> None:
        for token in ["", "x" * 43, "\udcff", "\x00"]:
            with pytest.raises(invitations.InvitationNotOpenError):
                invitations.accept(token=token, user=dora, now=NOW)

    def test_a_closed_organization_takes_nobody_in(self, invite: Invite, dora: User) -> None:
        token = invite()
        Organization.objects.update(closed_at=NOW)

        with pytest.raises(invitations.InvitationNotOpenError):
            invitations.accept(token=token, user=dora, now=NOW)

    def test_a_member_keeps_the_role_and_the_invitation_stays(
        self, invite: Invite, acme: Organization, dora: User
    ) -> None:
        token = invite(role=Role.OWNER)
        factories.member(acme, dora)

        with pytest.raises(invitations.AlreadyMemberError):
            invitations.accept(token=token, user=dora, now=NOW)
        assert Membership.objects.get(user=dora).role == Role.MEMBER


class TestInviting:
    def test_a_member_is_not_invited(self, invite: Invite, bob: User) -> None:
        with pytest.raises(invitations.AlreadyMemberError, match=r"bob@example\.com is already a member"):
            invite("BOB@example.com")

    def test_an_address_is_invited_once(self, invite: Invite) -> None:
        invite()

        with pytest.raises(invitations.AlreadyInvitedError):
            invite("DORA@example.com")
        assert len(mail.outbox) == 1

    def test_an_expired_invitation_makes_room(self, invite: Invite, acme: Organization, alice: User) -> None:
        invite()
        later = NOW + timedelta(days=7)
        invitations.invite(organization=acme, email="dora@example.com", invited_by=alice, now=later)

        assert Invitation.objects.filter(revoked_at=None).get().created_at == later

    def test_there_is_a_bound(self, invite: Invite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(invitations, "MAX_OPEN", 1)
        invite()

        with pytest.raises(invitations.TooManyInvitationsError):
            invite("emil@example.com")

    def test_one_address_gets_few_mails_a_day(self, invite: Invite, alice: User) -> None:
        invite()
        for _ in range(invitations.MAX_TO_ONE_ADDRESS_A_DAY - 1):
            invitations.invite_again(invitation=Invitation.objects.get(revoked_at=None), actor=alice, now=NOW)
        current = Invitation.objects.get(revoked_at=None)

        with pytest.raises(invitations.TooManyInvitationsError):
            invitations.invite_again(invitation=current, actor=alice, now=NOW)
        current.refresh_from_db()
        assert current.revoked_at is None, "what is refused leaves the link that was sent"
        invitations.invite_again(invitation=current, actor=alice, now=NOW + timedelta(days=1))

    def test_invited_and_taken_back_counts_all_the_same(
        self, invite: Invite, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(invitations, "MAX_A_DAY", 2)
        for name in ("emil", "fritz"):
            invite(f"{name}@example.com")
            invitations.revoke(invitation=Invitation.objects.get(revoked_at=None), actor=alice, now=NOW)

        with pytest.raises(invitations.TooManyInvitationsError):
            invite("gustav@example.com")

    def test_a_closed_team_is_no_place_to_invite_to(self, invite: Invite, acme: Organization) -> None:
        team = factories.team(acme)
        team.closed_at = NOW
        team.save()

        with pytest.raises(membership.TeamClosedError):
            invite(team=team)


class TestAgainAndBack:
    def test_sent_again_only_the_new_link_works(
        self, invite: Invite, alice: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        old = invite()
        with django_capture_on_commit_callbacks(execute=True):
            invitations.invite_again(invitation=Invitation.objects.get(), actor=alice, now=NOW)

        assert invitations.find(token_of_last_mail(), now=NOW).email == "dora@example.com"
        with pytest.raises(invitations.InvitationNotOpenError):
            invitations.find(old, now=NOW)

    def test_two_clicks_send_it_again_once(self, invite: Invite, alice: User) -> None:
        invite()
        first = Invitation.objects.get()
        invitations.invite_again(invitation=first, actor=alice, now=NOW)

        with pytest.raises(invitations.InvitationNotOpenError):
            invitations.invite_again(invitation=first, actor=alice, now=NOW)
        assert Invitation.objects.count() == 2

    def test_taken_back_it_is_worthless_and_it_is_recorded_once(self, invite: Invite, alice: User) -> None:
        token = invite()
        invitations.revoke(invitation=Invitation.objects.get(), actor=alice, now=NOW)

        with pytest.raises(invitations.InvitationNotOpenError):
            invitations.find(token, now=NOW)
        with pytest.raises(invitations.InvitationNotOpenError):
            invitations.revoke(invitation=Invitation.objects.get(), actor=alice, now=NOW)
        assert AuditEvent.objects.filter(action="invitation.revoked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_accepted_five_times_at_once_it_makes_one_member() -> None:
    alice, dora = factories.person("Alice"), factories.person("Dora")
    acme = factories.organization(alice)
    invitations.invite(organization=acme, email=dora.email, invited_by=alice, now=NOW)
    token = token_of_last_mail()

    outcomes = run_many(lambda: invitations.accept(token=token, user=dora, now=NOW), times=5)

    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["InvitationNotOpenError"] * 4 + ["Membership"]
    assert AuditEvent.objects.filter(action__in=["member.added", "invitation.accepted"]).count() == 2
