"""How much was used in spans of time that end in the middle of a day, for figures that are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from organizations.calendar import midnight
from organizations.models import Organization
from sql.statements import fetch
from usage.models import UsageEvent
from usage.reports import statement


@dataclass(frozen=True, slots=True)
class Span:
    """From the beginning of a day to before an instant."""

    first: date
    until: datetime


ARM = """
    SELECT {position},
           coalesce((SELECT sum(credits - refunded) FROM usage_dailyusage
                     WHERE organization_id = %(organization)s AND shape = 'feature'
                       AND day_on >= %(first_{position})s AND day_on <= %(edge_{position})s), 0)::bigint
           + coalesce((SELECT sum(credits - refunded) FROM usage_usageevent
                       WHERE organization_id = %(organization)s
                         AND occurred_at >= %(since_{position})s AND occurred_at < %(until_{position})s), 0)::bigint
"""
PROOF = """
    SELECT -1, count(*) FROM usage_usagerollup
    WHERE organization_id = %(organization)s AND time_zone = %(zone)s AND through_on >= %(through)s
"""


def used_in(organization: Organization, spans: Sequence[Span]) -> list[int]:
    """Return what was used in each span, less refunds: whole days from the daily sums as far as they reach, the rest
    from the events. From one snapshot: see `statement`."""
    through = statement.read_through(organization)
    found = _read(organization, spans, through)
    if through is not None and not found.pop(-1):
        found = _read(organization, spans, None)
    return [found[position] for position in range(len(spans))]


def first_use_at(organization: Organization) -> datetime | None:
    """Return when the organization's first use happened, or None if there was none yet."""
    events = UsageEvent.objects.filter(organization=organization).order_by("occurred_at")
    return events.values_list("occurred_at", flat=True).first()


def _read(organization: Organization, spans: Sequence[Span], through: date | None) -> dict[int, int]:
    zone = ZoneInfo(organization.time_zone)
    values: dict[str, Any] = {"organization": organization.pk, "zone": zone.key, "through": through}
    for position, span in enumerate(spans):
        before = span.first - timedelta(days=1)
        # The last day that has surely ended by then.
        whole = span.until.astimezone(zone).date() - timedelta(days=1)
        edge = before if through is None else max(before, min(through, whole))
        values |= {f"first_{position}": span.first, f"edge_{position}": edge, f"until_{position}": span.until}
        values[f"since_{position}"] = midnight(edge + timedelta(days=1), zone)
    arms = [ARM.format(position=position) for position in range(len(spans))]
    return dict(fetch(" UNION ALL ".join([*arms, *([PROOF] if through else [])]), values))
