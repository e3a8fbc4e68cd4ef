"""A broker that can be cut off and a worker that can be killed, on the tests' database: the stage of test_outages."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from kombu import pools

from benchmarks.chaos.proxy import Proxy, tcp
from benchmarks.chaos.servers import Redis, Worker
from config.celery import app
from credits.models import Wallet
from jobs.models import JobRun

PATIENCE_SECONDS = 60

WAITS_FOR_A_LOCK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'
"""


@dataclass
class Outage:
    """redis: behind `proxy`, which leads there from the product and the worker alike."""

    redis: Redis
    proxy: Proxy
    worker: Worker

    def queue_length(self) -> int:
        """How many messages wait for a worker."""
        with self.redis.client() as client:
            return int(client.llen(app.conf.task_default_queue))

    def wait_until(self, is_so: Callable[[], Any], again: Callable[[], Any] = lambda: None) -> None:
        """Wait for what the worker does, doing `again` about every second. Fails, with its log, if it never does."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        next_time = 0.0
        while not is_so():
            now = time.monotonic()
            assert now < give_up, f"it never happened\n{self.worker.log.read_text()[-4000:]}"
            if now >= next_time:
                again()
                next_time = now + 1
            time.sleep(0.05)

    def use_here(self) -> None:
        """Send what this process nudges through the proxy, too, over new connections."""
        app.conf.broker_url = broker_url(self.proxy)
        forget_connections()


def broker_url(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


def forget_connections() -> None:
    """Let Celery in this process connect anew."""
    pools.reset()  # type: ignore[no-untyped-call]
    app._pool = None
    app.amqp._producer_pool = None


@contextlib.contextmanager
def staged(folder: Path, *, pool: str = "prefork") -> Iterator[Outage]:
    """Start a Redis and a worker with a pool of one; stop them at the end. The worker is ready when it works."""
    redis = Redis(folder / "redis")
    proxy = Proxy(tcp(redis.port))
    database = str(connection.settings_dict["NAME"])
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl(),
        "REDIS_URL": broker_url(proxy),
        "SECRET_KEY": settings.SECRET_KEY,
        "EMAIL_URL": "dummy://",
    }
    worker = Worker(environment, folder / "worker.log", pool=pool, children=1)
    try:
        worker.start()
        yield Outage(redis, proxy, worker)
    finally:
        worker.stop()
        proxy.close()
        redis.kill()


@contextlib.contextmanager
def blocked(wallet: Wallet) -> Iterator[None]:
    """Hold the wallet's lock."""
    with transaction.atomic():
        Wallet.objects.select_for_update().get(pk=wallet.pk)
        yield


def somebody_waits_for_a_lock() -> bool:
    """Whether another connection does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # it would show the same all through a transaction
        cursor.execute(WAITS_FOR_A_LOCK)
        return bool(cursor.fetchone()[0])


def ended(run: JobRun) -> bool:
    run.refresh_from_db()
    return run.ended_at is not None
