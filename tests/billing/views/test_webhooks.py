"""Stripe's webhooks: stored once when they are Stripe's, refused with nothing written when they are not."""

import json
import random
import time
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing.models import EventState, StripeEvent
from billing.stripe_events import inbox
from jobs import nudges
from tests.support.billing.stripe_events import URL, deliver, event, sign
from tests.support.races import run_many

pytestmark = pytest.mark.django_db


class TestWhatIsStripes:
    def test_it_is_kept_as_it_came(self) -> None:
        sent = event("payment_intent.succeeded", {"id": "pi_7", "description": "クレジット"})

        assert deliver(sent).status_code == 200

        row = StripeEvent.objects.get()
        assert (row.event_id, row.type, row.object_id) == (sent["id"], "payment_intent.succeeded", "pi_7")
        assert (row.state, row.is_live, row.account) == (EventState.RECEIVED, False, "")
        assert row.payload == sent

    def test_the_same_again_is_answered_the_same_and_kept_once(self) -> None:
        sent = event()

        assert [deliver(sent).status_code for _ in range(3)] == [200, 200, 200]
        assert StripeEvent.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_fifty_at_once_are_kept_once(self) -> None:
        sent = event()

        answers = run_many(lambda: deliver(sent).status_code, 50)

        assert answers == [200] * 50
        assert StripeEvent.objects.count() == 1

    def test_one_of_two_signatures_is_enough_while_the_secret_is_changed(self) -> None:
        body = json.dumps(event())
        header = sign(body) + "," + sign(body, secret="whsec_the_next").split(",")[1]

        assert deliver(body, header).status_code == 200

    def test_a_late_one_is_signed_again_and_taken(self) -> None:
        assert deliver(event(created=int(time.time()) - 30 * 86_400)).status_code == 200

    def test_fields_that_may_be_missing_may_be_missing(self) -> None:
        sent = event()
        del sent["api_version"], sent["request"], sent["pending_webhooks"]

        assert deliver(sent).status_code == 200

    @pytest.mark.parametrize(
        ("fields", "note"),
        [
            ({"livemode": True}, "It is live and our key is not."),
            ({"account": "acct_other"}, "It is about another account."),
            ({"type": "price.created"}, "Nothing here depends on events of this type."),
            ({"type": "invented.tomorrow"}, "Nothing here depends on events of this type."),
        ],
    )
    def test_what_is_not_for_us_is_kept_and_ignored(self, fields: dict[str, Any], note: str) -> None:
        assert deliver(event(**fields)).status_code == 200

        row = StripeEvent.objects.get()
        assert (row.state, row.note) == (EventState.IGNORED, note)
        assert inbox.process_due() == 0

    def test_a_test_event_is_ignored_by_a_live_installation(self, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = "sk_live_1"

        assert deliver(event()).status_code == 200
        assert StripeEvent.objects.get().note == "Our key is live and it is not."

    def test_the_same_id_of_another_account_is_another_event(self) -> None:
        sent = event()
        deliver(sent)
        deliver(sent | {"account": "acct_other"})

        assert StripeEvent.objects.count() == 2


class TestWhatIsNot:
    def test_five_hundred_forgeries(self) -> None:
        body = json.dumps(event())
        forged = list(forgeries(body, sign(body)))

        answers = [deliver(altered, header).status_code for altered, header in forged]

        assert len(forged) >= 500
        assert set(answers) == {400}
        assert not StripeEvent.objects.exists()
        assert deliver(body, sign(body)).status_code == 200, "the control: the true one is taken"

    def test_a_signature_that_is_not_ascii(self) -> None:
        body = json.dumps(event())

        assert deliver(body, "t=1,v1=ä").status_code == 400
        assert deliver(body, sign(body) + "é").status_code == 400
        assert not StripeEvent.objects.exists()

    @pytest.mark.parametrize("seconds", [-301, -86_400, 310, 86_400])
    def test_a_signature_of_another_time(self, seconds: int) -> None:
        body = json.dumps(event())

        assert deliver(body, sign(body, at=time.time() + seconds)).status_code == 400
        assert not StripeEvent.objects.exists()

    @pytest.mark.parametrize("seconds", [-290, 290])
    def test_clocks_may_differ_a_little(self, seconds: int) -> None:
        body = json.dumps(event())

        assert deliver(body, sign(body, at=time.time() + seconds)).status_code == 200

    def test_a_captured_request_is_worth_nothing_later(self) -> None:
        body = json.dumps(event())
        header = sign(body)
        with time_machine.travel(time.time() + 3_600):
            assert deliver(body, header).status_code == 400

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "null",
            "[]",
            "not json",
            '{"id": NaN}',
            '{"id": "evt_1"}',
            "[" * 100_000,
            '{"a":' * 100_000,
            '{"n": ' + "9" * 5_000 + "}",
            json.dumps(event(data={"object": None})),
            json.dumps(event(data=[])),
            json.dumps(event(created=10**30)),
            json.dumps(event(created="now")),
            json.dumps(event(livemode="false")),
            json.dumps(event(object="v2.core.event")),
            json.dumps(event(id=7)),
            json.dumps(event(thing={"description": "a\0b"})),
            json.dumps(event(thing={"description": "\ud83d"})),
            json.dumps(event(id="evt_\0")),
            json.dumps(event(id="evt_\ud83d")),
            json.dumps(event(id="e" * 300)),
        ],
        ids=range(21),
    )
    def test_a_body_that_is_no_event_is_refused_though_signed(self, body: str) -> None:
        assert deliver(body).status_code == 400
        assert not StripeEvent.objects.exists()

    @pytest.mark.parametrize("depth", range(500, 1_001, 20))
    def test_no_depth_breaks_what_reads_or_keeps_it(self, depth: int) -> None:
        body = json.dumps(event(nested="here")).replace('"here"', "[" * depth + "]" * depth)

        assert deliver(body).status_code == (200 if StripeEvent.objects.exists() else 400)

    def test_a_body_that_is_not_text(self) -> None:
        assert deliver(b"\xff\xfe" + json.dumps(event()).encode(), sign("x")).status_code == 400

    @pytest.mark.parametrize("size", [1_000_001, 5_000_000, 10_000_000])
    def test_a_huge_body(self, size: int) -> None:
        assert deliver(json.dumps(event(thing={"description": "x" * size}))).status_code == 413
        assert not StripeEvent.objects.exists()

    def test_without_a_secret_nothing_is_believed(self, settings: Any) -> None:
        body = json.dumps(event())
        settings.STRIPE_WEBHOOK_SECRET = ""

        assert deliver(body, sign(body, secret="")).status_code == 400

    @pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
    def test_only_post(self, method: str) -> None:
        assert getattr(Client(), method)(URL).status_code == 405

    def test_no_token_of_a_form_is_asked_for(self) -> None:
        body = json.dumps(event())
        strict = Client(enforce_csrf_checks=True)

        answer = strict.post(URL, body, content_type="application/json", headers={"Stripe-Signature": sign(body)})

        assert answer.status_code == 200


