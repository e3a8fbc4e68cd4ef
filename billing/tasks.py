"""Background jobs of the money: each calls one function, holds no logic, and may run twice or at once."""

from celery import shared_task

from billing import recharge_attempts, recharge_sweep, renewals, stripe_events


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
