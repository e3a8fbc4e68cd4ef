"""PostgreSQL behind a proxy that cuts connections: the lost reply to a COMMIT, and connections gone stale."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, close_old_connections, connection, connections

from benchmarks.chaos.proxy import Proxy
from benchmarks.chaos.servers import postgresql_proxy
from organizations.models import Organization
from tests.support.races import run_together
from tests.support.usage import usage_stage
from tests.support.usage.usage_stage import Stage, prove_books
from usage.metering.meter import meter
from usage.models import UsageEvent
from usage.uses import Metered

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(transactional_db: None) -> Stage:
    return usage_stage.set_up()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy through which every connection goes that is opened from now on; this thread's was opened before."""
    connection.ensure_connection()
    server = connection.get_connection_params()
    found = postgresql_proxy(server["host"], int(server.get("port") or 5432))
    settings = connections.settings["default"]
    monkeypatch.setitem(settings, "HOST", "127.0.0.1")
    monkeypatch.setitem(settings, "PORT", str(found.port))
    yield found
    found.close()


def through_it(act: Callable[[], Any]) -> Any:
    """Do it in a thread, whose connection is new."""
    (result,) = run_together([act])
    return result


class TestTheReplyToTheCommitIsLost:
    def spend_and_lose_the_reply(self, stage: Stage, proxy: Proxy) -> None:
        proxy.drop_commit_replies()
        failed = through_it(lambda: meter([stage.use("a key")]))
        assert isinstance(failed, OperationalError)
        assert proxy.replies_dropped == 1, failed

    def test_a_retry_under_the_same_key_tells_the_truth(self, stage: Stage, proxy: Proxy) -> None:
        self.spend_and_lose_the_reply(stage, proxy)
        (answer,) = through_it(lambda: meter([stage.use("a key")]))

        assert isinstance(answer, Metered)
        assert answer.was_replayed
        assert UsageEvent.objects.get().pk == answer.event_id
        assert stage.balance() == 10_000 - 50
        prove_books()

    def test_control_a_retry_under_another_key_pays_twice(self, stage: Stage, proxy: Proxy) -> None:
        self.spend_and_lose_the_reply(stage, proxy)
        through_it(lambda: meter([stage.use("another key")]))

        assert UsageEvent.objects.count() == 2


class TestConnectionsGoneStale:
    def two_requests(self, proxy: Proxy) -> int:
        """Between the two, every connection is cut, as by a restart of PostgreSQL."""
        assert Organization.objects.exists()
        proxy.reset()
        close_old_connections()  # as Django does at the beginning of every request
        return Organization.objects.count()

    def test_the_next_request_notices_and_connects_anew(self, stage: Stage, proxy: Proxy) -> None:
        assert through_it(lambda: self.two_requests(proxy)) == 1

    def test_control_without_the_check_it_fails(
        self, stage: Stage, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(connections.settings["default"], "CONN_HEALTH_CHECKS", False)
        assert isinstance(through_it(lambda: self.two_requests(proxy)), OperationalError)
