"""The meter's requests and answers: uses, what was paid, settled or refunded, and refusals. Plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from credits.ledger import InsufficientCredits
from usage.models import DEFAULT_SERVICE
from usage.pricing import Measures


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an AI feature, to be paid for.

    organization: its slug. key: the idempotency key, 1 to 200 characters. user: a member's mail address or public id;
    None: nobody in particular. occurred_at: aware; None: now. any_age: lifts the bound on how long ago it may be, for
    imports. via: what acted for the user, such as an API key's name. within: the id of the only organization that the
    caller may act for; None: any.
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
    """A use that was paid for. Smallest units; `available`: what could be spent right after."""

    event_id: UUID
    credits: int
    available: int
    was_replayed: bool


@dataclass(frozen=True, slots=True)
class SettledUse:
    """A settled reservation, in smallest units.

    `credits` were charged, `uncollected` could not be, `released` went back.
    """

    event_id: UUID
    reservation_id: UUID
    credits: int
    uncollected: int
    released: int
    available: int
    was_replayed: bool


@dataclass(frozen=True, slots=True)
class RefundedUse:
    """A refund of a use: `credits` (smallest units) went back."""

    refund_id: UUID
    event_id: UUID
    credits: int
    available: int
    was_replayed: bool


class UseRefusal(Exception):
    """Why the meter refused; nothing was taken. `type` is stable, the message is for people."""

    type: ClassVar[str]


class Invalid(UseRefusal):
    """A value is wrong. `field` names it."""

    type = "invalid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotFound(UseRefusal):
    """No such organization, reservation or event, or none that the caller may act for; it doesn't say which."""

    type = "not_found"


KEY_WAS_USED = "This idempotency key was already used for a different request."


class Conflict(UseRefusal):
    """The idempotency key was used before, for another request."""

    type = "idempotency_conflict"


class Insufficient(UseRefusal):
    """The balance doesn't cover the use. Smallest units.

    `recharging_seconds`: how long an auto-recharge under way may still take; 0: none is.
    """

    type = "insufficient_credits"

    def __init__(
        self, *, organization: str, needed: int, available: int, reserved: int, recharging_seconds: int = 0
    ) -> None:
        super().__init__("Not enough credits for this use.")
        self.organization = organization
        self.needed = needed
        self.available = available
        self.reserved = reserved
        self.recharging_seconds = recharging_seconds

    @classmethod
    def of(cls, organization: str, error: InsufficientCredits) -> "Insufficient":
        """Return the ledger's refusal as the meter's."""
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
        super().__init__(f"AI is turned off in the service “{service}”. An owner can turn it back on.")
        self.service = service
        self.organization = organization


class Closed(UseRefusal):
    """The reservation was settled, released or has timed out. `state` says which."""

    type = "reservation_closed"

    def __init__(self, state: str) -> None:
        super().__init__(f"The reservation is closed: {state.replace('_', ' ')}.")
        self.state = state


class RefundTooLarge(UseRefusal):
    """More would be refunded than was charged and not refunded yet. Smallest units."""

    type = "refund_too_large"

    def __init__(self, *, asked: int, refundable: int) -> None:
        super().__init__(f"At most {refundable} of this use can still be refunded.")
        self.asked = asked
        self.refundable = refundable
