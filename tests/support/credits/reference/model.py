"""The ledger's rules once more, as plainly as they can be said: what the property test compares the ledger with.

Every credit of a lot is somewhere: free, held by a reservation, used by a usage, taken by a void, gone into a
repayment, or expired. Nothing is stored that can be computed. It imports nothing of the ledger.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pickle import dumps, loads
from typing import Any

FREE, REPAID, EXPIRED = "free", "repaid", "expired"
LATEST = datetime.max.replace(tzinfo=UTC)


class ReferenceRefused(Exception):
    """A refusal: the name of the ledger's exception, and its figures."""

    def __init__(self, kind: str, *figures: Any) -> None:
        super().__init__(kind, *figures)
        self.kind, self.figures = kind, figures


@dataclass
class Lot:
    """A grant. `places` says where its credits are; together they are always its amount."""

    amount: int
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    cost: int
    features: frozenset[str] | None
    created_at: datetime
    serial: int
    is_frozen: bool = False
    repaid_last: int = 0
    places: Counter[str] = field(default_factory=Counter)

    def carry(self, credits: int, source: str, target: str) -> None:
        assert 0 <= credits <= self.places[source]
        self.places[source] -= credits
        self.places[target] += credits
        assert sum(self.places.values()) == self.amount

    @property
    def held(self) -> int:
        return sum(credits for place, credits in self.places.items() if place.startswith("held"))

    def is_over(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def is_usable(self, now: datetime) -> bool:
        return self.places[FREE] > 0 and now >= self.effective_at and not self.is_over(now) and not self.is_frozen

    @property
    def turn(self) -> tuple[Any, ...]:
        expiry = (1,) if self.expires_at is None else (0, self.expires_at)
        return self.priority, expiry, self.cost > 0, self.effective_at, self.created_at, self.serial


@dataclass
class Hold:
    """A reservation: open, then settled, released or timed_out."""

    until: datetime
    feature: str
    lots: list[str]
    state: str = "open"


@dataclass
class Reference:
    """One wallet."""

    overdraft: int
    lasts: int
    now: datetime
    written_at: datetime
    debt: int = 0
    number: int = 0
    repayments: int = 0
    lots: dict[str, Lot] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    # By the place where its credits went ("used 7", "void 8"): the lots that it took from, in the order of the draws,
    # and what it left as debt that was not returned since.
    taken: dict[str, list[str]] = field(default_factory=dict)
    became_debt: Counter[str] = field(default_factory=Counter)
    answers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    # Below what the balance is low, since when that and its end are told, and whether this book brought credits in.
    low_below: int = 0
    low_since: datetime | None = None
    depleted_since: datetime | None = None
    is_topped_up: bool = False

    @property
    def balance(self) -> int:
        return sum(lot.places[FREE] + lot.held for lot in self.lots.values()) - self.debt

    @property
    def reserved(self) -> int:
        return sum(lot.held for lot in self.lots.values())

    @property
    def available(self) -> int:
        return 0 if self.debt else sum(lot.places[FREE] for _, lot in self.queue())

    def queue(self, feature: str | None = None) -> list[tuple[str, Lot]]:
        """Return the lots that can be used now, for any or for one feature, first to be used first."""
        usable = [(name, lot) for name, lot in self.lots.items() if lot.is_usable(self.now)]
        fitting = [
            pair for pair in usable if feature is None or pair[1].features is None or feature in pair[1].features
        ]
        return sorted(fitting, key=lambda pair: pair[1].turn)

    def copy(self) -> "Reference":
        same: Reference = loads(dumps(self))
        return same

    def wake(self, clock: datetime) -> None:
        """Come to the present: what has timed out is released, what has expired expires, debt is repaid."""
        if self.written_at - clock > timedelta(minutes=1):
            raise ReferenceRefused("ClockSteppedBack")
        self.now = max(clock, self.written_at)
        self.is_topped_up = False
        for name, hold in self.holds.items():
            if hold.state == "open" and hold.until <= self.now:
                self._end(name, "timed_out")
                self._settle_down()
        self._settle_down()

    def leave(self) -> None:
        """Mark what has come true of the balance; only credits that came in since take a mark away."""
        left = self.available + self.reserved
        to_come = [lot for lot in self.lots.values() if lot.effective_at > self.now and lot.places[FREE] + lot.held]
        if left == 0 and self.number == len(to_come):
            return
        usable = [max(lot.effective_at, lot.created_at) for _, lot in self.queue()]
        came_in = {mark: self.is_topped_up or (mark and any(since > mark for since in usable)) for mark in self.marks}
        if self.depleted_since is None:
            self.depleted_since = None if left else self.now
        elif self.available and came_in[self.depleted_since]:
            self.depleted_since = None
        if self.low_since is None:
            self.low_since = self.now if left < self.low_below else None
        elif left >= self.low_below and came_in[self.low_since]:
            self.low_since = None

    @property
    def marks(self) -> tuple[datetime | None, datetime | None]:
        return self.low_since, self.depleted_since

    def _write(self, lines: int) -> None:
        self.number += lines
        self.written_at = self.now

    def _settle_down(self) -> None:
        for lot in self.lots.values():
            if lot.is_over(self.now) and lot.places[FREE]:
                lot.carry(lot.places[FREE], FREE, EXPIRED)
                self._write(1)
        for _, lot in self.queue():
            paid = min(self.debt, lot.places[FREE])
            if paid:
                lot.carry(paid, FREE, REPAID)
                self.debt -= paid
                self.repayments += 1
                lot.repaid_last = self.repayments
                self._write(2)

    def _recall(self, key: str, content: Any) -> Any:
        if key in self.answers and self.answers[key][0] != content:
            raise ReferenceRefused("IdempotencyConflict")
        return self.answers[key][1] if key in self.answers else None

    def _answer(self, key: str, content: Any, before: int, lines: int) -> tuple[int, ...]:
        """Return change, balance, number (all right after the act), and what is available once all has settled."""
        self._write(lines)
        after, number = self.balance, self.number
        self._settle_down()
        answer = (after - before, after, number, self.available)
        self.answers[key] = (content, answer)
        return answer

    def grant(self, key: str, content: Any, lot: Lot) -> Any:
        if earlier := self._recall(key, content):
            return earlier
        if lot.is_over(self.now) or (lot.expires_at or LATEST) <= lot.effective_at:
            raise ReferenceRefused("ValueError")
        before = self.balance
        self.is_topped_up |= lot.effective_at <= self.now
        lot.created_at, lot.serial, lot.places[FREE] = self.now, len(self.lots), lot.amount
        self.lots[key] = lot
        return self._answer(key, content, before, 1)

    def _take(self, credits: int, place: str, feature: str) -> list[str]:
        """Take up to `credits`, nothing while there is debt; name the lots taken from."""
        taken_from = []
        for name, lot in [] if self.debt else self.queue(feature):
            taken = min(credits, lot.places[FREE])
            credits -= taken
            if taken:
                lot.carry(taken, FREE, place)
                taken_from.append(name)
        return taken_from

    def _demand(self, credits: int, feature: str) -> None:
        there = 0 if self.debt else sum(lot.places[FREE] for _, lot in self.queue(feature))
        if credits > there:
            raise ReferenceRefused("InsufficientCredits", credits, there, self.reserved)

    def spend(self, key: str, content: Any, credits: int, feature: str) -> Any:
        if earlier := self._recall(key, content):
            return earlier
        self._demand(credits, feature)
        before, place = self.balance, f"used {key}"
        self.taken[place] = self._take(credits, place, feature)
        return self._answer(key, content, before, len(self.taken[place]))

    def reserve(self, key: str, content: Any, credits: int, feature: str, seconds: int | None) -> Any:
        if earlier := self._recall(key, content):
            return earlier
        self._demand(credits, feature)
        until = self.now + timedelta(seconds=seconds or self.lasts)
        self.holds[key] = Hold(until, feature, self._take(credits, f"held {key}", feature))
        self._write(0)
        answer = (credits, self.available, until)
        self.answers[key] = (content, answer)
        return answer

    def _end(self, name: str, state: str) -> None:
        for lot in self.lots.values():
            lot.carry(lot.places[f"held {name}"], f"held {name}", FREE)
        self.holds[name].state = state
        self._write(0)

    def release(self, name: str) -> str:
        if name not in self.holds:
            raise ReferenceRefused("UnknownReservation")
        if self.holds[name].state == "settled":
            raise ReferenceRefused("ReservationClosed")
        if self.holds[name].state == "open":
            self._end(name, "released")
            self._settle_down()
        return self.holds[name].state

    def settle(self, key: str, content: Any, name: str, credits: int) -> Any:
        if earlier := self._recall(key, content):
            return earlier
        if name not in self.holds:
            raise ReferenceRefused("UnknownReservation")
        hold, place = self.holds[name], f"used {key}"
        if hold.state != "open":
            raise ReferenceRefused("IdempotencyConflict" if hold.state == "settled" else "ReservationClosed")
        before, left, first = self.balance, credits, []
        for lot_name in hold.lots:
            taken = min(left, self.lots[lot_name].places[f"held {name}"])
            left -= taken
            if taken:
                self.lots[lot_name].carry(taken, f"held {name}", place)
                first.append(lot_name)
        self._end(name, "settled")
        beyond = self._take(left, place, hold.feature)
        self.taken[place] = list(dict.fromkeys(first + beyond))
        left = credits - sum(lot.places[place] for lot in self.lots.values())
        self.became_debt[place] = min(left, max(0, self.overdraft - self.debt))
        self.debt += self.became_debt[place]
        return self._answer(key, content, before, len(first) + len(beyond) + (self.became_debt[place] > 0))

    def give_back(self, key: str, content: Any, place: str, credits: int) -> Any:
        if earlier := self._recall(key, content):
            return earlier
        if place not in self.taken:
            raise ReferenceRefused("UnknownUsage")
        before, lines = self.balance, 0
        returnable = self.became_debt[place] + sum(lot.places[place] for lot in self.lots.values())
        if credits > returnable:
            raise ReferenceRefused("ReturnTooLarge", credits, returnable)
        self.is_topped_up |= place.startswith("void")
        if forgiven := min(credits, self.became_debt[place]):
            lines += 1 + self._borrow_back(forgiven - self.debt)
            self.debt -= forgiven
            self.became_debt[place] -= forgiven
            credits -= forgiven
        for lot in [self.lots[name] for name in reversed(self.taken[place])]:
            given = min(credits, lot.places[place])
            lot.carry(given, place, FREE)
            credits -= given
            lines += given > 0
        return self._answer(key, content, before, lines)

    def _borrow_back(self, credits: int) -> int:
        """Undo repayments, the latest repayer's first; return how many lines that takes."""
        lines = 0
        for lot in sorted(self.lots.values(), key=lambda lot: -lot.repaid_last):
            undone = max(0, min(credits, lot.places[REPAID]))
            lot.carry(undone, REPAID, FREE)
            self.debt += undone
            credits -= undone
            lines += 2 * (undone > 0)
        return lines

    def void(self, key: str, content: Any, name: str, credits: int | None, *, rest_as_debt: bool) -> Any:
        if earlier := self._recall(key, content):
            return earlier
        if name not in self.lots:
            raise ReferenceRefused("UnknownGrant")
        lot, before, place = self.lots[name], self.balance, f"void {key}"
        voids = [each for each, lots in self.taken.items() if each.startswith("void") and lots == [name]]
        voidable = lot.amount - sum(lot.places[each] + self.became_debt[each] for each in voids)
        if credits is not None and credits > voidable:
            raise ReferenceRefused("AlreadyVoided", credits, voidable)
        wanted = lot.places[FREE] if credits is None else credits
        taken = min(wanted, lot.places[FREE])
        lot.carry(taken, FREE, place)
        self.taken[place] = [name]
        # What expired was not used: it becomes no debt.
        debt_at_most = max(0, voidable - lot.places[EXPIRED] - taken)
        self.became_debt[place] = min(wanted - taken, debt_at_most) if rest_as_debt else 0
        self.debt += self.became_debt[place]
        return self._answer(key, content, before, (taken > 0) + (self.became_debt[place] > 0))

    def freeze(self, name: str, *, frozen: bool) -> bool:
        if name not in self.lots:
            raise ReferenceRefused("UnknownGrant")
        was_otherwise = self.lots[name].is_frozen != frozen
        self.lots[name].is_frozen = frozen
        self.is_topped_up |= was_otherwise and not frozen
        self._settle_down()
        return was_otherwise