class TestTheNudge:
    @pytest.mark.django_db(transaction=True)
    def test_a_broken_broker_is_no_reason_to_refuse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(nudges, "_silent_until", 0.0)
        asked = []

        def refuse(*args: Any, **_options: Any) -> None:
            asked.append(args)
            raise ConnectionRefusedError

        monkeypatch.setattr("billing.tasks.process_stripe_event.apply_async", refuse)

        assert [deliver(event()).status_code for _ in range(3)] == [200, 200, 200]
        assert len(asked) == 1, "a silent broker is left alone for a while"

    @pytest.mark.django_db(transaction=True)
    def test_it_names_the_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(nudges, "_silent_until", 0.0)
        asked = []
        monkeypatch.setattr(
            "billing.tasks.process_stripe_event.apply_async", lambda args, *, retry: asked.append((args, retry))
        )

        deliver(event())
        deliver(event(type="price.created"))

        assert asked == [((StripeEvent.objects.get(state=EventState.RECEIVED).pk,), False)]


def forgeries(body: str, header: str) -> Any:
    """Bodies and headers that are nearly right, each in another way."""
    dice = random.Random(7)
    when, _, digest = header.partition(",v1=")
    for wrong in ["", "v1=", "t=1", when, f"{when},v0={digest}", f"v1={digest}", f"{when},v1={digest[:-1]}"]:
        yield body, wrong
    for wrong in [f"t=,v1={digest}", f"t=x,v1={digest}", f"{when};v1={digest}", f"{when},v1={digest.upper()}"]:
        yield body, wrong
    for secret in ["whsec_other", "whsec_", "sandbox", " ", "whsec_sandbox ", "sk_test_sandbox"]:
        yield body, sign(body, secret=secret)
    yield body + " ", header
    yield body[:-1], header
    yield "", header
    yield body, header.replace(when, f"t={int(when[2:]) + 1}")
    for _ in range(250):
        place = dice.randrange(len(body))
        yield body[:place] + chr(ord(body[place]) ^ 1) + body[place + 1 :], header
    for _ in range(250):
        place = dice.randrange(len(digest))
        other = dice.choice("0123456789abcdef".replace(digest[place], ""))
        yield body, f"{when},v1={digest[:place]}{other}{digest[place + 1 :]}"
