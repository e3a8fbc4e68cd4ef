"""The queue: what makes a killed task come back, a silent Redis harmless, and a schedule that can be read."""

import socket
import time

import pytest
from kombu.exceptions import OperationalError

from config.celery import SCHEDULE, app


def test_a_task_whose_process_is_killed_comes_back() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


def test_no_task_may_run_longer_than_the_broker_waits() -> None:
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
    assert app.conf.task_time_limit < app.conf.broker_transport_options["visibility_timeout"]


@pytest.mark.parametrize("name", sorted(SCHEDULE))
def test_every_scheduled_task_exists(name: str) -> None:
    app.loader.import_default_modules()
    task, every = SCHEDULE[name]

    assert task in app.tasks
    assert every.total_seconds() > 0


def test_publishing_to_a_silent_redis_gives_up_within_seconds() -> None:
    with socket.socket() as silent:  # it accepts connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        broker = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()

        with app.connection_for_write(broker) as connection, pytest.raises((OperationalError, OSError)):
            app.send_task("anything", connection=connection)

    assert time.monotonic() - began < 5
