"""The burn-down: which grants a spend takes from, and in which order. Pure: blocks of credits in, draws out.

The order is the one of Stripe's billing credits (docs.stripe.com/billing/subscriptions/usage-based/billing-credits,
"Priority" and what follows it). Nothing here reads a clock, a database or a setting.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from uuid import UUID

# Stands for "never expires" when expiries are compared.
NEVER = datetime.max.replace(tzinfo=UTC)


class Block(Protocol):
    """What the burn-down needs to know of a grant. `free`: smallest units that nothing holds."""

    @property
    def id(self) -> UUID: ...
    @property
    def priority(self) -> int: ...
    @property
    def effective_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def is_free(self) -> bool: ...
    @property
    def is_frozen(self) -> bool: ...
    @property
    def features(self) -> Collection[str] | None: ...
    @property
    def free(self) -> int: ...


B = TypeVar("B", bound=Block)


def rank(block: Block) -> tuple[int, datetime, bool, datetime, datetime, UUID]:
    """Return the sort key of a block: priority, earliest expiry (none last), free before paid, earlier
    `effective_at`, earlier creation, lower id."""
    return (
        block.priority,
        block.expires_at or NEVER,
        not block.is_free,
        block.effective_at,
        block.created_at,
        block.id,
    )


def is_spendable(block: Block, *, at: datetime) -> bool:
    """Return whether the block may be spent at an instant: `effective_at <= at < expires_at` and not frozen."""
    return not block.is_frozen and block.effective_at <= at and (block.expires_at is None or at < block.expires_at)


def allows(block: Block, feature: str) -> bool:
    """Return whether the block may pay for this feature."""
    return block.features is None or feature in block.features


def in_order(blocks: Iterable[B], *, at: datetime) -> list[B]:
    """Return the blocks that can be spent at an instant and hold credits, in burn-down order."""
    return sorted((block for block in blocks if block.free > 0 and is_spendable(block, at=at)), key=rank)


def draw(ordered: Sequence[B], *, credits: int, feature: str) -> tuple[list[tuple[B, int]], int]:
    """Plan to take `credits` (smallest units) for `feature` from blocks in burn-down order.

    Returns the draws, each a block and an amount above zero, and what is missing (0: the blocks cover all). Changes
    nothing.
    """
    draws: list[tuple[B, int]] = []
    missing = credits
    for block in ordered:
        if missing == 0:
            break
        if block.free > 0 and allows(block, feature):
            taken = min(block.free, missing)
            draws.append((block, taken))
            missing -= taken
    return draws, missing
