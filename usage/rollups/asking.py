"""Having days added up again on request, where somebody doubts a sum: recorded as late uses, which the sweep finds."""

from zoneinfo import ZoneInfo

from django.db import transaction

from organizations import audit_events
from organizations.calendar import Days, day_of, midnight
from organizations.models import Organization, User
from usage.audit_actions import Action
from usage.models import LateUse, UsageRollup
from usage.rollups.closing import first_use_at


def ask_again(organization: Organization, days: Days, *, actor: User, reason: str) -> int:
    """Have days added up again by the next sweep, with an audit event; return how many days.

    Days before the first use, and days that have not ended, are left out.
    """
    with transaction.atomic():
        reopened = reopen_days(organization, days)
        audit_events.record(
            action=Action.USAGE_DAYS_ASKED_AGAIN,
            organization=organization,
            actor=actor,
            target=organization.slug,
            reason=reason,
            details={"first": days.first.isoformat(), "last": days.last.isoformat(), "days": reopened},
        )
    return reopened


def reopen_days(organization: Organization, days: Days | None) -> int:
    """Have days (None: all) that are added up added up again by the next sweep; return how many days."""
    rollup = UsageRollup.objects.filter(pk=organization.pk).first()
    first_use = first_use_at(organization.pk)
    if rollup is None or first_use is None:
        return 0
    zone = ZoneInfo(rollup.time_zone)
    first, last = day_of(first_use, zone), rollup.through_on
    if days is not None:
        first, last = max(first, days.first), min(last, days.last)
    late_uses = [LateUse(organization=organization, occurred_at=midnight(day, zone)) for day in Days(first, last)]
    LateUse.objects.bulk_create(late_uses)
    return len(late_uses)
