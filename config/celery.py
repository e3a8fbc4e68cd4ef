"""Background jobs: the queue and the one schedule.

A task is only a nudge: what is owed is a row, and the scheduled sweeps find it without any nudge. So a task may run
twice, late or not at all and nobody loses a credit. No countdown and no ETA: Redis would hold them back unseen.
"""

import os
from datetime import timedelta

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("drawdown")
app.conf.update(
    broker_url=settings.REDIS_URL,
    task_default_queue="drawdown",
    task_ignore_result=True,
    timezone="UTC",
    # A task whose process was killed comes back: acks_late alone loses it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_soft_time_limit=50,
    task_time_limit=60,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A request must not hang on a silent Redis, so publishing gives up after a second and the sweep does the work.
    task_publish_retry=False,
    broker_transport_options={
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "max_retries": 0,
        # Longer than any task may run; a killed worker's tasks come back some seconds later than that.
        "visibility_timeout": 180,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    },
    worker_hijack_root_logger=False,
)
app.autodiscover_tasks()

# name: (task, how often). Each may run at any time, side by side with itself, and does no harm.
SCHEDULE = {
    "expire credits whose time is over": ("credits.tasks.sweep_expired", timedelta(minutes=5)),
    "release reservations that timed out": ("credits.tasks.release_timed_out", timedelta(minutes=1)),
    "recharge wallets below their thresholds": ("billing.tasks.sweep_recharges", timedelta(minutes=1)),
    "work off Stripe's events": ("billing.tasks.process_stripe_events", timedelta(minutes=1)),
    "find out what became of refunds": ("billing.tasks.resolve_refunds", timedelta(minutes=5)),
    "compare payments with Stripe": ("billing.tasks.reconcile_payments", timedelta(hours=6)),
    "begin the months of plans": ("billing.tasks.renew_plans", timedelta(minutes=5)),
    "ask Stripe about plans": ("billing.tasks.ask_stripe_about_plans", timedelta(minutes=5)),
}
# A run that nobody fetched before the next one is due is dropped instead of piling up while no worker is there.
app.conf.beat_schedule = {
    name: {"task": task, "schedule": every, "options": {"expires": every.total_seconds()}}
    for name, (task, every) in SCHEDULE.items()
}
