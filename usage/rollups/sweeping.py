"""Which organizations and days are to be added up: found from the rows alone, oldest first, a week per transaction."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from organizations.calendar import ONE_DAY, Days, day_of, last_ended, midnight, stretches
from organizations.models import Organization
from sql import arrays
from sql.statements import fetch, run
from usage.models import LateUse, UsageRollup
from usage.rollups import adding_up
from usage.rollups.closing import CLOSES_AFTER, Busy, close, first_use_at, lock

logger = logging.getLogger(__name__)

# After so many seconds a sweep begins no further days; the next one continues.
SECONDS = 30
# Per transaction: a run that is stopped loses no more.
DAYS_AT_A_TIME = 7

READ_DUE = """
    SELECT o.id FROM organizations_organization o
    JOIN credits_wallet w ON w.organization_id = o.id
    LEFT JOIN unnest(%s::text[], %s::date[]) AS z (name, last_on) ON z.name = o.time_zone
    LEFT JOIN usage_usagerollup r ON r.organization_id = o.id
    WHERE r.organization_id IS NULL OR z.name IS NULL OR r.time_zone <> o.time_zone OR r.through_on < z.last_on
       OR EXISTS (SELECT FROM usage_lateuse l WHERE l.organization_id = o.id)
    ORDER BY r.through_on NULLS FIRST, o.id
"""


@dataclass(slots=True)
class Outcome:
    """What a sweep did: for how many organizations, how many days; the error messages, by organization.

    busy: organizations that another run was adding up. left: those for which there was no time.
    """

    organizations: int = 0
    days: int = 0
    busy: int = 0
    left: int = 0
    errors: dict[str, str] = field(default_factory=dict)

    def numbers(self) -> dict[str, int]:
        """Return the numbers that the record of the run keeps."""
        return {
            "organizations": self.organizations,
            "days": self.days,
            "busy": self.busy,
            "left": self.left,
            "failed": len(self.errors),
        }


def roll_up_due(now: datetime | None = None, *, seconds: float = SECONDS) -> dict[str, int]:
    """Add up every day that has ended, or has changed since it was added up; return what was done, in numbers.

    now: for tests. May be stopped anywhere, run again, and run twice at once. An organization that fails is logged and
    counted; the others are done. Those for which there was no time (`left`) come first the next time.
    """
    return roll_up_each(find_due(now), now=now, seconds=seconds).numbers()


def find_due(now: datetime | None = None) -> list[int]:
    """Return the organizations with something to add up, those first that are furthest behind."""
    instant = (now or timezone.now()) - CLOSES_AFTER
    ended: dict[str, date] = {}
    for name in Organization.objects.order_by().values_list("time_zone", flat=True).distinct():
        try:
            ended[name] = last_ended(instant, ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError):
            # Its organizations fail one by one, named in the log; the others are done.
            continue
    rows = fetch(READ_DUE, [arrays.texts(ended), arrays.days(ended.values())])
    return [organization_id for (organization_id,) in rows]


def roll_up_each(
    organization_ids: Iterable[int],
    *,
    now: datetime | None = None,
    seconds: float | None = None,
    report: Callable[[Organization, int], None] = lambda *_: None,
    finished: Callable[[], object] = lambda: None,
) -> Outcome:
    """Add up what is due of some organizations, one after the other.

    seconds: after which nothing more is begun (None: all is done). report: called with an organization and how many
    days, after each transaction. finished: called after each organization.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    outcome = Outcome()
    for organization_id in organization_ids:
        if ends is not None and time.monotonic() > ends:
            outcome.left += 1
            continue
        organization = Organization.objects.select_related("wallet").get(pk=organization_id)
        try:
            outcome.days += roll_up(organization, now=now, ends=ends, report=report)
            outcome.organizations += 1
        except Busy:
            outcome.busy += 1
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            logger.exception("The days of %s could not be added up", organization.slug)
            outcome.errors[organization.slug] = f"{type(error).__name__}: {error}".strip()
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
        finished()
    return outcome


