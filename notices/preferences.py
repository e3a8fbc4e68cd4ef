"""How an organization's owners get their notices: which kinds by mail, which on the dashboard, and who gets the mails.

The kinds come from `kinds`. The threshold of the low-balance alert belongs to the ledger.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from notices import kinds
from notices.kinds import Kind
from notices.models import NoticeRecipient, NoticeSetting
from organizations.members.membership import lock_organization
from organizations.models import Organization, User


class Way(models.TextChoices):
    """Where a kind appears. Every notice is in the list of notices, whatever is chosen."""

    BOTH = "both", _("Email and dashboard")
    MAIL = "mail", _("Email")
    DASHBOARD = "dashboard", _("Dashboard")
    NEITHER = "neither", _("List of notices only")


BY_MAIL = {Way.BOTH, Way.MAIL}
ON_DASHBOARD = {Way.BOTH, Way.DASHBOARD}


def ways_for(kind: Kind) -> list[Way]:
    """What can be chosen for a kind: email or dashboard at least, where the kind is essential."""
    return [way for way in Way if way != Way.NEITHER or not kind.is_essential]


def ways_of(organization: Organization) -> dict[str, Way]:
    """Where each of the owners' kinds appears, by its name. One query."""
    ways = {kind.name: Way.BOTH for kind in kinds.of_owners()}
    for row in NoticeSetting.objects.filter(organization=organization, kind__in=list(ways)):
        ways[row.kind] = _WAYS[row.by_mail, row.on_dashboard]
    return ways


def recipients_of(organization: Organization) -> list[User]:
    """Who was chosen to get the mails and still is a member, by mail address. None: all owners do. One query."""
    rows = NoticeRecipient.objects.filter(organization=organization, user__memberships__organization=organization)
    return [row.user for row in rows.select_related("user").order_by("user__email")]


def change(*, organization: Organization, ways: Mapping[str, Way], recipients: Collection[User]) -> dict[str, Any]:
    """Set both; return what changed, from what to what, for the caller's audit event: nothing where nothing did.

    ways: by the names of kinds. Raises ValueError for a way that a kind can't have, UnknownKind,
    OrganizationClosedError.
    """
    with transaction.atomic():
        locked = lock_organization(organization)
        return {**_change_ways(locked, ways), **_change_recipients(locked, recipients)}


_WAYS = {(way in BY_MAIL, way in ON_DASHBOARD): way for way in Way}


def _change_ways(organization: Organization, ways: Mapping[str, Way]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    before = ways_of(organization)
    for kind, way in ways.items():
        if way not in ways_for(kinds.get(kind)):
            raise ValueError(f"{kind} must be sent by email or shown on the dashboard")
        if before[kind] == way:
            continue
        changes[kind] = {"from": before[kind].value, "to": way.value}
        NoticeSetting.objects.update_or_create(
            organization=organization,
            kind=kind,
            defaults={"by_mail": way in BY_MAIL, "on_dashboard": way in ON_DASHBOARD},
        )
    return changes


def _change_recipients(organization: Organization, recipients: Collection[User]) -> dict[str, Any]:
    rows = NoticeRecipient.objects.filter(organization=organization)
    before = {row.user_id: row.user.public_id for row in rows.select_related("user")}
    after = {user.pk: user.public_id for user in recipients}
    if before == after:
        return {}
    rows.exclude(user__in=after).delete()
    fresh = [NoticeRecipient(organization=organization, user_id=pk) for pk in after.keys() - before.keys()]
    NoticeRecipient.objects.bulk_create(fresh)
    return {"recipients": {"from": sorted(before.values()), "to": sorted(after.values())}}
