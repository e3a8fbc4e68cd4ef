"""Marks on days that have changed after they were closed: left by whoever writes or refunds an event of such a day.

One statement for any number of events, sent with the others of the book, and none where nothing happened a while ago:
a day is closed `CLOSES_AFTER` its end, so what happened moments before it is written can't be of a closed one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sql import arrays
from sql.statements import run

# Less than `CLOSES_AFTER` by as much as the database's clock may step back unnoticed.
LATE = timedelta(minutes=5)

# Under the wallet's lock and in a later statement, so what is closed is seen. Two marks for half a day are enough,
# whatever the zone: no midnights are closer to each other than that, so every day among its events is named.
MARK = """
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
    """What matters of an event: whose it is, when it happened, and when it or its refund is written."""

    @property
    def organization_id(self) -> int: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def written_at(self) -> datetime: ...


class Changed(NamedTuple):
    """An event that was written before and is refunded now."""

    organization_id: int
    occurred_at: datetime
    written_at: datetime


def mark(events: Iterable[Event]) -> None:
    """Leave marks where the events change closed days.

    Inside the transaction that writes the events, after their wallets were locked.
    """
    late = [event for event in events if event.occurred_at < event.written_at - LATE]
    if late:
        organizations, instants = (event.organization_id for event in late), (event.occurred_at for event in late)
        run(MARK, [arrays.numbers(organizations), arrays.instants(instants)])
