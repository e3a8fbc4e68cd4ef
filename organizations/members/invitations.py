"""Invitations: each offers a membership to one email address, once, for seven days.

The token is in the mail only; the database has its SHA-256. Open means not accepted, not revoked and not expired.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from organizations import audit_events
from organizations.accounts.people import verified_addresses
from organizations.audit_actions import Action
from organizations.members.membership import add_member, lock_organization, open_team
from organizations.models import Invitation, Membership, Organization, Role, Team, User
from organizations.refusals import Refusal

VALIDITY = timedelta(days=7)
# An invitation is a mail in our name to an unverified address, so there is a bound.
MAX_OPEN = 100
# Sent again and again, or sent and taken back, they are mails all the same.
MAX_A_DAY = 200
MAX_TO_ONE_ADDRESS_A_DAY = 5


class AlreadyInvitedError(Refusal):
    """The address has an open invitation to the organization."""


class AlreadyMemberError(Refusal):
    """The person is a member of the organization."""


class TooManyInvitationsError(Refusal):
    """The organization has reached the number of open invitations."""


class InvitationNotOpenError(Refusal):
    """The invitation was accepted, revoked or replaced, has expired, or never was."""


class WrongAddressError(Refusal):
    """The person has not verified the address that the invitation was sent to."""


def invite(
    *,
    organization: Organization,
    email: str,
    invited_by: User,
    role: str = Role.MEMBER,
    team: Team | None = None,
    now: datetime | None = None,
) -> Invitation:
    """Invite an address and mail the link after the commit, in the organization's language.

    Raises OrganizationClosedError, TeamClosedError, AlreadyMemberError, AlreadyInvitedError (also on the second of two
    calls), TooManyInvitationsError.
    """
    now = now or timezone.now()
    email = email.strip().lower()
    with transaction.atomic():
        locked = lock_organization(organization)
        team = open_team(locked, team)
        _refuse_needless(locked, email, now)
        return _create(organization=locked, email=email, role=role, team=team, invited_by=invited_by, now=now)


def invite_again(*, invitation: Invitation, actor: User, now: datetime | None = None) -> Invitation:
    """Replace an open or expired invitation by a new one with the same terms. The old link stops working.

    Raises OrganizationClosedError, AlreadyMemberError, TooManyInvitationsError, and InvitationNotOpenError (also on the
    second of two calls) unless it is open or expired.
    """
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock_organization(invitation.organization)
        current = _unanswered(invitation)
        _revoke(current, now)
        _refuse_needless(locked, current.email, now)
        return _create(
            organization=locked,
            email=current.email,
            role=current.role,
            team=current.team,
            invited_by=actor,
            now=now,
        )


def revoke(*, invitation: Invitation, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """Revoke an invitation. Raises InvitationNotOpenError (also on the second of two calls)."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock_organization(invitation.organization)
        current = _unanswered(invitation)
        _revoke(current, now)
        audit_events.record(
            action=Action.INVITATION_REVOKED,
            organization=locked,
            actor=actor,
            target=current.public_id,
            reason=reason,
            details={"email": current.email},
            now=now,
        )


def find(token: str, *, now: datetime | None = None) -> Invitation:
    """Return the open invitation of a link's token. Raises InvitationNotOpenError."""
    invitation = Invitation.objects.select_related("organization", "invited_by").filter(token_hash=_hash(token)).first()
    now = now or timezone.now()
    if invitation is None or not _is_open(invitation, now) or invitation.organization.closed_at is not None:
        raise InvitationNotOpenError(_not_open())
    return invitation


def accept(*, token: str, user: User, now: datetime | None = None) -> Membership:
    """Make the user a member and close the invitation. The user must have verified the invited address.

    Raises InvitationNotOpenError (also on the second of two calls), WrongAddressError, AlreadyMemberError,
    OrganizationClosedError.
    """
    now = now or timezone.now()
    found = find(token, now=now)
    if found.email not in verified_addresses(user):
        raise WrongAddressError(
            _("This invitation was sent to %(email)s. Sign in with an account that has verified this address.")
            % {"email": found.email}
        )
    with transaction.atomic():
        locked = lock_organization(found.organization)
        invitation = Invitation.objects.select_related("team", "invited_by").get(pk=found.pk)
        if not _is_open(invitation, now):
            raise InvitationNotOpenError(_not_open())
        _refuse_member(locked, user)
        invitation.accepted_at = now
        invitation.save(update_fields=["accepted_at"])
        audit_events.record(
            action=Action.INVITATION_ACCEPTED,
            organization=locked,
            actor=user,
            target=invitation.public_id,
            details={"email": invitation.email},
            now=now,
        )
        return add_member(
            organization=locked, user=user, role=invitation.role, team=invitation.team, actor=user, now=now
        )


