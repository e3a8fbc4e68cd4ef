"""The queue and its settings, by what was measured (ARCHITECTURE.md, Jobs). What runs when is in config/schedule.py.

A task is only a nudge: what is owed is a row, and the scheduled jobs find it without any nudge. So a task may run
twice, late or not at all and nobody loses a credit. No countdown and no ETA: Redis would hold them back unseen.
"""

import os

from celery import Celery
from django.conf import settings
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# A worker that loses Redis would give back what it holds over the connection that is gone, and die of it (measured).
# What it holds comes back by the visibility timeout instead.
Channel.do_restore = False

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
    task_soft_time_limit=30,
    task_time_limit=35,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A request must not hang on a silent Redis, so publishing gives up after a second and the sweep does the work.
    task_publish_retry=False,
    broker_transport_options={
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "max_retries": 0,
        # Longer than a task may run, short enough that a killed worker's tasks are begun again within a minute. Jobs
        # that run longer send the copy of their message away: their lock is held.
        "visibility_timeout": 40,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    },
    worker_hijack_root_logger=False,
    # One tick finds all that is due by asking the database, so the scheduler need not remember anything. A tick that
    # nobody fetched in time is dropped instead of piling up while no worker is there.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule={"tick": {"task": "jobs.tasks.tick", "schedule": 10.0, "options": {"expires": 60}}},
)
app.autodiscover_tasks()
