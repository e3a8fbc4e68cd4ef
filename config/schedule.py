"""The schedule: every job, how often it runs and what for. The one place to change it; installed at startup."""

from django.utils.translation import gettext_lazy as _

from billing import tasks as billing_tasks
from credits import tasks as credits_tasks
from jobs import tasks as jobs_tasks
from jobs.schedule import DAY, HOUR, MINUTE, Job
from notices import tasks as notices_tasks
from usage import tasks as usage_tasks
from webhooks import tasks as webhooks_tasks

SCHEDULE: tuple[Job, ...] = (
    Job(
        name="expire-credits",
        call=credits_tasks.sweep_expired,
        every=5 * MINUTE,
        purpose=_("Expires credits that are past their expiry date."),
    ),
    Job(
        name="release-reservations",
        call=credits_tasks.release_timed_out,
        every=MINUTE,
        purpose=_("Releases reservations that timed out."),
    ),
    Job(
        name="balance-marks",
        call=credits_tasks.sweep_thresholds,
        every=5 * MINUTE,
        purpose=_("Sends notices for balances that became low, empty or available again without an operation."),
    ),
    Job(
        name="recharge",
        call=billing_tasks.sweep_recharges,
        every=MINUTE,
        purpose=_("Recharges wallets below their thresholds and resolves recharges in progress."),
    ),
    Job(
        name="stripe-events",
        call=billing_tasks.process_stripe_events,
        every=MINUTE,
        purpose=_("Processes Stripe events."),
    ),
    Job(
        name="add-up-usage",
        call=usage_tasks.roll_up,
        every=5 * MINUTE,
        purpose=_("Rolls up each organization's usage after its midnight, and again when a past day has changed."),
        seconds=100,
    ),
    Job(
        name="resolve-refunds",
        call=billing_tasks.resolve_refunds,
        every=5 * MINUTE,
        purpose=_("Resolves refunds whose outcome at Stripe is unknown."),
    ),
    Job(
        name="renew-plans",
        call=billing_tasks.renew_plans,
        every=MINUTE,
        purpose=_("Renews plans that are not billed through Stripe."),
    ),
    Job(
        name="expiring-notices",
        call=billing_tasks.notify_of_expiring,
        every=HOUR,
        purpose=_("Notifies owners 14 and 3 days before credits expire unused at the current rate."),
    ),
    Job(
        name="ask-stripe-about-plans",
        call=billing_tasks.ask_stripe_about_plans,
        every=5 * MINUTE,
        purpose=_("Checks plans at Stripe whose events may have been missed."),
    ),
    Job(
        name="reconcile-payments",
        call=billing_tasks.reconcile_payments,
        every=6 * HOUR,
        purpose=_("Compares recent payments with Stripe and settles what was missed."),
        seconds=150,
    ),
    Job(
        name="send-notices",
        call=notices_tasks.send_due_mails,
        every=MINUTE,
        purpose=_("Sends notice emails that are due, including retries."),
    ),
    Job(
        name="nightly-audit",
        call=billing_tasks.audit_nightly,
        every=DAY,
        at=3 * HOUR,
        purpose=_("Audits the ledger from its entries alone and seals the result."),
        seconds=1800,
    ),
    Job(
        name="send-webhooks",
        call=webhooks_tasks.deliver_due,
        every=MINUTE,
        purpose=_("Sends webhook messages that are due, including retries."),
    ),
    Job(
        name="forget-webhook-tries",
        call=webhooks_tasks.forget_tries,
        every=DAY,
        at=4 * HOUR,
        purpose=_("Deletes logged webhook attempts after 90 days."),
    ),
    Job(
        name="forget-runs",
        call=jobs_tasks.forget_runs,
        every=DAY,
        at=4 * HOUR,
        purpose=_("Deletes records of job runs after 30 days, and expired cache entries."),
    ),
)
