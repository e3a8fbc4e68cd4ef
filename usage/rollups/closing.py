"""Closing days: their changes are recorded as late uses from then on. Briefly under the wallet's lock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from credits import ledger
from organizations.calendar import ONE_DAY, day_of, midnight
from organizations.models import Organization
from usage.models import UsageEvent, UsageRollup

# Most uses are reported within moments; a day that is closed a little later is not added up twice.
CLOSES_AFTER = timedelta(minutes=10)


class Busy(Exception):
    """Another run is adding up this organization's days."""


def lock(organization_id: int) -> UsageRollup | None:
    """Lock and return an organization's rollup, or return None if there is none yet. Raises Busy instead of waiting."""
    rollup = (
        UsageRollup.objects.select_related("organization")
        .select_for_update(skip_locked=True, of=("self",), no_key=True)
        .filter(pk=organization_id)
        .first()
    )
    if rollup is None and UsageRollup.objects.filter(pk=organization_id).exists():
        raise Busy
    return rollup


def first_use_at(organization_id: int, *, since: datetime | None = None) -> datetime | None:
    """Return when an organization first used something, at or after an instant, or None."""
    events = UsageEvent.objects.filter(organization_id=organization_id)
    if since is not None:
        events = events.filter(occurred_at__gte=since)
    at: datetime | None = events.aggregate(at=Min("occurred_at"))["at"]
    return at


def close(organization: Organization, *, now: datetime | None) -> None:
    """Close the days that have ended. now: for tests; None: the database's clock, read after the lock.

    Once this has committed, every event of these days has committed too or will be recorded as a late use. A second
    call changes nothing. Raises Busy.
    """
    zone = ZoneInfo(organization.time_zone)
    until = _closes_at(now or timezone.now(), zone)
    if UsageRollup.objects.filter(pk=organization.pk, closed_until__gte=until).exists():
        return
    wallet_id = organization.wallet.pk
    with transaction.atomic():
        # Locked before the wallet: another run may hold it while it reads events, and no spend may wait for that.
        rollup = lock(organization.pk)
        with ledger.open_book(keys=[(wallet_id, "")], now=now) as book:
            instant = book.wallet(wallet_id).now
            until = _closes_at(instant, zone)
            if rollup is None:
                _begin(organization, zone, until=until, now=instant)
            elif rollup.closed_until < until:
                UsageRollup.objects.filter(pk=organization.pk).update(closed_until=until)


def _closes_at(now: datetime, zone: ZoneInfo) -> datetime:
    return midnight(day_of(now - CLOSES_AFTER, zone), zone)


def _begin(organization: Organization, zone: ZoneInfo, *, until: datetime, now: datetime) -> None:
    """Make the organization's rollup: added up through the day before the first use, where there is nothing."""
    first = day_of(min(first_use_at(organization.pk) or until, until), zone)
    # Of two at once, the second gets the wallet later and finds the row of the first.
    UsageRollup.objects.bulk_create(
        [
            UsageRollup(
                organization=organization,
                time_zone=zone.key,
                through_on=first - ONE_DAY,
                closed_until=until,
                rolled_at=now,
            )
        ],
        ignore_conflicts=True,
    )
