"""Teams: named groups of members. They are closed, never deleted, since the history refers to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from organizations import audit_events
from organizations.audit_actions import Action
from organizations.members.membership import lock_organization
from organizations.models import Organization, Team, User
from organizations.refusals import Refusal


class TeamNameTakenError(Refusal):
    """An open team of the organization has this name, in any case."""


class NoSuchTeamError(Refusal):
    """The team is closed already, or belongs to another organization."""


def create_team(*, organization: Organization, name: str, actor: User | None, now: datetime | None = None) -> Team:
    """Create a team. Raises OrganizationClosedError, and TeamNameTakenError (also on the second of two calls)."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock_organization(organization)
        _refuse_taken_name(locked, name)
        team = Team.objects.create(organization=locked, name=name, created_at=now)
        _record(Action.TEAM_CREATED, team, actor, now, {"name": name})
    return team


def rename_team(
    *, organization: Organization, team: Team, name: str, actor: User | None, now: datetime | None = None
) -> None:
    """Rename a team. Nothing changes if it has the name already.

    Raises OrganizationClosedError, NoSuchTeamError, TeamNameTakenError.
    """
    with transaction.atomic():
        locked = lock_organization(organization)
        current = _open_team(locked, team)
        if current.name == name:
            return
        _refuse_taken_name(locked, name, but_for=current)
        details = {"from": current.name, "to": name}
        current.name = name
        current.save(update_fields=["name"])
        _record(Action.TEAM_RENAMED, current, actor, now, details)


def close_team(*, organization: Organization, team: Team, actor: User | None, now: datetime | None = None) -> None:
    """Close a team. Its members and open invitations have no team from now on; its past usage stays.

    Raises OrganizationClosedError, and NoSuchTeamError (also on the second of two calls).
    """
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock_organization(organization)
        current = _open_team(locked, team)
        current.closed_at = now
        current.save(update_fields=["closed_at"])
        members = current.memberships.update(team=None)
        current.invitations.filter(accepted_at=None, revoked_at=None).update(team=None)
        _record(Action.TEAM_CLOSED, current, actor, now, {"name": current.name, "members": members})


def _open_team(organization: Organization, team: Team) -> Team:
    found = Team.objects.filter(organization=organization, pk=team.pk, closed_at=None).first()
    if found is None:
        raise NoSuchTeamError(_("The team %(team)s is already closed.") % {"team": team.name})
    return found


def _refuse_taken_name(organization: Organization, name: str, but_for: Team | None = None) -> None:
    same = Team.objects.filter(organization=organization, name__iexact=name, closed_at=None)
    if any(team != but_for for team in same):
        raise TeamNameTakenError(_("A team named %(name)s already exists.") % {"name": name})


def _record(action: Action, team: Team, actor: User | None, now: datetime | None, details: Mapping[str, Any]) -> None:
    audit_events.record(
        action=action, organization=team.organization, actor=actor, target=team.public_id, details=details, now=now
    )
