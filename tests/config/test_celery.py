"""The queue: what makes a killed task come back, a silent Redis harmless, and a schedule that can be read."""

import socket
import time
from unittest import mock
from zlib import crc32

import pytest
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel

from config.celery import app
from config.schedule import SCHEDULE
from jobs.schedule import JOBS, SECONDS, Job, install


def test_a_task_whose_process_is_killed_comes_back() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


def test_a_worker_that_loses_redis_gives_nothing_back_over_the_lost_connection() -> None:
    """It would end with "Unrecoverable error"; `make chaos` found it."""
    assert not Channel.do_restore


def test_a_killed_workers_tasks_come_back_within_a_minute_and_not_while_they_run() -> None:
    waits = app.conf.broker_transport_options

    assert app.conf.task_soft_time_limit < app.conf.task_time_limit < waits["visibility_timeout"]
    assert waits["visibility_timeout"] + waits["unacked_restore_interval"] < 60


def test_the_scheduler_has_one_entry_and_remembers_nothing() -> None:
    app.loader.import_default_modules()
    (tick,) = app.conf.beat_schedule.values()

    assert tick["task"] in app.tasks
    assert tick["schedule"] < 60
    assert app.conf.beat_scheduler == "celery.beat:Scheduler"


@pytest.mark.parametrize("job", SCHEDULE, ids=lambda job: job.name)
def test_every_job_of_the_schedule_exists_and_has_time_to_end(job: Job) -> None:
    assert JOBS[job.name] is job
    assert job.at < job.every
    assert job.seconds < max(job.every.total_seconds(), SECONDS + 1)
    assert str(job.purpose).endswith(".")


def test_no_two_jobs_have_one_name_or_one_number() -> None:
    assert len(JOBS) == len({crc32(job.name.encode()) for job in SCHEDULE}) == len(SCHEDULE)


def test_two_jobs_of_one_name_are_not_installed() -> None:
    with mock.patch.dict(JOBS), pytest.raises(ValueError, match="one name"):
        install([*SCHEDULE, SCHEDULE[0]])


def test_publishing_to_a_silent_redis_gives_up_within_seconds() -> None:
    with socket.socket() as silent:  # it accepts connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        broker = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()

        with app.connection_for_write(broker) as connection, pytest.raises((OperationalError, OSError)):
            app.send_task("anything", connection=connection)

    assert time.monotonic() - began < 5
