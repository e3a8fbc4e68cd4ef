"""A wallet's balance day by day, and what came in or expired: the data of its chart.

Dated by when entries were written, since that is when the balance changed. Reads only; amounts in smallest units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from credits.models import Wallet
from organizations.calendar import midnight
from sql.rows import Columns


@dataclass(frozen=True, slots=True)
class DayEnd:
    """A day and the balance at its end."""

    day: date
    balance: int


@dataclass(frozen=True, slots=True)
class Event:
    """Credits that came in (`kind` "grant", with its source) or expired (`kind` "expiry", below zero)."""

    kind: str
    source: str
    credits: int
    written_at: datetime


# A wallet's entries are numbered without gaps in the order of their times, so the last one before an instant is found
# by halving: some twenty look-ups a day by primary key, however long the ledger is, and no index on the time.
DAY_END = Columns(DayEnd, day="s.day", balance="coalesce(e.balance_after, 0)")
READ_DAY_ENDS = f"""
    WITH RECURSIVE search (day, ends_at, low, high) AS (
        SELECT d.day, d.ends_at, 0::bigint, w.last_number
        FROM unnest(%s::date[], %s::timestamptz[]) AS d (day, ends_at), credits_wallet w WHERE w.id = %s
        UNION ALL
        SELECT s.day, s.ends_at,
               CASE WHEN e.written_at < s.ends_at THEN e.number ELSE s.low END,
               CASE WHEN e.written_at < s.ends_at THEN s.high ELSE e.number - 1 END
        FROM search s
        JOIN credits_entry e ON e.wallet_id = %s AND e.number = (s.low + s.high + 1) / 2
        WHERE s.low < s.high
    )
    SELECT {DAY_END} FROM search s LEFT JOIN credits_entry e ON e.wallet_id = %s AND e.number = s.low
    WHERE s.low = s.high ORDER BY s.day
"""

# From the grants, which are few, to the operations that name them: never through the uses, which are many.
EVENT = Columns(Event, "o")
READ_EVENTS = f"""
    SELECT {EVENT} FROM credits_grant g JOIN credits_operation o ON o.wallet_id = g.wallet_id AND o.subject = g.id
    WHERE g.wallet_id = %s AND o.kind IN ('grant', 'expiry') AND o.written_at >= %s AND o.written_at < %s
    ORDER BY o.number
"""


def days_until(last: date, *, at_most: int, not_before: date) -> list[date]:
    """Return the days up to and with `last`, no more than so many, none before the given one."""
    first = max(last - timedelta(days=at_most - 1), min(not_before, last))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def day_ends(wallet: Wallet, days: Sequence[date], zone: ZoneInfo) -> list[DayEnd]:
    """Return the balance at the end of each day in the zone, in one query."""
    ends = [midnight(day + timedelta(days=1), zone) for day in days]
    return DAY_END.fetch(READ_DAY_ENDS, [list(days), ends, wallet.pk, wallet.pk, wallet.pk])


def events(wallet: Wallet, *, since: datetime, until: datetime) -> list[Event]:
    """Return what came in and what expired from `since` to before `until`, the oldest first, in one query."""
    return EVENT.fetch(READ_EVENTS, [wallet.pk, since, until])
