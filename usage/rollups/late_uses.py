"""Marks on days that have changed after they were closed: left by whoever writes or refunds an event of such a day.

One statement for any number of events, sent with the others of the book, and none where nothing happened a while ago:
a day is closed `CLOSES_AFTER` its end, so what happened moments before it is written can't be of a closed one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

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


def mark(events: Iterable[tuple[int, datetime, datetime]]) -> None:
    """Leave marks where closed days change: (organization, when it happened, when it is written) of each event.

    Inside the transaction that writes the events, after their wallets were locked.
    """
    late = [event for event in events if event[1] < event[2] - LATE]
    if late:
        run(MARK, [arrays.numbers(event[0] for event in late), arrays.instants(event[1] for event in late)])
