"""Asking for days to be added up again: by hand, where somebody doubts a sum. What the sweep finds are the same marks
that late uses leave."""

from zoneinfo import ZoneInfo

from django.db import transaction

from organizations import audit_events
from organizations.calendar import Days, day_of, midnight
from organizations.models import Organization, User
from usage.audit_actions import Action
from usage.models import LateUse, UsageRollup
from usage.rollups.closing import first_use_at


def ask_again(organization: Organization, days: Days, *, actor: User, reason: str) -> int:
    """Have days added up again by the next sweep, with an audit event; return how many of them there are to add up.

    Days without a use before them, and days that have not ended, need nothing and are left out.
    """
    with transaction.atomic():
        marked = mark_days(organization, days)
        audit_events.record(
            action=Action.USAGE_DAYS_ASKED_AGAIN,
            organization=organization,
            actor=actor,
            target=organization.slug,
            reason=reason,
            details={"first": days.first.isoformat(), "last": days.last.isoformat(), "days": marked},
        )
    return marked


def mark_days(organization: Organization, days: Days | None) -> int:
    """Mark days (None: all) that are added up as changed; return how many."""
    rollup = UsageRollup.objects.filter(pk=organization.pk).first()
    first_use = first_use_at(organization.pk)
    if rollup is None or first_use is None:
        return 0
    zone = ZoneInfo(rollup.time_zone)
    first, last = day_of(first_use, zone), rollup.through_on
    if days is not None:
        first, last = max(first, days.first), min(last, days.last)
    marks = [LateUse(organization=organization, occurred_at=midnight(day, zone)) for day in Days(first, last)]
    LateUse.objects.bulk_create(marks)
    return len(marks)
