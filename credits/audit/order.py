"""The burn-down replayed: each spend took from the first grants that could pay for it.

The order depends on what every earlier entry left, so this is replayed in Python: as a stream, with one wallet's grants
in memory at a time. If the rows don't say what was free at that instant, the spend counts as right: a reservation holds
its credits from the instant it is made to the instant it ends, both included; grants that were ever frozen, and spends
that settle a reservation, are not judged.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, starmap
from operator import attrgetter, itemgetter
from typing import Any

from django.db import connection

from credits.audit.proof import NARROWED, Broken, Finding, Invariant, Scope
from sql.rows import Columns

ORDER = Invariant(
    "spends_follow_the_burn_down_order",
    "Every spend, and every repayment, took from the first grants that could pay.",
    "",
)

# The order of credits.burndown.rank, written a second time: an auditor that used the ledger's code would prove nothing.
RANKED = """, ranked AS MATERIALIZED (
    SELECT id, wallet_id, effective_at, expires_at, features,
        frozen_at IS NOT NULL OR EXISTS (
            SELECT FROM organizations_auditevent a WHERE a.action = 'grant.frozen' AND a.target = g.id::text
        ) AS was_frozen,
        row_number() OVER (
            PARTITION BY wallet_id
            ORDER BY priority, expires_at NULLS LAST, cost_minor > 0, effective_at, created_at, id
        ) AS place
    FROM grants g
)
"""
# Phases within one instant: what begins to be held, then the entries, then what ends to be held.
HOLD, MOVE, LET_GO = 0, 1, 2
EVENTS = """
    SELECT e.wallet_id, e.written_at, 1 AS phase, e.number, r.place, e.amount, o.feature,
        e.amount < 0 AND (e.kind = 'repayment' OR e.kind = 'usage' AND NOT EXISTS (
            SELECT FROM credits_reservation s WHERE s.operation_id = e.operation_id
        )) AS is_judged
    FROM entries e
    JOIN ranked r ON r.id = e.grant_id AND r.wallet_id = e.wallet_id
    LEFT JOIN credits_operation o ON o.id = e.operation_id AND o.kind = 'usage'
    UNION ALL
    SELECT d.wallet_id, d.created_at, 0, 0, r.place, d.credits, NULL, false
    FROM draws d JOIN ranked r ON r.id = d.grant_id AND r.wallet_id = d.wallet_id
    UNION ALL
    SELECT d.wallet_id, v.closed_at, 2, 0, r.place, d.credits, NULL, false
    FROM draws d JOIN ranked r ON r.id = d.grant_id AND r.wallet_id = d.wallet_id
    JOIN credits_reservation v ON v.id = d.reservation_id
    WHERE v.closed_at IS NOT NULL
    ORDER BY 1, 2, 3, 4
"""


@dataclass(slots=True)
class RankedGrant:
    """A grant at its place in the wallet's burn-down, and what it holds at this point of the replay."""

    wallet_id: int
    place: int
    effective_at: datetime
    expires_at: datetime | None
    features: Collection[str] | None
    was_frozen: bool
    remaining: int = field(default=0, init=False)
    held: int = field(default=0, init=False)

    def could_pay(self, at: datetime, feature: str | None) -> bool:
        return (
            self.remaining > self.held
            and not self.was_frozen
            and self.effective_at <= at
            and (self.expires_at is None or at < self.expires_at)
            and (feature is None or self.features is None or feature in self.features)
        )


RANKED_GRANTS = f"SELECT {Columns(RankedGrant)} FROM ranked ORDER BY wallet_id, place"


@dataclass(slots=True)
class Replay:
    """One wallet's grants by place, and the places that hold something, in order."""

    places: dict[int, RankedGrant]
    filled: list[int] = field(default_factory=list)

    def passed_over(self, place: int, at: datetime, feature: str | None) -> int:
        """Return what could have been taken from grants before this place: 0 where the order was kept."""
        credits = 0
        for earlier in self.filled:
            if earlier >= place:
                break
            grant = self.places[earlier]
            if grant.could_pay(at, feature):
                credits += grant.remaining - grant.held
        return credits

    def move(self, place: int, amount: int) -> None:
        grant = self.places[place]
        was_filled = grant.remaining > 0
        grant.remaining += amount
        if was_filled and grant.remaining <= 0:
            del self.filled[bisect_left(self.filled, place)]
        elif not was_filled and grant.remaining > 0:
            insort(self.filled, place)


def prove_order(scope: Scope) -> Broken | None:
    """Replay the burn-down of the wallets in scope. Returns what broke its order, or None."""
    count, first, worst, largest = 0, None, None, 0
    for finding, credits in _out_of_order(scope):
        count += 1
        first = first or finding
        if credits > largest:
            worst, largest = finding, credits
    return Broken(ORDER, count, first, worst) if first and worst else None


def _out_of_order(scope: Scope) -> Iterator[tuple[Finding, int]]:
    ranked = groupby(starmap(RankedGrant, _stream(RANKED_GRANTS, scope)), key=attrgetter("wallet_id"))
    wallet_id, grants = next(ranked, (None, iter(())))
    for moved_wallet, events in groupby(_stream(EVENTS, scope), key=itemgetter(0)):
        while wallet_id != moved_wallet:
            wallet_id, grants = next(ranked)
        yield from _replay(moved_wallet, {grant.place: grant for grant in grants}, events)


def _replay(
    wallet_id: int, places: dict[int, RankedGrant], events: Iterator[tuple[Any, ...]]
) -> Iterator[tuple[Finding, int]]:
    replay = Replay(places)
    for _, at, phase, number, place, amount, feature, is_judged in events:
        if phase == MOVE:
            if is_judged and replay.filled and replay.filled[0] < place:
                credits = replay.passed_over(place, at, feature)
                if credits:
                    what = f"took from its grant {place} while {credits} could be taken from grants before it"
                    yield Finding(wallet_id, number, what), credits
            replay.move(place, amount)
        else:
            places[place].held += amount if phase == HOLD else -amount


def _stream(sql: str, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Yield rows in chunks of some thousands, so that memory stays constant."""
    with connection.cursor() as cursor:
        # All rows will be fetched: without this the planner favours the first ones.
        cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
    with connection.chunked_cursor() as rows:
        rows.execute(NARROWED + RANKED + sql, scope.parameters)
        while chunk := rows.fetchmany(5_000):
            yield from chunk
