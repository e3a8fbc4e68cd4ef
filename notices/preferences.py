"""How an organization's owners want to hear of notices: of which kinds by mail, of which on the dashboard, and who.

The mark below which a balance is low belongs to the ledger.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from notices.models import ESSENTIAL, Kind, NoticeRecipient, NoticeSetting
from organizations.members.membership import lock_organization
from organizations.models import Organization, User


class Way(models.TextChoices):
    """How a kind is told. Every notice stands in the list, whatever is chosen."""

    BOTH = "both", _("by email and on the dashboard")
    MAIL = "mail", _("by email")
    DASHBOARD = "dashboard", _("on the dashboard")
    NEITHER = "neither", _("only in the list of notices")


# What is told to owners; an answer goes to whoever asked, however owners want to hear of things.
KINDS: list[Kind] = [kind for kind in Kind if kind != Kind.LIMIT_ANSWER]
BY_MAIL = {Way.BOTH, Way.MAIL}
ON_DASHBOARD = {Way.BOTH, Way.DASHBOARD}


def ways_for(kind: Kind) -> list[Way]:
    """What can be chosen for a kind: of what owners can't do without, one way at least."""
    return [way for way in Way if way != Way.NEITHER or kind not in ESSENTIAL]


def ways_of(organization: Organization) -> dict[Kind, Way]:
    """How each kind is told. One query."""
    ways: dict[Kind, Way] = dict.fromkeys(KINDS, Way.BOTH)
    for row in NoticeSetting.objects.filter(organization=organization, kind__in=KINDS):
        ways[Kind(row.kind)] = _WAYS[row.by_mail, row.on_dashboard]
    return ways


def recipients_of(organization: Organization) -> list[User]:
    """Who was chosen to get the mails and still is a member, by mail address. None: all owners do. One query."""
    rows = NoticeRecipient.objects.filter(organization=organization, user__memberships__organization=organization)
    return [row.user for row in rows.select_related("user").order_by("user__email")]


def change(*, organization: Organization, ways: Mapping[Kind, Way], recipients: Collection[User]) -> dict[str, Any]:
    """Set both; return what changed, from what to what, for the caller's audit event: nothing where nothing did.

    Raises ValueError for a way that a kind can't be told, OrganizationClosedError.
    """
    with transaction.atomic():
        locked = lock_organization(organization)
        return {**_change_ways(locked, ways), **_change_recipients(locked, recipients)}


_WAYS = {(way in BY_MAIL, way in ON_DASHBOARD): way for way in Way}


def _change_ways(organization: Organization, ways: Mapping[Kind, Way]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    before = ways_of(organization)
    for kind, way in ways.items():
        if way not in ways_for(kind):
            raise ValueError(f"{kind} is told one way at least")
        if before[kind] == way:
            continue
        changes[kind.value] = {"from": before[kind].value, "to": way.value}
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
