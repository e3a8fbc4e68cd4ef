"""A real worker and a real Redis, killed and cut off: what was owed is done, once, and nobody's request fails.

The long form, with faults at random, is `make chaos`.
"""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from benchmarks.chaos.servers import cut_off
from config import settings as shipped
from config.celery import app
from credits.models import Reservation
from jobs import nudges, runs, tasks
from jobs.models import JobRun
from jobs.schedule import JOBS
from organizations.public_ids import new_uuid
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import WalletDriver
from tests.support.servers import outage
from tests.support.servers.outage import Outage, blocked, ended

pytestmark = pytest.mark.django_db(transaction=True)

# The worker has the real clock, which must be later.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def servers(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outage]:
    with outage.staged(tmp_path_factory.mktemp("outage")) as staged:
        yield staged


@pytest.fixture
def here(servers: Outage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    """The stage, with everything open. Ticks find what the test has left undone and plan nothing of their own."""
    monkeypatch.setattr(app.conf, "broker_url", app.conf.broker_url)
    monkeypatch.setattr(nudges, "REST_SECONDS", 0)
    monkeypatch.setattr(runs, "_plan", lambda _now: [])
    servers.use_here()
    yield servers
    servers.proxy.open()
    outage.forget_connections()


@pytest.fixture
def driver() -> WalletDriver:
    """A wallet of which five of ten credits are reserved, for longer than allowed."""
    driver = WalletDriver(factories.wallet(factories.organization(), factories.program(), now=LONG_AGO), LONG_AGO)
    driver.grant(10)
    driver.reserve(5, seconds=60)
    return driver


def ask_for(job: str) -> JobRun:
    return runs.request(JOBS[job], actor=None, reason="for the test", run_id=new_uuid())


def released_once(driver: WalletDriver) -> None:
    check_wallet(driver.wallet.pk)
    assert Reservation.objects.get().state == "timed_out"
    driver.wallet.refresh_from_db()
    assert (driver.wallet.balance, driver.wallet.reserved) == (10, 0)


class TestKills:
    def test_a_job_whose_process_is_killed_in_the_middle_is_done_again_and_says_so(
        self, here: Outage, driver: WalletDriver
    ) -> None:
        run = ask_for("release-reservations")
        with blocked(driver.wallet):
            tasks.enqueue(run)
            here.wait_until(outage.somebody_waits_for_a_lock)
            run.refresh_from_db()
            os.kill(int(run.worker.split()[1]), signal.SIGKILL)

        here.wait_until(lambda: ended(run), again=tasks.tick)
        assert run.attempts >= 2
        assert run.did == {"released": 1}
        released_once(driver)

    def test_a_job_whose_whole_worker_is_killed_is_done_by_the_next_one(
        self, here: Outage, driver: WalletDriver
    ) -> None:
        run = ask_for("release-reservations")
        with blocked(driver.wallet):
            tasks.enqueue(run)
            here.wait_until(outage.somebody_waits_for_a_lock)
            here.worker.kill()
        here.worker.start()

        # No redelivery is waited for: the next tick sees that nobody is at it.
        here.wait_until(lambda: ended(run), again=tasks.tick)
        assert run.did == {"released": 1}
        released_once(driver)


class TestRedis:
    def test_a_nudge_that_was_flushed_away_is_made_good_by_the_next_tick(
        self, here: Outage, driver: WalletDriver
    ) -> None:
        here.worker.kill()
        run = ask_for("release-reservations")
        assert tasks.enqueue(run)
        assert here.queue_length() > 0
        with here.redis.client() as client:
            client.flushall()
        here.worker.start()
        JobRun.objects.filter(pk=run.pk).update(created_at=run.created_at - runs.FETCHED_WITHIN)

        here.wait_until(lambda: ended(run), again=tasks.tick)
        released_once(driver)

    @pytest.mark.parametrize("fault", ["refuse", "swallow", "kill"])
    def test_while_it_is_away_the_row_is_kept_and_afterwards_it_is_worked_off(
        self, here: Outage, driver: WalletDriver, fault: str
    ) -> None:
        getattr(here.redis if fault == "kill" else here.proxy, fault)()
        run = ask_for("release-reservations")
        assert not tasks.enqueue(run)
        if fault == "kill":
            here.redis.start()
        here.proxy.open()
        JobRun.objects.filter(pk=run.pk).update(created_at=run.created_at - runs.FETCHED_WITHIN)

        here.wait_until(lambda: ended(run), again=tasks.tick)
        released_once(driver)

    def test_signing_in_needs_no_redis(self, here: Outage, settings: Any) -> None:
        alice = factories.person("Alice")
        settings.CACHES = shipped.CACHES
        try:
            with cut_off(here.proxy):
                answer = Client().post("/accounts/login/", {"login": alice.email, "password": factories.PASSWORD})
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM drawdown_cache")
                (counted,) = cursor.fetchone()
        finally:
            cache.clear()

        assert answer.status_code == 302
        assert counted > 0, "the attempt was not counted where all web servers see it"


def test_ten_copies_of_a_message_are_one_run(here: Outage, driver: WalletDriver) -> None:
    run = ask_for("release-reservations")
    for _ in range(10):
        tasks.enqueue(run)
    here.wait_until(lambda: ended(run), again=tasks.tick)
    here.wait_until(lambda: here.queue_length() == 0)

    assert (run.attempts, run.did) == (1, {"released": 1})
    released_once(driver)
