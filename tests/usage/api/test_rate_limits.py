"""How often a key may call, and how many keys an address may guess: answered 429 in time, and nobody else is hurt."""

import time
from collections import OrderedDict

import pytest
from django.http import HttpResponse
from django.test import Client

from config import settings as shipped
from tests.support import factories
from tests.support.usage.api_caller import new_key
from usage.api import rate_limits
from usage.api.rate_limits import Buckets

pytestmark = pytest.mark.django_db
MOST_GUESSES = shipped.API_REFUSED_KEYS_PER_MINUTE
BALANCE = "/api/v1/organizations/acme/balance"


@pytest.fixture(autouse=True)
def _limits_as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full buckets and no known keys, for this test alone."""
    monkeypatch.setattr(rate_limits, "_requests", Buckets(shipped.API_REQUESTS_PER_MINUTE))
    monkeypatch.setattr(rate_limits, "_refused_keys", Buckets(MOST_GUESSES))
    monkeypatch.setattr(rate_limits, "_valid", OrderedDict())


@pytest.fixture
def key() -> str:
    owner = factories.person("Alice")
    organization = factories.organization(owner, slug="acme")
    factories.wallet(organization, factories.program())
    return new_key(owner, organization)


def ask(token: str, *, address: str = "203.0.113.7") -> HttpResponse:
    return Client(REMOTE_ADDR=address).get(BALANCE, headers={"Authorization": f"Bearer {token}"})  # type: ignore[return-value]


def test_every_answer_says_what_is_left(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_requests", Buckets(3))
    first, second = ask(key), ask(key)

    assert first.status_code == 200
    assert first.headers["RateLimit-Limit"] == second.headers["RateLimit-Limit"] == "3"
    assert (first.headers["RateLimit-Remaining"], second.headers["RateLimit-Remaining"]) == ("2", "1")
    assert int(first.headers["RateLimit-Reset"]) >= 1


def test_a_key_that_calls_too_often_waits(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_requests", Buckets(3))
    answers = [ask(key) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 20


def test_three_hundred_guesses_of_one_address_are_cut_off(key: str) -> None:
    answers = [ask(f"dd_guess{number}").status_code for number in range(300)]

    assert answers[:MOST_GUESSES] == [401] * MOST_GUESSES
    assert answers.count(401) <= MOST_GUESSES + 5
    assert answers[-1] == 429


def test_a_key_that_was_valid_passes_whatever_its_address_guessed(key: str) -> None:
    assert ask(key).status_code == 200
    for number in range(100):
        ask(f"dd_guess{number}")

    assert ask(key).status_code == 200
    assert ask("dd_another", address="203.0.113.8").status_code == 401, "another address is not counted"


def test_no_more_than_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MOST_REMEMBERED", 50)
    buckets = Buckets(10)
    for number in range(500):
        buckets.take(f"address {number}")

    assert len(buckets._buckets) == 50


def test_a_bucket_is_filled_again_as_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    buckets = Buckets(60)
    assert buckets.take("key", tokens=60) == 0
    assert buckets.take("key") < 0
    now += 1

    assert buckets.take("key") == 0
    assert buckets.take("key") < 0
