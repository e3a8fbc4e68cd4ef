"""What is owed is sent: signed, retried for three days, once noted; and nobody holds up the others."""

import json
import random
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import connection, transaction

from credits.ledger.thresholds.events import LOW
from organizations.models import AuditEvent, Organization, User
from tests.support.servers.webhook_receiver import Receiver
from tests.webhooks.conftest import NOW
from webhooks import delivery, endpoints, posting, signing, tasks
from webhooks.delivery import deliver_due
from webhooks.events import emit
from webhooks.models import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookSecret,
)

DATA = {"organization": "acme", "available": 90, "name": "Zoë"}


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the dice nor a machine that is busy with something else decide what comes out."""
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 1.0)
    monkeypatch.setattr(delivery, "SLOW_SECONDS", 600)
    monkeypatch.setattr(delivery, "RUN_SECONDS", 600)
    monkeypatch.setattr(delivery, "CALL_SECONDS", 60.0)


@pytest.fixture
def owed(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """An event that is owed to the receiver since NOW."""
    assert endpoint.organization is not None
    return tell(endpoint.organization)


def tell(organization: Organization, key: str = "first") -> WebhookDelivery:
    with transaction.atomic():
        event = emit(organization_id=organization.pk, event_type=LOW.name, key=key, data=DATA, now=NOW)
    return WebhookDelivery.objects.get(event=event)


def secret_of(endpoint: WebhookEndpoint) -> str:
    return signing.unseal(WebhookSecret.objects.get(endpoint=endpoint, signs_until=None).sealed)


class TestAMessage:
    def test_is_what_the_specification_says(self, owed: WebhookDelivery, receiver: Receiver) -> None:
        assert deliver_due(NOW) == 1

        (message,) = receiver.messages
        assert json.loads(message.body) == {"type": "balance.low", "timestamp": "2026-03-01T12:00:00Z", "data": DATA}
        assert message.headers["webhook-id"] == owed.event.message_id
        assert message.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
        assert message.headers["content-type"] == "application/json"
        assert message.is_signed_with(secret_of(owed.endpoint))
        assert not message.is_signed_with(signing.new_secret())

    def test_is_noted_with_what_came_back(self, owed: WebhookDelivery, receiver: Receiver) -> None:
        receiver.answers(200, b"thanks")
        deliver_due(NOW)

        owed.refresh_from_db()
        assert (owed.state, owed.closed_at, owed.claimed_until, owed.attempts) == ("delivered", NOW, None, 1)
        attempt = WebhookAttempt.objects.get(delivery=owed)
        assert (attempt.started_at, attempt.status, attempt.error, attempt.response) == (NOW, 200, "", "thanks")
        owed.endpoint.refresh_from_db()
        assert (owed.endpoint.last_delivered_at, owed.endpoint.failing_since) == (NOW, None)

    def test_is_sent_once(self, owed: WebhookDelivery, receiver: Receiver) -> None:
        deliver_due(NOW)

        assert deliver_due(NOW + timedelta(days=1)) == 0
        assert len(receiver.messages) == 1

    def test_is_signed_with_both_secrets_for_a_day_after_a_rotation(
        self, owed: WebhookDelivery, receiver: Receiver, alice: User
    ) -> None:
        receiver.answers(500)
        old = secret_of(owed.endpoint)
        current = WebhookSecret.objects.get().pk
        new = endpoints.rotate_secret(endpoint=owed.endpoint, replaces=current, actor=alice, now=NOW)
        for later in (timedelta(hours=24) - timedelta(seconds=1), timedelta(hours=24)):
            WebhookDelivery.objects.update(next_try_at=NOW)
            deliver_due(NOW + later)

        signed = [(message.is_signed_with(old), message.is_signed_with(new)) for message in receiver.messages]
        assert signed == [(True, True), (False, True)]

    def test_of_a_secret_that_can_not_be_read_is_not_sent(self, owed: WebhookDelivery, receiver: Receiver) -> None:
        WebhookSecret.objects.update(sealed="nonsense")
        deliver_due(NOW)

        assert receiver.messages == []
        assert WebhookAttempt.objects.get().error == "secret"
        owed.refresh_from_db()
        assert owed.state == "pending"


class TestRetries:
    def test_for_three_days_under_one_id_then_it_is_given_up(self, owed: WebhookDelivery, receiver: Receiver) -> None:
        receiver.answers(500, b"broken")
        now, times = NOW, []
        while WebhookDelivery.objects.filter(state="pending").exists():
            assert deliver_due(now - timedelta(microseconds=1)) == 0
            assert deliver_due(now) == 1
            times.append(now - NOW)
            now = WebhookDelivery.objects.get().next_try_at

        assert times[:4] == [timedelta(seconds=s) for s in (0, 5, 305, 2105)]
        assert timedelta(days=2, hours=20) < times[-1] <= timedelta(days=3)
        assert len(times) == len(delivery.WAITS) + 1 == 10
        assert set(receiver.ids) == {owed.event.message_id}
        assert len({message.headers["webhook-timestamp"] for message in receiver.messages}) == 10
        assert len({message.body for message in receiver.messages}) == 1
        owed.refresh_from_db()
        assert owed.state == "failed"
        owed.endpoint.refresh_from_db()
        assert owed.endpoint.failing_since == NOW
        assert owed.endpoint.disabled_at is None

    def test_waits_are_spread_by_a_tenth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(random, "uniform", lambda least, most: most)
        assert delivery._wait(2, posting.Answer(status=500)) == timedelta(minutes=5, seconds=30)
        monkeypatch.setattr(random, "uniform", lambda least, most: least)
        assert delivery._wait(2, posting.Answer(status=500)) == timedelta(minutes=4, seconds=30)

    @pytest.mark.parametrize(("asked", "waited"), [("60", 60), ("1", 5), ("500000", 24 * 3600)])
    def test_the_receiver_may_ask_for_more_time(
        self, owed: WebhookDelivery, receiver: Receiver, asked: str, waited: int
    ) -> None:
        receiver.answers(429, Retry_After=asked)
        deliver_due(NOW)

        owed.refresh_from_db()
        assert owed.next_try_at == NOW + timedelta(seconds=waited)

    def test_an_endpoint_that_works_again_is_well_again(self, owed: WebhookDelivery, receiver: Receiver) -> None:
        receiver.answers(500)
        deliver_due(NOW)
        receiver.answers(200)
        deliver_due(NOW + timedelta(seconds=5))

        owed.refresh_from_db()
        assert owed.state == "delivered"
        owed.endpoint.refresh_from_db()
        assert owed.endpoint.failing_since is None
        assert list(WebhookAttempt.objects.order_by("pk").values_list("status", flat=True)) == [500, 200]

    def test_gone_switches_it_off(self, owed: WebhookDelivery, receiver: Receiver, acme: Organization) -> None:
        other = tell(acme, "second")
        receiver.answers(410)
        deliver_due(NOW)

        owed.endpoint.refresh_from_db()
        assert (owed.endpoint.disabled_at, owed.endpoint.is_gone) == (NOW, True)
        event = AuditEvent.objects.get(action="webhook_endpoint.gone")
        assert (event.organization, event.actor, event.target) == (acme, None, owed.endpoint.public_id)
        states = WebhookDelivery.objects.filter(pk__in=[owed.pk, other.pk]).values_list("state", flat=True)
        assert sorted(states) == ["failed", "pending"]
        assert len(receiver.messages) == 1

    def test_what_an_endpoint_is_owed_waits_while_it_is_off(
        self, owed: WebhookDelivery, receiver: Receiver, alice: User
    ) -> None:
        endpoints.disable_endpoint(endpoint=owed.endpoint, actor=alice)
        assert deliver_due(NOW) == 0
        endpoints.enable_endpoint(endpoint=owed.endpoint, actor=alice)

        assert deliver_due(NOW) == 1
        assert receiver.ids == [owed.event.message_id]


class TestDeathInMidCall:
    def test_a_killed_workers_delivery_is_sent_again_under_the_same_id(
        self, owed: WebhookDelivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_arguments: Any, **_options: Any) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(delivery, "_note", killed)
            with pytest.raises(SystemExit):
                deliver_due(NOW)
        assert deliver_due(NOW + timedelta(seconds=59)) == 0  # its claim is not over
        assert deliver_due(NOW + delivery.CLAIM) == 1

        assert receiver.ids == [owed.event.message_id] * 2
        assert receiver.messages[0].body == receiver.messages[1].body
        owed.refresh_from_db()
        assert (owed.state, WebhookAttempt.objects.count()) == ("delivered", 1)

    def test_one_that_was_believed_dead_does_not_undo_what_came_after(
        self, owed: WebhookDelivery, receiver: Receiver
    ) -> None:
        (slow,) = delivery._claim(1, without=[], now=NOW)
        deliver_due(NOW + delivery.CLAIM)
        delivery._note(slow, posting.Answer(status=410), milliseconds=1, now=NOW + timedelta(minutes=2))

        owed.refresh_from_db()
        assert (owed.state, WebhookAttempt.objects.count()) == ("delivered", 2)


class TestManyEndpoints:
    def make(self, acme: Organization, stella: User, receiver: Receiver, *names: str) -> list[WebhookEndpoint]:
        url = receiver.url
        return [
            endpoints.create_endpoint(
                organization=acme, url=f"{url}/{name}", allows_private=True, actor=stella, now=NOW
            )[0]
            for name in names
        ]

    def owe(self, acme: Organization, events: int) -> None:
        for number in range(events):
            with transaction.atomic():
                emit(organization_id=acme.pk, event_type=LOW.name, key=str(number), data=DATA, now=NOW)

    def test_all_that_is_due_is_sent_in_one_run(self, acme: Organization, stella: User, receiver: Receiver) -> None:
        self.make(acme, stella, receiver, *(f"e{number}" for number in range(delivery.LANES + 2)))
        self.owe(acme, 3)

        assert deliver_due(NOW) == 3 * (delivery.LANES + 2)
        assert not WebhookDelivery.objects.exclude(state="delivered").exists()

    def test_one_that_fails_is_called_once_a_run_and_the_others_get_theirs(
        self, acme: Organization, stella: User, receiver: Receiver
    ) -> None:
        bad, good = self.make(acme, stella, receiver, "bad", "good")

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(500 if handler.path.endswith("bad") else 204)
            handler.end_headers()

        receiver.answer = answer
        self.owe(acme, 5)
        deliver_due(NOW)

        assert bad.deliveries.filter(attempts=1).count() == 1
        assert good.deliveries.filter(state="delivered").count() == 5

    def test_one_that_hangs_holds_its_own_lane_alone(
        self, acme: Organization, stella: User, receiver: Receiver
    ) -> None:
        """The slow one answers only when the other has everything that it is owed."""
        self.make(acme, stella, receiver, "slow", "quick")
        self.owe(acme, 4)
        others_are_done = threading.Event()
        waited: list[bool] = []

        def answer(handler: BaseHTTPRequestHandler) -> None:
            if handler.path.endswith("slow"):
                waited.append(others_are_done.wait(30))
            elif sum(message.path.endswith("quick") for message in receiver.messages) == 4:
                others_are_done.set()
            handler.send_response(204)
            handler.end_headers()

        receiver.answer = answer
        deliver_due(NOW)

        assert waited == [True] * 4

    def test_those_that_work_go_first(self, acme: Organization, stella: User, receiver: Receiver) -> None:
        ill, well = self.make(acme, stella, receiver, "ill", "well")
        WebhookEndpoint.objects.filter(pk=ill.pk).update(failing_since=NOW)
        self.owe(acme, 1)
        (call,) = delivery._claim(1, without=[], now=NOW)

        assert call.delivery.endpoint == well

    def test_a_run_in_a_hurry_leaves_those_that_fail_to_the_schedule(
        self, acme: Organization, stella: User, receiver: Receiver
    ) -> None:
        ill, _well = self.make(acme, stella, receiver, "ill", "well")
        WebhookEndpoint.objects.filter(pk=ill.pk).update(failing_since=NOW)
        self.owe(acme, 1)
        tasks.deliver()
        assert [message.path for message in receiver.messages] == ["/hooks/well"]

        assert tasks.deliver_due() == {"sent": 1}
        assert [message.path for message in receiver.messages] == ["/hooks/well", "/hooks/ill"]
        ill.refresh_from_db()
        assert ill.failing_since is None

    def test_a_run_begins_nothing_after_its_time(
        self, owed: WebhookDelivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "RUN_SECONDS", 0)

        assert deliver_due(NOW) == 0
        assert receiver.messages == []


def test_nothing_is_sent_inside_a_transaction(owed: WebhookDelivery) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        deliver_due(NOW)


def test_the_calls_themselves_touch_no_rows(owed: WebhookDelivery, receiver: Receiver) -> None:
    (call,) = delivery._claim(1, without=[], now=NOW)
    with connection.execute_wrapper(lambda *_arguments: pytest.fail("a row was read")):
        answer, _milliseconds = delivery._send(call)

    assert answer.status == 204


def test_tries_are_kept_for_ninety_days_and_what_was_sent_for_ever(owed: WebhookDelivery) -> None:
    deliver_due(NOW)

    assert delivery.prune(NOW + timedelta(days=90)) == 0
    assert delivery.prune(NOW + timedelta(days=90, seconds=1)) == 1
    assert WebhookEvent.objects.count() == WebhookDelivery.objects.count() == 1


def test_times_are_told_in_utc(owed: WebhookDelivery) -> None:
    owed.event.occurred_at = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)

    assert json.loads(delivery.body_of(owed))["timestamp"] == "2026-03-01T12:00:00.000005Z"
