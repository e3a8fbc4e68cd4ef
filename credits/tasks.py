"""Background jobs of the ledger: each calls one function, says what it did, and may run twice or at once."""

from credits import ledger


def sweep_expired() -> dict[str, int]:
    """Write off what has expired."""
    return {"expired": ledger.sweep_expired()}


def release_timed_out() -> dict[str, int]:
    """Release reservations whose time is out."""
    return {"released": ledger.release_timed_out()}


def sweep_marks() -> dict[str, int]:
    """Tell of balances that crossed a mark by time, or by a change of the terms."""
    return {"moved": ledger.sweep_marks()}
