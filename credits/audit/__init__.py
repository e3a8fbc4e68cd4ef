"""The auditor: proves from the rows alone that the ledger's figures are right. It writes nothing but its seals.

Each invariant is one statement that returns the rows that break it; only the burn-down order is replayed, as a stream.
Other apps add invariants of their own (such as `usage.metering.audit`), which are proved in the same snapshot.
"""

from credits.audit.entries import ENTRIES
from credits.audit.grants import GRANTS
from credits.audit.operations import OPERATIONS
from credits.audit.order import ORDER, prove_order
from credits.audit.proof import Broken, Finding, Invariant, Scope, prove, snapshot
from credits.audit.reservations import RESERVATIONS
from credits.audit.seals import (
    ExtraColumns,
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
    "Broken",
    "ExtraColumns",
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
    """Return the ledger's invariants that don't hold for the wallets in scope; an empty list if all hold."""
    broken = prove(INVARIANTS, scope)
    out_of_order = prove_order(scope)
    return [*broken, out_of_order] if out_of_order else broken
