"""What a verb is asked: by whom and why, under which idempotency key, how much. Checked before anything is moved."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credits.ledger.state import WalletState
from credits.models import MAX_BALANCE, MAX_CREDITS

MAX_KEY_LENGTH = 300
# The keys of operations that the ledger makes by itself begin so; no caller's may.
OWN_KEYS = "ledger:"


class IdempotencyConflict(Exception):
    """The key was used before, for another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key “{key}” was used before for another request.")
        self.key = key


class WalletFull(Exception):
    """The wallet would hold more than the ledger's bound."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Who or what caused an operation, and what it was about.

    actor_label: through what a person acted, or what acted where no person did. occurred_at: when it happened (aware);
    None: when it is written.
    """

    actor_id: int | None = None
    actor_label: str = ""
    feature: str = ""
    resource: dict[str, Any] | None = None
    memo: str = ""
    occurred_at: datetime | None = None


NO_CAUSE = Cause()


def hash_content(**content: Any) -> bytes:
    """Return the SHA-256 (32 bytes) of a request's content, whatever the order of its fields."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).digest()


def check_key(key: str) -> None:
    """Raise ValueError where a caller's key is empty, too long or one of the ledger's own."""
    if not 0 < len(key) <= MAX_KEY_LENGTH or key.startswith(OWN_KEYS):
        message = f"“{key[:40]}” can't be a key: 1 to {MAX_KEY_LENGTH} characters, not beginning with “{OWN_KEYS}”."
        raise ValueError(message)


def check_credits(credits: int) -> None:
    """Raise ValueError unless the amount is a whole number above zero and within the ledger's bound."""
    if type(credits) is not int or not 0 < credits <= MAX_CREDITS:
        message = f"An amount must be from 1 to {MAX_CREDITS} smallest units, not {credits}."
        raise ValueError(message)


def check_room(wallet: WalletState, credits: int) -> None:
    """Raise WalletFull where the wallet can't hold `credits` more (smallest units)."""
    if wallet.balance + credits > MAX_BALANCE:
        raise WalletFull(wallet.id)
