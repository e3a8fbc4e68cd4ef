"""Background jobs of the ledger: each calls one function, holds no logic, and may run twice or at once."""

from celery import shared_task

from credits import ledger


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def sweep_expired() -> None:
    """Write off what has expired."""
    ledger.sweep_expired()


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def release_timed_out() -> None:
    """Release reservations whose time is out."""
    ledger.release_timed_out()
