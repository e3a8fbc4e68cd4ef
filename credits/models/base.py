"""What the ledger's tables share: bounds of amounts, and identifiers."""

import uuid

from organizations.public_ids import new_uuid

# The largest amount of one operation and the most that a wallet can hold, in smallest units. Sums of nine thousand
# full wallets still fit 64 bits, and every amount stays exact in JSON readers that know only doubles (below 2**53).
MAX_CREDITS = 10**12
MAX_BALANCE = 10**15


def new_id() -> uuid.UUID:
    """Return a new time-ordered identifier of an operation, grant or reservation."""
    return new_uuid()
