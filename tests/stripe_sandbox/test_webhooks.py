"""Webhooks: signed, tried again, and everything that can be made to go wrong on their way."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.support.billing.payments import SECRET, Payments
from tests.support.billing.sandbox_calls import customer


class Receiver:
    """A shop's webhook address: keeps what arrives and answers with `status`."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append((body, self.headers["stripe-signature"]))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.received]

    def verified(self, index: int = -1) -> stripe.Event:
        """The real library's opinion of a delivery."""
        body, signature = self.received[index]
        event: stripe.Event = stripe.Webhook.construct_event(body, signature, SECRET)
        return event


@pytest.fixture
def shop(sandbox: Payments) -> Iterator[Receiver]:
    receiver = Receiver()
    sandbox.control("endpoint", url=receiver.url, secret=SECRET)
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def finish(sandbox: Payments) -> None:
    """Wait until nothing is on its way: another thread of the sandbox may be sending."""
    for _ in range(200):
        sandbox.settle()
        if not [each for each in sandbox.state()["waiting"] if each["status"] == "sending" or not each["attempts"]]:
            return


def test_a_delivery_is_signed_so_that_the_library_accepts_it(sandbox: Payments, shop: Receiver) -> None:
    customer(sandbox)
    finish(sandbox)

    event = shop.verified()
    assert (event.type, event.api_version, event.livemode) == ("customer.created", stripe.api_version, False)
    assert event.request is not None
    assert sandbox.state()["waiting"] == []


def test_a_failed_delivery_is_tried_again_later_with_the_same_event(sandbox: Payments, shop: Receiver) -> None:
    shop.status = 500
    customer(sandbox)
    finish(sandbox)
    assert len(shop.received) == 1

    shop.status = 200
    sandbox.advance(seconds=60)
    finish(sandbox)

    assert len(shop.received) == 2
    assert shop.verified(0).id == shop.verified(1).id
    assert sandbox.state()["waiting"] == []


def test_a_redirect_is_a_failure(sandbox: Payments, shop: Receiver) -> None:
    shop.status = 302
    customer(sandbox)
    finish(sandbox)

    assert [each["answer"] for each in sandbox.state()["waiting"]] == [302]


def test_after_three_days_it_is_given_up(sandbox: Payments, shop: Receiver) -> None:
    shop.status = 500
    customer(sandbox)
    for _ in range(20):
        finish(sandbox)
        sandbox.advance(hours=6)

    assert [each["status"] for each in sandbox.state()["waiting"]] == ["given up"]
    assert 10 < len(shop.received) < 20


def test_what_is_held_comes_when_it_is_let_go(sandbox: Payments, shop: Receiver) -> None:
    sandbox.control("switch", deliveries={"hold": True})
    customer(sandbox)
    sandbox.settle()
    assert shop.received == []

    sandbox.control("switch", deliveries={"hold": False})
    finish(sandbox)

    assert shop.types() == ["customer.created"]


def test_a_delivery_may_come_twice(sandbox: Payments, shop: Receiver) -> None:
    sandbox.control("switch", deliveries={"duplicate": 1})
    customer(sandbox)
    finish(sandbox)

    assert len(shop.received) == 2
    assert shop.verified(0).id == shop.verified(1).id


def test_a_delivery_may_be_lost(sandbox: Payments, shop: Receiver) -> None:
    sandbox.control("switch", deliveries={"drop": 1})
    customer(sandbox)
    customer(sandbox)
    finish(sandbox)

    assert len(shop.received) == 1
    assert len(sandbox.stripe().v1.events.list({"type": "customer.created"}).data) == 2


def test_a_delivery_may_be_late(sandbox: Payments, shop: Receiver) -> None:
    sandbox.control("switch", deliveries={"delay": 600})
    customer(sandbox)
    sandbox.settle()
    assert shop.received == []

    sandbox.advance(seconds=600)
    finish(sandbox)

    assert shop.types() == ["customer.created"]


def test_deliveries_may_come_in_any_order(sandbox: Payments, shop: Receiver) -> None:
    sandbox.control("switch", deliveries={"hold": True, "shuffle": True})
    for number in range(12):
        customer(sandbox, name=str(number))
    sandbox.control("switch", deliveries={"hold": False})
    finish(sandbox)

    names = [json.loads(body)["data"]["object"]["name"] for body, _ in shop.received]
    assert sorted(names, key=int) == [str(number) for number in range(12)]
    assert names != sorted(names, key=int)


@pytest.mark.parametrize("switch", ["mis_sign", "old"])
def test_a_delivery_may_be_one_that_must_not_be_believed(sandbox: Payments, shop: Receiver, switch: str) -> None:
    sandbox.control("switch", deliveries={switch: 1})
    customer(sandbox)
    finish(sandbox)

    with pytest.raises(stripe.SignatureVerificationError):
        shop.verified()


def test_an_event_can_be_sent_once_more(sandbox: Payments, shop: Receiver) -> None:
    customer(sandbox)
    finish(sandbox)
    sandbox.control("redeliver", event=sandbox.events()[0]["id"])
    finish(sandbox)

    assert len(shop.received) == 2


def test_an_endpoint_made_through_the_api_gets_what_it_asked_for(sandbox: Payments, shop: Receiver) -> None:
    sandbox.control("endpoint", url=None)
    client = sandbox.stripe()
    endpoint = client.v1.webhook_endpoints.create({"url": shop.url, "enabled_events": ["customer.deleted"]})
    assert endpoint.secret is not None

    client.v1.customers.delete(customer(sandbox).id)
    finish(sandbox)

    assert shop.types() == ["customer.deleted"]
    body, signature = shop.received[0]
    assert stripe.Webhook.construct_event(body, signature, endpoint.secret).type == "customer.deleted"


def test_events_are_listed_newest_first_by_type_for_thirty_days(sandbox: Payments) -> None:
    customer(sandbox)
    events = sandbox.stripe().v1.events

    assert [each.type for each in events.list({"types": ["customer.created", "charge.failed"]}).data] == [
        "customer.created"
    ]
    sandbox.advance(days=31)
    assert events.list().data == []


def test_a_test_may_hand_an_event_to_a_view_itself(sandbox: Payments) -> None:
    customer(sandbox)
    body, signature = sandbox.signed(sandbox.events()[0])

    assert stripe.Webhook.construct_event(body, signature, SECRET).type == "customer.created"
