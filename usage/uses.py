"""What callers ask of the meter and what it answers: uses, answers, refusals. Plain values, no logic."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from credits.ledger import InsufficientCredits
from usage.models import DEFAULT_SERVICE
from usage.pricing import Measures


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an AI feature that somebody wants to pay for.

    organization: its slug. key: the idempotency key, 1 to 200 characters. user: mail address or public id of a member,
    or None for work that nobody in particular asked for. occurred_at: aware, or None for now; `any_age` lifts the
    bound on how long ago it may be (imports). via: what spoke for the user, such as an API key's name. within: the id
    of the only organization that the caller may act for, or None for any.
    """

    organization: str
    key: str
    feature: str
    user: str | None = None
    service: str = DEFAULT_SERVICE
    measures: Measures = field(default_factory=Measures)
    resource: dict[str, Any] | None = None
    occurred_at: datetime | None = None
    any_age: bool = False
    via: str = ""
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Metered:
    """A use that was paid for. Credits in smallest units; `available` as it was right after."""

    event_id: UUID
    credits: int
    available: int
    was_replayed: bool


@dataclass(frozen=True, slots=True)
class SettledUse:
    """A settled reservation. `credits` were charged, `uncollected` could not be, `released` went back."""

    event_id: UUID
    reservation_id: UUID
    credits: int
    uncollected: int
    released: int
    available: int
    was_replayed: bool


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund of a use: `credits` went back."""

    refund_id: UUID
    event_id: UUID
    credits: int
    available: int
    was_replayed: bool


class UseRefusal(Exception):
    """Why the meter said no; nothing was written. `type` is stable, the sentence is for people."""

    type: ClassVar[str]


class Invalid(UseRefusal):
    """A field doesn't make sense. `field` names it."""

    type = "invalid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotFound(UseRefusal):
    """No such organization, reservation or event, or none that the caller may act for. It says no more."""

    type = "not_found"


KEY_WAS_USED = "This idempotency key was used before, for another request."


class Conflict(UseRefusal):
    """The idempotency key was used before, for something else."""

    type = "idempotency_conflict"


class Insufficient(UseRefusal):
    """The balance doesn't cover the use. Smallest units.

    `recharging_seconds`: for how long credits may be on their way by themselves; 0: none are.
    """

    type = "insufficient_credits"

    def __init__(
        self, *, organization: str, needed: int, available: int, reserved: int, recharging_seconds: int = 0
    ) -> None:
        super().__init__("There are not enough credits for this use.")
        self.organization = organization
        self.needed = needed
        self.available = available
        self.reserved = reserved
        self.recharging_seconds = recharging_seconds

    @classmethod
    def of(cls, organization: str, error: InsufficientCredits) -> "Insufficient":
        """The ledger's refusal, said of an organization."""
        return cls(
            organization=organization,
            needed=error.needed,
            available=error.available,
            reserved=error.reserved,
            recharging_seconds=error.recharging_seconds,
        )


class LimitReached(UseRefusal):
    """A monthly limit doesn't allow the use. `scope`, `name` and `feature` (a key; empty: all features) say which.

    Smallest units; `used` counts open reservations. `resets_at`: when the next month begins.
    """

    type = "usage_limit_reached"

    def __init__(
        self, *, scope: str, name: str, feature: str, limit: int, used: int, needed: int, resets_at: datetime
    ) -> None:
        about = f" for the feature “{feature}”" if feature else ""
        super().__init__(f"The monthly limit of the {scope} “{name}”{about} does not allow this use.")
        self.scope = scope
        self.name = name
        self.feature = feature
        self.limit = limit
        self.used = used
        self.needed = needed
        self.resets_at = resets_at


class SwitchedOff(UseRefusal):
    """AI is switched off in this service until an owner switches it on again."""

    type = "ai_switched_off"

    def __init__(self, service: str, *, organization: str) -> None:
        super().__init__(f"AI is switched off in the service “{service}”. An owner can switch it on again.")
        self.service = service
        self.organization = organization


class Closed(UseRefusal):
    """The reservation was settled, released or has timed out before. `state` says which."""

    type = "reservation_closed"

    def __init__(self, state: str) -> None:
        super().__init__(f"The reservation is closed: {state.replace('_', ' ')}.")
        self.state = state


class TooMuch(UseRefusal):
    """More would be refunded than was charged and not refunded yet. Smallest units."""

    type = "refund_too_large"

    def __init__(self, *, asked: int, refundable: int) -> None:
        super().__init__(f"At most {refundable} of this use can still be refunded.")
        self.asked = asked
        self.refundable = refundable
