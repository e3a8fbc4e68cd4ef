"""Until when the credits last if they go on being used as fast as of late. Pure: grants and figures in, an answer out.

Nothing that may come in later (a purchase, next month's allowance) is counted; credits that expire before the pace
gets to them are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from credits import burndown
from credits.balance.queries import OpenGrant

# The pace is that of so many days, fewer where the first use is not so long ago, but no fewer than PACE_NEEDS.
PACE_DAYS = 28
PACE_NEEDS = 3
# Further ahead a date would say more than anyone knows.
HORIZON = timedelta(days=2 * 365)


@dataclass(frozen=True, slots=True)
class Pace:
    """So many credits (smallest units) in so many days."""

    credits: int
    days: int

    @property
    def a_day(self) -> int:
        return self.credits // self.days

    def in_time(self, duration: timedelta) -> int:
        """Return what is used in a time at this pace."""
        return self.credits * int(duration.total_seconds()) // (self.days * 86_400)

    def time_for(self, credits: int) -> timedelta:
        """Return how long credits last at this pace, which must be above zero."""
        return timedelta(seconds=credits * self.days * 86_400 // self.credits)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`until`: the instant at which the credits end at `pace`, where `state` is "until".

    The other states: "nothing left", "too early" (too few days of use to know a pace), "no use" (none of late),
    "long" (beyond the horizon).
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
    """Say until when the grants last.

    used: smallest units in the last `days` days, refunds taken off.
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
    """Return what of each grant that expires within the horizon will be left then, and so be lost, in smallest units.

    used: smallest units in the last `days` days, refunds taken off; nothing used loses everything. What is reserved
    or frozen is not counted: nobody can use it up.
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
    """Return the instants still to come, within the horizon, at which a grant begins or expires."""
    turns = {grant.effective_at for grant in grants} | {grant.expires_at for grant in grants if grant.expires_at}
    return sorted(turn for turn in turns if now < turn < now + HORIZON)


def _use(free: dict[UUID, int], ordered: Sequence[OpenGrant], wanted: int) -> None:
    """Take so much from what is free of the grants, the first one first, as far as it goes."""
    for grant in ordered:
        taken = min(free[grant.id], wanted)
        free[grant.id] -= taken
        wanted -= taken


def _ends_at(grants: Sequence[OpenGrant], pace: Pace, now: datetime) -> datetime | None:
    """Walk from one beginning or expiry to the next, using up grants in burn-down order on the way."""
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
