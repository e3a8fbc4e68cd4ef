"""Background work of billing: Celery tasks that start work sooner, and jobs of the schedule.

Each calls one function, holds no logic, and may run twice or at once. A job returns what it did, as numbers by word.
"""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from billing.audit import nightly
from billing.dashboard import expiry_notices
from billing.plans import renewals
from billing.recharge import charges, sweep
from billing.refunds import calls as refund_calls
from billing.stripe_events import inbox, reconciliation
from credits.ledger.thresholds.events import WalletFact
from domain_events.subscribers import Occurrence
from jobs.nudges import nudge_after_commit


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def process_stripe_event(event_id: int) -> None:
    """Process an event of Stripe's."""
    inbox.process(event_id)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def recharge_wallet(wallet_id: int) -> None:
    """Buy what the wallet's auto-recharge rule says, if it is due."""
    charges.recharge(wallet_id)


def nudge_recharge(fell: Occurrence[WalletFact]) -> None:
    """Have a wallet recharged, after the commit, that fell below what is watched for it."""
    nudge_after_commit(recharge_wallet, fell.payload.wallet_id)


def process_stripe_events() -> dict[str, int]:
    """Process the events that are due."""
    return {"events": inbox.process_due()}


def sweep_recharges() -> dict[str, int]:
    """Resolve open attempts, and recharge wallets below their thresholds."""
    return sweep.sweep()


def renew_plans() -> dict[str, int]:
    """Renew plans that are not billed through Stripe."""
    return renewals.renew_due()


def ask_stripe_about_plans() -> dict[str, int]:
    """Ask Stripe about plans whose events may have been lost."""
    return renewals.ask_stripe()


def notify_of_expiring() -> dict[str, int]:
    """Notify owners of credits that would expire unused."""
    return expiry_notices.notify_of_expiring()


def resolve_refunds() -> dict[str, int]:
    """Resolve refunds whose answer got lost."""
    return {"refunds": refund_calls.resolve_due()}


def reconcile_payments() -> dict[str, int]:
    """Compare the last days with Stripe and settle what was missed."""
    report = reconciliation.reconcile(since=timezone.now() - timedelta(days=3))
    return {
        "payments": report.payments,
        "events": report.events,
        "settled": len(report.settled),
        "differences": len(report.differences),
    }


def audit_nightly() -> dict[str, int | str]:
    """Prove all invariants, seal what was proved, and alert staff if one is broken."""
    return nightly.run()
