"""Whose turn it is, and what is to be added up: found from the rows alone, oldest first, a week per transaction."""

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

# After so many seconds a sweep begins with no further days; the next one goes on.
SECONDS = 30
# A stopped run loses the work of one transaction.
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
    """What a sweep did: for how many organizations, how many days; what went wrong, by organization."""

    organizations: int = 0
    days: int = 0
    busy: int = 0
    left: int = 0
    troubles: dict[str, str] = field(default_factory=dict)

    def numbers(self) -> dict[str, int]:
        """Return it as the record of the run keeps it."""
        return {
            "organizations": self.organizations,
            "days": self.days,
            "busy": self.busy,
            "left": self.left,
            "failed": len(self.troubles),
        }


def roll_up_due(now: datetime | None = None, *, seconds: float = SECONDS) -> dict[str, int]:
    """Add up every day that has ended, or has changed since it was added up; return what was done, in numbers.

    now: for tests. May be stopped anywhere, run again and run twice at once. An organization that fails is logged and
    counted, and the others go on. Organizations for which there was no time (`left`) come first the next time.
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
            # Its organizations fail one by one, with their names in the log; the others don't.
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

    seconds: after which nothing more is begun (None: all is done). report: told an organization, and how many days,
    after each transaction; finished: called after each organization.
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
            outcome.troubles[organization.slug] = f"{type(error).__name__}: {error}".strip()
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

    now: for tests. ends: the monotonic second after which no further week is begun. Raises Busy where another run is at
    it, and Django's database errors; whole weeks that were done before stay.
    """
    close(organization, now=now)
    # Not those that come meanwhile: while a file is imported there would be no end of them.
    newest_mark = LateUse.objects.filter(organization=organization).aggregate(id=Max("id"))["id"] or 0
    days = 0
    while True:
        done, is_more = _add_up_some(organization.pk, newest_mark, now or timezone.now())
        days += done
        report(organization, done)
        if not is_more or (ends is not None and time.monotonic() > ends):
            return days


def _add_up_some(organization_id: int, newest_mark: int, now: datetime) -> tuple[int, bool]:
    """Make up to a week's sums anew; return how many days, and whether there are more to do."""
    with transaction.atomic():
        rollup = lock(organization_id)
        if rollup is None:
            return 0, False
        zone = ZoneInfo(rollup.organization.time_zone)
        # First the marks, then, in later statements, the events: an event behind a mark that is seen is seen too.
        marks = {mark: day_of(at, zone) for mark, at in _read_marks(organization_id, newest_mark)}
        last = last_ended(rollup.closed_until, zone)
        if rollup.time_zone != zone.key:
            through = _begin_anew(organization_id, zone, last)
            done, is_more = 0, through < last
            changed = {"time_zone": zone.key, "through_on": through, "rolled_at": now}
        else:
            stale = sorted({day for day in marks.values() if day <= rollup.through_on})
            through = _quiet_through(rollup, zone, last)
            due = [*stale, *Days(through + ONE_DAY, last)]
            chosen = due[:DAYS_AT_A_TIME]
            for stretch in stretches(chosen):
                adding_up.replace(organization_id, stretch, zone)
            done, is_more = len(chosen), len(due) > len(chosen)
            # Later days than these are added up in their turn, marked or not.
            marks = {mark: day for mark, day in marks.items() if day not in stale or day in chosen}
            through = max([through, *chosen[-1:]])
            changed = {"through_on": through, "rolled_at": now} if chosen or through > rollup.through_on else {}
        if changed:
            UsageRollup.objects.filter(pk=organization_id).update(**changed)
        _forget_marks(list(marks))
        return done, is_more


def _quiet_through(rollup: UsageRollup, zone: ZoneInfo, last: date) -> date:
    """Return the day through which nothing is to be added up, because nothing was used since: some sleep for years."""
    since = midnight(rollup.through_on + ONE_DAY, zone)
    next_use = first_use_at(rollup.organization_id, since=since)
    return max(rollup.through_on, last if next_use is None else min(last, day_of(next_use, zone) - ONE_DAY))


def _begin_anew(organization_id: int, zone: ZoneInfo, last: date) -> date:
    """Take all sums away, for other clocks make every day another; return the day before the first to be added up. What
    follows is done by weeks, as ever: all at once would be more than a run has time for where years are long."""
    adding_up.clear(organization_id)
    first_use = first_use_at(organization_id)
    return min(last, day_of(first_use, zone) - ONE_DAY) if first_use else last


def _read_marks(organization_id: int, newest: int) -> list[tuple[int, datetime]]:
    marks = LateUse.objects.filter(organization_id=organization_id, id__lte=newest)
    return list(marks.values_list("id", "occurred_at"))


def _forget_marks(ids: list[int]) -> None:
    if ids:
        run("DELETE FROM usage_lateuse WHERE id = ANY(%s::bigint[])", [arrays.numbers(ids)])


def through(organization: Organization) -> tuple[date | None, str]:
    """Return through which day an organization is added up (None: nothing is yet) and on the clocks of which zone.

    A zone other than the organization's present one: the sums are of the old days until they are made again.
    """
    row = UsageRollup.objects.filter(pk=organization.pk).values_list("through_on", "time_zone").first()
    return row or (None, organization.time_zone)