def _create(
    *, organization: Organization, email: str, role: str, team: Team | None, invited_by: User, now: datetime
) -> Invitation:
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organization=organization,
        email=email,
        role=role,
        team=team,
        token_hash=_hash(token),
        invited_by=invited_by,
        created_at=now,
        expires_at=now + VALIDITY,
    )
    audit_events.record(
        action=Action.INVITATION_SENT,
        organization=organization,
        actor=invited_by,
        target=invitation.public_id,
        details={"email": email, "role": role, "team": team.public_id if team else None},
        now=now,
    )
    # robust: an error of the mail server must not fail a request whose work is committed. `mailed_at` stays empty, the
    # members page shows it, and the owner sends it again.
    transaction.on_commit(lambda: _mail(invitation, token), robust=True)
    return invitation


def _mail(invitation: Invitation, token: str) -> None:
    organization = invitation.organization
    # From the setting, not from the request, whose Host header can be forged.
    link = settings.BASE_URL.rstrip("/") + reverse("invitation", args=[token])
    context = {"invitation": invitation, "organization": organization, "link": link}
    with translation.override(organization.language):
        subject = _("You're invited to %(organization)s") % {"organization": organization.name}
        mail = EmailMultiAlternatives(
            subject=" ".join(subject.split()),
            body=render_to_string("organizations/invitations/email.txt", context),
            to=[invitation.email],
        )
        mail.attach_alternative(render_to_string("organizations/invitations/email.html", context), "text/html")
        mail.send()
    Invitation.objects.filter(pk=invitation.pk).update(mailed_at=timezone.now())


def _refuse_needless(organization: Organization, email: str, now: datetime) -> None:
    """Refuse an address of a member, or with an open invitation; revoke its expired one. Call it under the lock."""
    if Membership.objects.filter(organization=organization, user__email=email).exists():
        raise AlreadyMemberError(_("%(person)s is already a member.") % {"person": email})
    unanswered = Invitation.objects.filter(organization=organization, accepted_at=None, revoked_at=None)
    unanswered.filter(email=email, expires_at__lte=now).update(revoked_at=now)
    if unanswered.filter(email=email).exists():
        raise AlreadyInvitedError(
            _("%(email)s has already been invited. You can resend the invitation below.") % {"email": email}
        )
    sent = Invitation.objects.filter(organization=organization, created_at__gt=now - timedelta(days=1))
    if sent.filter(email=email).count() >= MAX_TO_ONE_ADDRESS_A_DAY or sent.count() >= MAX_A_DAY:
        raise TooManyInvitationsError(_("Too many invitations were sent within 24 hours. Try again tomorrow."))
    if unanswered.filter(expires_at__gt=now).count() >= MAX_OPEN:
        raise TooManyInvitationsError(
            _("You have %(count)s open invitations. Revoke some before you send more.") % {"count": MAX_OPEN}
        )


def _refuse_member(organization: Organization, user: User) -> None:
    if Membership.objects.filter(organization=organization, user=user).exists():
        raise AlreadyMemberError(_("You are already a member of %(organization)s.") % {"organization": organization})


def _unanswered(invitation: Invitation) -> Invitation:
    current = Invitation.objects.select_related("team").get(pk=invitation.pk)
    if current.accepted_at is not None or current.revoked_at is not None:
        raise InvitationNotOpenError(_("This invitation is no longer open."))
    return current


def _revoke(invitation: Invitation, now: datetime) -> None:
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])


def _is_open(invitation: Invitation, now: datetime) -> bool:
    return invitation.accepted_at is None and invitation.revoked_at is None and now < invitation.expires_at


def _not_open() -> str:
    return _(
        "This invitation is not valid. It was used or revoked, or it is older than seven days. "
        "Ask an owner for a new one."
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
