"""Background jobs of the money: each calls one function, holds no logic, and may run twice or at once."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from billing import recharge_attempts, recharge_sweep, reconciliation, refunds, renewals, stripe_events


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def process_stripe_event(event_id: int) -> None:
    """Work off an event of Stripe's."""
    stripe_events.process(event_id)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def process_stripe_events() -> None:
    """Work off the events whose turn it is."""
    stripe_events.process_due()


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def recharge_wallet(wallet_id: int) -> None:
    """Buy what the wallet's rule of auto-recharge says, if it is its turn."""
    recharge_attempts.recharge(wallet_id)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def sweep_recharges() -> None:
    """Find out about attempts left under way, and recharge wallets below their thresholds."""
    recharge_sweep.sweep()


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def renew_plans() -> None:
    """Begin the months of plans that no Stripe counts."""
    renewals.renew_due()


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def ask_stripe_about_plans() -> None:
    """Ask Stripe about plans whose news may have been lost."""
    renewals.ask_stripe()


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def resolve_refunds() -> None:
    """Find out what became of refunds whose answer got lost."""
    refunds.resolve_due()


# Going through the lists takes longer than other tasks may; still less than a killed worker's tasks wait.
@shared_task(ignore_result=True, soft_time_limit=150, time_limit=160)  # type: ignore[untyped-decorator]
def reconcile_payments() -> None:
    """Compare the last days with Stripe and settle what was missed."""
    reconciliation.reconcile(since=timezone.now() - timedelta(days=3))
