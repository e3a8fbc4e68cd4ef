"""Closing days: from then on, whoever changes them leaves a mark. A moment under the wallet's lock, no reading."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from credits import ledger
from organizations.calendar import ONE_DAY, day_of, midnight
from organizations.models import Organization
from usage.models import UsageEvent, UsageRollup

# Product servers tell of most uses within moments, so a day that waits a little is not made again at once.
CLOSES_AFTER = timedelta(minutes=10)


class Busy(Exception):
    """Another run is adding up this organization's days."""


def lock(organization_id: int) -> UsageRollup | None:
    """Lock how far an organization is added up, or return None where it never was. Raises Busy; waits for nobody."""
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
    """Close the days that have ended, unless they are closed. now: for tests; else the database's clock, under lock.

    After this has committed, every event of these days is committed too, or will leave a mark. Raises Busy.
    """
    zone = ZoneInfo(organization.time_zone)
    until = _closes_at(now or timezone.now(), zone)
    if UsageRollup.objects.filter(pk=organization.pk, closed_until__gte=until).exists():
        return
    wallet_id = organization.wallet.pk
    with transaction.atomic():
        # Before the wallet: another run may hold it for as long as it reads events, and no spend may wait for that.
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
    """Nothing is added up yet; nor is there anything before the first use."""
    first = day_of(min(first_use_at(organization.pk) or until, until), zone)
    # Of two that begin at once the second finds the row of the first, who held the wallet before.
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
