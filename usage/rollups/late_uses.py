"""Late uses: recorded with an event, or the refund of one, whose day was closed already, so that it is added up again.

One statement for any number of events, sent with the others of the book, and none if all of them happened just now: a
day is closed `CLOSES_AFTER` its end, so they can't be of a closed day.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sql import arrays
from sql.statements import run

# Less than `CLOSES_AFTER`, by more than the database's clock may step back unnoticed.
LATE = timedelta(minutes=5)

# Under the wallet's lock and in a later statement than the lock, which sees every closed day. Two rows for half a day
# name each day of its events, whatever the zone: no two midnights are closer together.
RECORD = """
    INSERT INTO usage_lateuse (organization_id, occurred_at)
    SELECT DISTINCT organization_id, unnest(ARRAY[earliest, latest])
    FROM (
        SELECT e.organization_id, min(e.occurred_at) AS earliest, max(e.occurred_at) AS latest
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS e (organization_id, occurred_at)
        JOIN usage_usagerollup r ON r.organization_id = e.organization_id AND e.occurred_at < r.closed_until
        GROUP BY e.organization_id, date_bin('12 hours', e.occurred_at, timestamptz '2000-01-01 00:00:00+00')
    ) AS late
"""


class Event(Protocol):
    """What is known of an event: whose it is, when it happened, and when it or its refund is written."""

    @property
    def organization_id(self) -> int: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def written_at(self) -> datetime: ...


class Changed(NamedTuple):
    """An event that was written earlier and is refunded now."""

    organization_id: int
    occurred_at: datetime
    written_at: datetime


def record(events: Iterable[Event]) -> None:
    """Record late uses for the events that change closed days.

    In the transaction that writes the events, after their wallets were locked.
    """
    late = [event for event in events if event.occurred_at < event.written_at - LATE]
    if late:
        organizations, instants = (event.organization_id for event in late), (event.occurred_at for event in late)
        run(RECORD, [arrays.numbers(organizations), arrays.instants(instants)])