def roll_up(
    organization: Organization,
    *,
    now: datetime | None = None,
    ends: float | None = None,
    report: Callable[[Organization, int], None] = lambda *_: None,
) -> int:
    """Add up what is due of one organization; return how many days.

    now: for tests. ends: the monotonic second after which no further week is begun. Raises Busy if another run is
    adding it up, and Django's database errors; weeks that were committed before stay.
    """
    close(organization, now=now)
    # Not those that come from now on: while a file is imported there would be no end of them.
    newest = LateUse.objects.filter(organization=organization).aggregate(id=Max("id"))["id"] or 0
    days = 0
    while True:
        done, is_more = _add_up_some(organization.pk, newest, now or timezone.now())
        days += done
        report(organization, done)
        if not is_more or (ends is not None and time.monotonic() > ends):
            return days


def _add_up_some(organization_id: int, newest: int, now: datetime) -> tuple[int, bool]:
    """Add up at most a week; return how many days that were, and whether there are more."""
    with transaction.atomic():
        rollup = lock(organization_id)
        if rollup is None:
            return 0, False
        zone = ZoneInfo(rollup.organization.time_zone)
        # Late uses before, in an earlier statement than, the events: if a late use is seen, so is its event.
        late_uses = {late_use: day_of(at, zone) for late_use, at in _read_late_uses(organization_id, newest)}
        last = last_ended(rollup.closed_until, zone)
        if rollup.time_zone != zone.key:
            through = _start_over(organization_id, zone, last)
            done, is_more = 0, through < last
            changed = {"time_zone": zone.key, "through_on": through, "rolled_at": now}
        else:
            stale = sorted({day for day in late_uses.values() if day <= rollup.through_on})
            through = _quiet_through(rollup, zone, last)
            due = [*stale, *Days(through + ONE_DAY, last)]
            chosen = due[:DAYS_AT_A_TIME]
            for stretch in stretches(chosen):
                adding_up.replace(organization_id, stretch, zone)
            done, is_more = len(chosen), len(due) > len(chosen)
            # Days that are not added up yet will be anyway, so their late uses can go.
            late_uses = {late_use: day for late_use, day in late_uses.items() if day not in stale or day in chosen}
            through = max([through, *chosen[-1:]])
            changed = {"through_on": through, "rolled_at": now} if chosen or through > rollup.through_on else {}
        if changed:
            UsageRollup.objects.filter(pk=organization_id).update(**changed)
        _delete_late_uses(list(late_uses))
        return done, is_more


def _quiet_through(rollup: UsageRollup, zone: ZoneInfo, last: date) -> date:
    """Return the day through which there is nothing to add up because nothing was used; it may be years later."""
    since = midnight(rollup.through_on + ONE_DAY, zone)
    next_use = first_use_at(rollup.organization_id, since=since)
    return max(rollup.through_on, last if next_use is None else min(last, day_of(next_use, zone) - ONE_DAY))


def _start_over(organization_id: int, zone: ZoneInfo, last: date) -> date:
    """Delete all sums, because days begin at other instants now; return the day before the first to be added up.

    The days follow week by week, since a run may not have time for years.
    """
    adding_up.clear(organization_id)
    first_use = first_use_at(organization_id)
    return min(last, day_of(first_use, zone) - ONE_DAY) if first_use else last


def _read_late_uses(organization_id: int, newest: int) -> list[tuple[int, datetime]]:
    late_uses = LateUse.objects.filter(organization_id=organization_id, id__lte=newest)
    return list(late_uses.values_list("id", "occurred_at"))


def _delete_late_uses(ids: list[int]) -> None:
    if ids:
        run("DELETE FROM usage_lateuse WHERE id = ANY(%s::bigint[])", [arrays.numbers(ids)])


def through(organization: Organization) -> tuple[date | None, str]:
    """Return through which day an organization is added up (None: nothing is yet), and in which time zone.

    If that is not the organization's present zone, the sums are those of the old days until they are made again.
    """
    row = UsageRollup.objects.filter(pk=organization.pk).values_list("through_on", "time_zone").first()
    return row or (None, organization.time_zone)
