"""Background jobs of the ledger: each calls one function and returns what it did; two runs do no harm."""

from credits import ledger


def sweep_expired() -> dict[str, int]:
    """Write the expiry of credits that have expired."""
    return {"expired": ledger.sweep_expired()}


def release_timed_out() -> dict[str, int]:
    """Release reservations that have timed out."""
    return {"released": ledger.release_timed_out()}


def sweep_thresholds() -> dict[str, int]:
    """Find balances that became low, depleted or restored by time, or by a change of the program."""
    return {"moved": ledger.sweep_thresholds()}
