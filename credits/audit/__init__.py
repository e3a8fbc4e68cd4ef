"""The auditor: proves from the rows alone that the ledger is what it says. It only reads, but for its seals.

Each invariant is one statement that answers the rows that break it; the order of the burn-down alone is replayed, as a
stream. Rooms above bring invariants of their own (such as `usage.metering.audit`), proved in the same snapshot.
"""

from credits.audit.entries import ENTRIES
from credits.audit.grants import GRANTS
from credits.audit.operations import OPERATIONS
from credits.audit.order import ORDER, prove_order
from credits.audit.proof import Broken, Finding, Invariant, Scope, prove, snapshot
from credits.audit.reservations import RESERVATIONS
from credits.audit.seals import (
    Besides,
    Sealed,
    SealedMeanwhile,
    Unsealed,
    is_sealed,
    read_unsealed,
    seal,
    seal_invariants,
)
from credits.audit.size import COUNTED, count
from credits.audit.wallets import WALLETS

INVARIANTS = [*WALLETS, *GRANTS, *ENTRIES, *OPERATIONS, *RESERVATIONS]

__all__ = [
    "COUNTED",
    "INVARIANTS",
    "ORDER",
    "Besides",
    "Broken",
    "Finding",
    "Invariant",
    "Scope",
    "Sealed",
    "SealedMeanwhile",
    "Unsealed",
    "count",
    "is_sealed",
    "prove",
    "prove_ledger",
    "read_unsealed",
    "seal",
    "seal_invariants",
    "snapshot",
]


def prove_ledger(scope: Scope) -> list[Broken]:
    """Return the ledger's invariants that don't hold for the wallets in scope; none if all is well."""
    broken = prove(INVARIANTS, scope)
    out_of_order = prove_order(scope)
    return [*broken, out_of_order] if out_of_order else broken
