"""Signatures as the specification has them, and secrets that a database dump does not give away."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from tests.support.servers.webhook_receiver import Message
from webhooks import signing

# Published with the specification's reference libraries.
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, tz=UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector_is_signed_as_published() -> None:
    headers = signing.headers(message_id=ID, body=BODY, secrets=[SECRET], now=AT)

    assert headers == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_the_receivers_check_accepts_the_vector_and_nothing_near_it() -> None:
    headers = {"webhook-id": ID, "webhook-timestamp": "1614265330", "webhook-signature": SIGNATURE}

    assert Message("/", headers, BODY).is_signed_with(SECRET)
    assert not Message("/", headers, BODY + b" ").is_signed_with(SECRET)
    assert not Message("/", headers | {"webhook-timestamp": "1614265331"}, BODY).is_signed_with(SECRET)
    assert not Message("/", headers | {"webhook-id": "msg_other"}, BODY).is_signed_with(SECRET)
    assert not Message("/", headers, BODY).is_signed_with(signing.new_secret())


def test_several_secrets_sign_side_by_side() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    now = AT + timedelta(microseconds=999_999)
    headers = signing.headers(message_id="evt_1", body=b"{}", secrets=[new, old], now=now)

    assert len(headers["webhook-signature"].split(" ")) == 2
    assert Message("/", headers, b"{}").is_signed_with(old)
    assert Message("/", headers, b"{}").is_signed_with(new)
    assert headers["webhook-timestamp"] == "1614265330"


def test_a_secret_is_32_random_bytes() -> None:
    first, second = signing.new_secret(), signing.new_secret()

    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


class TestKeeping:
    def test_what_is_kept_says_nothing_and_fits_its_column(self) -> None:
        secret = signing.new_secret()
        sealed = signing.seal(secret)

        assert secret.removeprefix("whsec_") not in sealed
        assert secret.removeprefix("whsec_") not in base64.urlsafe_b64decode(sealed).decode(errors="replace")
        assert len(sealed) <= 255
        assert signing.unseal(sealed) == secret

    def test_under_another_key_it_can_not_be_read(self, settings: Settings) -> None:
        sealed = signing.seal(signing.new_secret())
        settings.SECRET_KEY = "another"

        with pytest.raises(signing.UnreadableSecret):
            signing.unseal(sealed)

    def test_a_key_that_was_replaced_still_reads(self, settings: Settings) -> None:
        secret = signing.new_secret()
        sealed = signing.seal(secret)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]

        assert signing.unseal(sealed) == secret

    def test_what_was_tampered_with_is_not_read(self) -> None:
        sealed = signing.seal(signing.new_secret())

        with pytest.raises(signing.UnreadableSecret):
            signing.unseal(sealed[:-6] + ("AAAA==" if sealed[-6:] != "AAAA==" else "BBBB=="))
