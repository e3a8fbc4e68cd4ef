"""Memberships: who belongs to an organization, in which role. Every organization keeps at least one active owner.

Every verb locks the organization's row first and decides by what it reads then. Permission is checked by `access` and
the admin, not here.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from organizations import audit_events
from organizations.audit_actions import Action
from organizations.models import Membership, Organization, Role, Team, User
from organizations.refusals import Refusal


class OrganizationClosedError(Refusal):
    """The organization is closed, so nothing about it can change."""


class NotAMemberError(Refusal):
    """The user is not a member of the organization, or no longer."""


class LastOwnerError(Refusal):
    """The change would leave the organization without an active owner."""


class TeamClosedError(Refusal):
    """The team is closed, or belongs to another organization."""


def create_organization(
    *,
    slug: str,
    name: str,
    country: str,
    currency: str,
    owner: User,
    time_zone: str = "UTC",
    language: str = "en",
    actor: User | None = None,
    now: datetime | None = None,
) -> Organization:
    """Create an organization with its first owner, and record it.

    country: ISO 3166 ("JP"). currency: ISO 4217 ("JPY"). actor: None means the owner. Raises ValidationError for a
    wrong value and for a slug that is taken, and so on the second of two calls.
    """
    now = now or timezone.now()
    organization = Organization(
        slug=slug,
        name=name,
        country=country,
        currency=currency,
        time_zone=time_zone,
        language=language,
        created_at=now,
    )
    with transaction.atomic():
        organization.full_clean()
        organization.save()
        Membership.objects.create(organization=organization, user=owner, role=Role.OWNER, created_at=now)
        audit_events.record(
            action=Action.ORGANIZATION_CREATED,
            organization=organization,
            actor=actor or owner,
            target=slug,
            details={"owner": owner.public_id},
            now=now,
        )
    return organization


def lock_organization(organization: Organization) -> Organization:
    """Lock the organization's row until the transaction ends, and return the current row.

    FOR NO KEY UPDATE, so that rows that refer to it can still be inserted. Raises OrganizationClosedError.
    """
    locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if locked.closed_at is not None:
        raise OrganizationClosedError(_("%(name)s is closed.") % {"name": locked.name})
    return locked


def add_member(
    *,
    organization: Organization,
    user: User,
    role: str = Role.MEMBER,
    team: Team | None = None,
    actor: User | None = None,
    now: datetime | None = None,
) -> Membership:
    """Make `user` a member. Nothing changes if they are one already.

    Raises OrganizationClosedError, TeamClosedError.
    """
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock_organization(organization)
        team = open_team(locked, team)
        membership, is_new = Membership.objects.get_or_create(
            organization=locked, user=user, defaults={"role": role, "team": team, "created_at": now}
        )
        if is_new:
            details = {"role": role, "team": team.public_id if team else None}
            audit_events.record(
                action=Action.MEMBER_ADDED,
                organization=locked,
                actor=actor,
                target=user.public_id,
                details=details,
                now=now,
            )
    return membership


def change_role(
    *,
    organization: Organization,
    user: User,
    role: str,
    actor: User,
    reason: str = "",
    now: datetime | None = None,
) -> None:
    """Change a member's role. Nothing changes if they have it already.

    Raises OrganizationClosedError, NotAMemberError, LastOwnerError.
    """
    with transaction.atomic():
        locked = lock_organization(organization)
        membership = _membership(locked, user)
        if membership.role == role:
            return
        if membership.role == Role.OWNER:
            _refuse_last_owner(locked, user)
        details = {"from": membership.role, "to": role}
        membership.role = role
        membership.save(update_fields=["role"])
        audit_events.record(
            action=Action.MEMBER_ROLE_CHANGED,
            organization=locked,
            actor=actor,
            target=user.public_id,
            reason=reason,
            details=details,
            now=now,
        )


def remove_member(
    *, organization: Organization, user: User, actor: User, reason: str = "", now: datetime | None = None
) -> None:
    """Remove a member. Their usage stays in the history; the organization's API keys stay valid.

    Raises OrganizationClosedError, NotAMemberError (also on the second of two calls), LastOwnerError.
    """
    with transaction.atomic():
        locked = lock_organization(organization)
        membership = _membership(locked, user)
        if membership.role == Role.OWNER:
            _refuse_last_owner(locked, user)
        membership.delete()
        audit_events.record(
            action=Action.MEMBER_LEFT if actor == user else Action.MEMBER_REMOVED,
            organization=locked,
            actor=actor,
            target=user.public_id,
            reason=reason,
            details={"role": membership.role},
            now=now,
        )


def leave(*, organization: Organization, user: User, now: datetime | None = None) -> None:
    """Remove oneself. Raises as `remove_member` does."""
    remove_member(organization=organization, user=user, actor=user, now=now)


def move_to_team(
    *, organization: Organization, user: User, team: Team | None, actor: User, now: datetime | None = None
) -> None:
    """Move a member to a team, or (None) to no team. Nothing changes if they are there already.

    Raises OrganizationClosedError, NotAMemberError, TeamClosedError.
    """
    with transaction.atomic():
        locked = lock_organization(organization)
        membership = _membership(locked, user)
        team = open_team(locked, team)
        if membership.team_id == (team.pk if team else None):
            return
        membership.team = team
        membership.save(update_fields=["team"])
        audit_events.record(
            action=Action.MEMBER_MOVED,
            organization=locked,
            actor=actor,
            target=user.public_id,
            details={"team": team.public_id if team else None},
            now=now,
        )


def has_other_owner(organization: Organization, user: User) -> bool:
    """Return whether the organization has an active owner other than `user`. Call it under the lock to be certain."""
    owners = Membership.objects.filter(organization=organization, role=Role.OWNER, user__is_active=True)
    return owners.exclude(user=user).exists()


def open_team(organization: Organization, team: Team | None) -> Team | None:
    """Return the current row of the team. Call it under the organization's lock. Raises TeamClosedError."""
    if team is None:
        return None
    found = Team.objects.filter(organization=organization, pk=team.pk, closed_at=None).first()
    if found is None:
        raise TeamClosedError(_("The team %(team)s is closed.") % {"team": team.name})
    return found


def _membership(organization: Organization, user: User) -> Membership:
    membership = Membership.objects.filter(organization=organization, user=user).first()
    if membership is None:
        raise NotAMemberError(
            _("%(person)s is not a member of %(organization)s.") % {"person": user, "organization": organization}
        )
    return membership


def _refuse_last_owner(organization: Organization, user: User) -> None:
    if not has_other_owner(organization, user):
        raise LastOwnerError(
            _("%(person)s is the last owner of %(organization)s. Make someone else an owner first.")
            % {"person": user, "organization": organization}
        )
