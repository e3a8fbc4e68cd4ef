"""Limits as values: what is left of each, which one decides, which threshold is reached. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from organizations.calendar import midnight, month_of, next_month
from usage.uses import LimitReached

NARROWNESS = {"user": 0, "team": 1, "organization": 2}
REACHED = 100
# People are notified of a refused use only if so many per cent of the limit are used, because work has stopped then. A
# single use that asks for more than a fresh limit has left is only refused.
NEARLY_REACHED = 90


@dataclass(frozen=True, slots=True)
class Moment:
    """When limits are judged. `now`: the wallet's clock. `month_on`: the first day of the month that is counted in."""

    now: datetime
    month_on: date
    zone: ZoneInfo

    @classmethod
    def at(cls, now: datetime, zone: ZoneInfo) -> "Moment":
        """The month that `now` is in."""
        return cls(now, month_of(now, zone), zone)

    @property
    def begins_at(self) -> datetime:
        return midnight(self.month_on, self.zone)

    @property
    def resets_at(self) -> datetime:
        """When the next month begins on the organization's clocks."""
        return midnight(next_month(self.month_on), self.zone)


@dataclass(slots=True)
class LimitState:
    """A limit under the lock. Smallest units.

    `credits`: what is allowed at this moment, a raise in force included. `used`: counted this month; `reserved`: held
    by open reservations. `notified_percent`: the highest threshold of which people were notified this month.
    """

    id: int
    organization_id: int
    scope: str
    team_id: int | None
    user_id: int | None
    feature_id: int | None
    credits: int
    thresholds: list[int]
    name: str
    feature: str
    feature_name: str
    used: int
    reserved: int
    notified_percent: int
    moment: Moment = field(init=False)
    is_changed: bool = field(default=False, init=False)

    @property
    def left(self) -> int:
        return self.credits - self.used - self.reserved

    @property
    def percent(self) -> int:
        """How much of it is used, rounded down, not above 100."""
        return min(REACHED, self.used * 100 // self.credits) if self.credits else REACHED

    def covers(self, *, user_id: int | None, team_id: int | None, feature_id: int) -> bool:
        """Return whether a use of a feature by this user, then in this team, counts against the limit."""
        if self.feature_id not in {None, feature_id}:
            return False
        if self.scope == "user":
            return user_id == self.user_id
        return self.scope == "organization" or team_id == self.team_id

    @property
    def reached_percent(self) -> int:
        """The highest threshold that is reached; 0: none, as always of a limit of 0, which was used up when set."""
        if not self.credits:
            return 0
        return max((each for each in self.thresholds if self.used * 100 >= each * self.credits), default=0)


class Limits:
    """The limits of the organizations whose wallets are locked."""

    def __init__(self, states: Iterable[LimitState]) -> None:
        self._by_organization: dict[int, list[LimitState]] = {}
        for state in states:
            self._by_organization.setdefault(state.organization_id, []).append(state)
        # The limits that reached a threshold, with the highest one, in the order in which they did.
        self._reached: dict[int, tuple[LimitState, int]] = {}

    def __iter__(self) -> Iterator[LimitState]:
        return (state for states in self._by_organization.values() for state in states)

    def _covering(
        self, organization_id: int, user_id: int | None, team_id: int | None, feature_id: int
    ) -> list[LimitState]:
        states = self._by_organization.get(organization_id, ())
        return [s for s in states if s.covers(user_id=user_id, team_id=team_id, feature_id=feature_id)]

    def check(
        self, organization_id: int, *, user_id: int | None, team_id: int | None, feature_id: int, credits: int
    ) -> None:
        """Raise LimitReached, naming the strictest limit, where one doesn't allow `credits` more."""
        covering = self._covering(organization_id, user_id, team_id, feature_id)
        if not covering:
            return
        strictest = min(covering, key=lambda s: (s.left, s.feature_id is None, NARROWNESS[s.scope]))
        # Below zero where the limit was lowered, or a settlement went beyond it; what costs nothing passes even then.
        if credits > max(0, strictest.left):
            if strictest.credits and strictest.percent >= NEARLY_REACHED:
                self._note(strictest, REACHED)
            raise LimitReached(
                scope=strictest.scope,
                name=strictest.name,
                feature=strictest.feature,
                limit=strictest.credits,
                used=strictest.used + strictest.reserved,
                needed=credits,
                resets_at=strictest.moment.resets_at,
            )

    def count(
        self, organization_id: int, *, user_id: int | None, team_id: int | None, feature_id: int, credits: int
    ) -> None:
        """Count credits (negative: refunded) against every limit that covers the use."""
        if not credits:
            return
        for state in self._covering(organization_id, user_id, team_id, feature_id):
            state.used = max(0, state.used + credits)
            state.is_changed = True
            if credits > 0:
                self._note(state, state.reached_percent)

    def _note(self, state: LimitState, percent: int) -> None:
        """Keep a threshold for publishing, unless people were notified of it or a higher one this month."""
        if percent > state.notified_percent:
            state.notified_percent = percent
            state.is_changed = True
            self._reached[state.id] = state, percent

    @property
    def reached(self) -> list[tuple[LimitState, int]]:
        """The limits that have reached a threshold, each with the highest one."""
        return list(self._reached.values())

    @property
    def changed(self) -> list[LimitState]:
        """What has to be written."""
        return [state for state in self if state.is_changed]
