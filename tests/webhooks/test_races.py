"""Two at once: each lock of this room, beside a control that shows what happens without it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from credits.ledger.thresholds.events import LOW
from jobs import outbox
from organizations.models import Organization, User
from tests.support import factories
from tests.support.races import run_many, run_together
from tests.support.servers.webhook_receiver import Receiver
from tests.webhooks.conftest import NOW
from webhooks import by_hand, endpoints, signing
from webhooks.delivery import deliver_due
from webhooks.endpoints import create_endpoint, rotate_secret
from webhooks.events import emit
from webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookSecret

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20


@pytest.fixture
def stella() -> User:
    return factories.staff("Stella")


@pytest.fixture
def acme() -> Organization:
    return factories.organization(slug="acme")


@pytest.fixture
def endpoint(acme: Organization, stella: User, receiver: Receiver) -> WebhookEndpoint:
    return create_endpoint(organization=acme, url=receiver.url, allows_private=True, actor=stella, now=NOW)[0]


@pytest.fixture
def owed(acme: Organization, endpoint: WebhookEndpoint) -> WebhookDelivery:
    with transaction.atomic():
        emit(organization_id=acme.pk, event_type=LOW.name, key="first", data={}, now=NOW)
    return WebhookDelivery.objects.get()


@contextmanager
def without_locks(patch: pytest.MonkeyPatch, module: Any, met_in: str) -> Iterator[None]:
    """Take no row locks, and let nobody pass `module.met_in`, which stands between reading and writing, alone."""
    both = threading.Barrier(2, timeout=PATIENCE)
    real = getattr(module, met_in)

    def meet(*arguments: Any) -> Any:
        both.wait()
        return real(*arguments)

    with patch.context() as patched:
        patched.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
        patched.setattr(module, met_in, meet)
        yield


def kinds(results: list[Any]) -> list[str]:
    return sorted(type(result).__name__ for result in results)


class TestTwoDeliverers:
    def deliver_at_once(self, patch: pytest.MonkeyPatch, *, reads_first: bool) -> list[Any]:
        """Let both choose the same delivery. reads_first: and read it unlocked, before either claims it."""
        both = threading.Barrier(2, timeout=PATIENCE)
        lock = outbox._lock

        def together(rows: Any, count: int) -> Any:
            found = list(rows[:count]) if reads_first else None
            both.wait()
            return lock(rows, count) if found is None else found

        with patch.context() as patched:
            patched.setattr(outbox, "_lock", together)
            return run_many(lambda: deliver_due(NOW), times=2)

    def test_deliver_once(self, owed: WebhookDelivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert sorted(self.deliver_at_once(monkeypatch, reads_first=False)) == [0, 1]
        assert len(receiver.messages) == 1

    def test_control_without_the_lock(
        self, owed: WebhookDelivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.deliver_at_once(monkeypatch, reads_first=True) == [1, 1]
        assert len(receiver.messages) == 2


class TestTwoReplays:
    def replay(self, owed: WebhookDelivery, stella: User) -> list[Any]:
        WebhookDelivery.objects.update(state="delivered", closed_at=NOW)
        return run_many(lambda: by_hand.replay(delivery=owed, actor=stella, now=NOW), times=2)

    def test_are_one(self, owed: WebhookDelivery, stella: User) -> None:
        assert kinds(self.replay(owed, stella)) == ["NoneType", "OnItsWay"]

    def test_control_without_the_lock(
        self, owed: WebhookDelivery, stella: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with without_locks(monkeypatch, by_hand, "_refuse_if_off"):
            assert kinds(self.replay(owed, stella)) == ["NoneType", "NoneType"]


class TestTwoTests:
    def send(self, endpoint: WebhookEndpoint, stella: User) -> list[Any]:
        return run_many(lambda: by_hand.send_test(endpoint=endpoint, actor=stella, now=NOW), times=2)

    def test_are_one(self, endpoint: WebhookEndpoint, stella: User) -> None:
        assert kinds(self.send(endpoint, stella)) == ["OnItsWay", "WebhookDelivery"]

    def test_control_without_the_lock(
        self, endpoint: WebhookEndpoint, stella: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with without_locks(monkeypatch, by_hand, "new_public_id"):
            assert kinds(self.send(endpoint, stella)) == ["WebhookDelivery", "WebhookDelivery"]


class TestTwoRotations:
    def rotate(self, endpoint: WebhookEndpoint, stella: User) -> list[Any]:
        current = WebhookSecret.objects.get().pk
        return run_many(lambda: rotate_secret(endpoint=endpoint, replaces=current, actor=stella, now=NOW), times=2)

    def test_are_one(self, endpoint: WebhookEndpoint, stella: User) -> None:
        assert kinds(self.rotate(endpoint, stella)) == ["SecretReplaced", "str"]
        assert WebhookSecret.objects.count() == 2

    def test_control_without_the_lock(
        self, endpoint: WebhookEndpoint, stella: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even then the database keeps the secret the only current one."""
        with without_locks(monkeypatch, signing, "new_secret"):
            results = self.rotate(endpoint, stella)
        assert kinds(results) == ["IntegrityError", "str"]
        assert any(isinstance(result, IntegrityError) for result in results)


class TestTheLastPlaceForAnEndpoint:
    def make_two(self, acme: Organization, stella: User) -> list[Any]:
        for number in range(endpoints.MOST_ENDPOINTS - 1):
            WebhookEndpoint.objects.create(organization=acme, url=f"https://a.example/{number}", created_at=NOW)
        return run_together(
            [
                lambda: create_endpoint(organization=acme, url="https://b.example/", actor=stella),
                lambda: create_endpoint(organization=acme, url="https://c.example/", actor=stella),
            ]
        )

    def test_is_given_once(self, acme: Organization, stella: User) -> None:
        assert kinds(self.make_two(acme, stella)) == ["TooManyEndpoints", "tuple"]

    def test_control_without_the_lock(self, acme: Organization, stella: User, monkeypatch: pytest.MonkeyPatch) -> None:
        with without_locks(monkeypatch, endpoints, "_known"):
            assert kinds(self.make_two(acme, stella)) == ["tuple", "tuple"]
