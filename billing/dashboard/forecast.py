"""Forecast: until when the credits last at the recent pace of use. Pure: grants and figures in, an answer out.

Credits that may come later (a purchase, the next allowance) are not counted. Credits that will expire unused at this
pace are taken off when they expire.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from credits import burndown
from credits.balance.queries import OpenGrant

# The pace is measured over so many days; over fewer after a recent first use, but at least PACE_NEEDS.
PACE_DAYS = 28
PACE_NEEDS = 3
# No date further ahead is forecast.
HORIZON = timedelta(days=2 * 365)


@dataclass(frozen=True, slots=True)
class Pace:
    """Credits used (smallest units) over a number of days."""

    credits: int
    days: int

    @property
    def a_day(self) -> int:
        return self.credits // self.days

    def in_time(self, duration: timedelta) -> int:
        """Return how many credits are used in a time at this pace."""
        return self.credits * int(duration.total_seconds()) // (self.days * 86_400)

    def time_for(self, credits: int) -> timedelta:
        """Return how long credits last at this pace, which must be above zero."""
        return timedelta(seconds=credits * self.days * 86_400 // self.credits)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`until`: the instant at which the credits end at `pace`, where `state` is "until".

    The other states: "nothing left", "too early" (too few days of use), "no use" (none lately), "long" (beyond the
    horizon).
    """

    state: Literal["until", "nothing left", "too early", "no use", "long"]
    pace: Pace | None = None
    until: datetime | None = None


def pace_days(now: datetime, first_use_at: datetime | None) -> int:
    """Return over how many whole days a pace can be measured: PACE_DAYS, or those since the first use."""
    if first_use_at is None:
        return 0
    return max(0, min(PACE_DAYS, (now - first_use_at).days))


def forecast(grants: Sequence[OpenGrant], *, used: int, days: int, now: datetime) -> Forecast:
    """Return until when the grants last.

    used: smallest units in the last `days` days, less refunds.
    """
    if not burndown.in_order(grants, at=now):
        return Forecast("nothing left")
    if days < PACE_NEEDS:
        return Forecast("too early")
    if used <= 0:
        return Forecast("no use")
    pace = Pace(used, days)
    until = _ends_at(grants, pace, now)
    return Forecast("until", pace, until) if until else Forecast("long", pace)


def lost_at_expiry(grants: Sequence[OpenGrant], *, used: int, days: int, now: datetime) -> dict[UUID, int]:
    """Return how much of each grant that expires within the horizon will be lost, in smallest units.

    used: smallest units in the last `days` days, less refunds; without use everything is lost. Reserved and frozen
    credits are not counted: nobody can use them.
    """
    pace = Pace(used, days) if used > 0 and days > 0 else None
    free = {grant.id: grant.free for grant in grants if not grant.is_frozen}
    lost: dict[UUID, int] = {}
    at = now
    for turn in _turns(grants, now):
        _use(free, burndown.in_order(grants, at=at), pace.in_time(turn - at) if pace else 0)
        lost |= {grant.id: free[grant.id] for grant in grants if grant.expires_at == turn and grant.id in free}
        at = turn
    return lost


def _turns(grants: Sequence[OpenGrant], now: datetime) -> list[datetime]:
    """Return the future instants within the horizon at which a grant begins or expires."""
    turns = {grant.effective_at for grant in grants} | {grant.expires_at for grant in grants if grant.expires_at}
    return sorted(turn for turn in turns if now < turn < now + HORIZON)


def _use(free: dict[UUID, int], ordered: Sequence[OpenGrant], wanted: int) -> None:
    """Take an amount from the grants' free credits, in their order, until it is covered or nothing is left."""
    for grant in ordered:
        taken = min(free[grant.id], wanted)
        free[grant.id] -= taken
        wanted -= taken


def _ends_at(grants: Sequence[OpenGrant], pace: Pace, now: datetime) -> datetime | None:
    """Go from one beginning or expiry to the next, and use up grants in burn-down order in between."""
    free = {grant.id: grant.free for grant in grants}
    at = now
    for turn in [*_turns(grants, now), now + HORIZON]:
        ordered = [grant for grant in burndown.in_order(grants, at=at) if free[grant.id] > 0]
        left = sum(free[grant.id] for grant in ordered)
        wanted = pace.in_time(turn - at)
        if wanted >= left:
            return at + pace.time_for(left)
        _use(free, ordered, wanted)
        at = turn
    return None
