"""The settings that owners can change: name, time zone, language, and whether members need two factors."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from organizations import audit_events
from organizations.accounts.people import has_second_factor
from organizations.audit_actions import Action
from organizations.members.membership import lock_organization
from organizations.models import Organization, User
from organizations.refusals import Refusal


class OwnSecondFactorMissingError(Refusal):
    """An owner who requires two factors of everyone has no second factor."""


def change_preferences(
    *,
    organization: Organization,
    name: str,
    time_zone: str,
    language: str,
    requires_two_factor: bool,
    actor: User,
    now: datetime | None = None,
) -> None:
    """Change an organization's settings. Nothing is recorded if nothing changes.

    Raises OrganizationClosedError, OwnSecondFactorMissingError, ValidationError for a value that is wrong.
    """
    wanted = {
        "name": name,
        "time_zone": time_zone,
        "language": language,
        "requires_two_factor": requires_two_factor,
    }
    with transaction.atomic():
        locked = lock_organization(organization)
        changes = {key: value for key, value in wanted.items() if getattr(locked, key) != value}
        if not changes:
            return
        if "requires_two_factor" in changes and requires_two_factor and not has_second_factor(actor):
            raise OwnSecondFactorMissingError(_("Set up two-factor authentication for yourself first."))
        details = {key: {"from": getattr(locked, key), "to": value} for key, value in changes.items()}
        for key, value in changes.items():
            setattr(locked, key, value)
        locked.full_clean()
        locked.save(update_fields=list(changes))
        audit_events.record(
            action=Action.ORGANIZATION_CHANGED,
            organization=locked,
            actor=actor,
            target=locked.slug,
            details=details,
            now=now,
        )
