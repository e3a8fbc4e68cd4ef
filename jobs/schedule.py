"""The schedule: everything that Drawdown does by itself, how often and what for. The one place to read and to change.

A job is a plain function, named here by its path, so that nothing of the rooms above is imported. It returns what it
did as numbers by word ({"expired": 3}) or None, works off whatever its rows say is due, in order, and may be killed
anywhere and run again: of the slots that passed while nothing ran only the last is run, and catches up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# A run is asked to end after so many seconds, and killed a little later. Longer ones say so.
SECONDS = 30
# Slots are counted from here, so that two schedulers that never met agree on them.
FIRST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Job:
    """call: the function's path. every: its period; at: how far into the period it is due, counted from midnight UTC.

    seconds: after how long a run is asked to end. Whatever its job has no time for, the next run finds.
    """

    name: str
    call: str
    every: timedelta
    purpose: str | Promise
    at: timedelta = timedelta(0)
    seconds: int = SECONDS

    def slot(self, now: datetime) -> datetime:
        """The last instant at or before `now` at which it was due."""
        return now - (now - FIRST - self.at) % self.every


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SCHEDULE = (
    Job(
        name="expire-credits",
        call="credits.tasks.sweep_expired",
        every=5 * MINUTE,
        purpose=_("Writes off credits whose time is over."),
    ),
    Job(
        name="release-reservations",
        call="credits.tasks.release_timed_out",
        every=MINUTE,
        purpose=_("Releases reservations that timed out."),
    ),
    Job(
        name="balance-marks",
        call="credits.tasks.sweep_marks",
        every=5 * MINUTE,
        purpose=_("Tells of balances that are low, at their end or restored because time or the terms made them so."),
    ),
    Job(
        name="recharge",
        call="billing.tasks.sweep_recharges",
        every=MINUTE,
        purpose=_("Recharges wallets below their thresholds, and finds out what became of recharges under way."),
    ),
    Job(
        name="stripe-events",
        call="billing.tasks.process_stripe_events",
        every=MINUTE,
        purpose=_("Works off Stripe's events."),
    ),
    Job(
        name="add-up-usage",
        call="usage.tasks.roll_up",
        every=5 * MINUTE,
        purpose=_("Adds up each organization's day of usage after its midnight, and again where a day has changed."),
        seconds=100,
    ),
    Job(
        name="resolve-refunds",
        call="billing.tasks.resolve_refunds",
        every=5 * MINUTE,
        purpose=_("Finds out what became of refunds whose answer got lost."),
    ),
    Job(
        name="renew-plans",
        call="billing.tasks.renew_plans",
        every=MINUTE,
        purpose=_("Begins the months of plans that no Stripe counts."),
    ),
    Job(
        name="expiring-notices",
        call="billing.tasks.tell_of_expiring",
        every=HOUR,
        purpose=_("Tells owners 14 and 3 days before of credits that would expire unused at the present pace."),
    ),
    Job(
        name="ask-stripe-about-plans",
        call="billing.tasks.ask_stripe_about_plans",
        every=5 * MINUTE,
        purpose=_("Asks Stripe about plans whose news may have been lost."),
    ),
    Job(
        name="reconcile-payments",
        call="billing.tasks.reconcile_payments",
        every=6 * HOUR,
        purpose=_("Compares the last days' payments with Stripe and settles what was missed."),
        seconds=150,
    ),
    Job(
        name="send-notices",
        call="notices.tasks.send_due_mails",
        every=MINUTE,
        purpose=_("Sends the mails of notices that are owed, again where a try failed."),
    ),
    Job(
        name="nightly-audit",
        call="billing.tasks.audit_nightly",
        every=DAY,
        at=3 * HOUR,
        purpose=_("Proves the books from their entries alone, and seals what was proved."),
        seconds=1800,
    ),
    Job(
        name="send-webhooks",
        call="webhooks.tasks.deliver_due",
        every=MINUTE,
        purpose=_("Sends the webhook messages that are owed, again where a try failed."),
    ),
    Job(
        name="forget-webhook-tries",
        call="webhooks.tasks.forget_tries",
        every=DAY,
        at=4 * HOUR,
        purpose=_("Deletes the log of webhook tries after 90 days."),
    ),
    Job(
        name="forget-runs",
        call="jobs.tasks.forget_runs",
        every=DAY,
        at=4 * HOUR,
        purpose=_("Deletes what is of no use any more: records of runs after 30 days, and what ran out in the cache."),
    ),
)

JOBS = {job.name: job for job in SCHEDULE}
