"""A call whose answer may get lost: made once, unknown until Stripe was asked, made again under its key or given up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from billing.stripe_calls import NeverArrived, StripeCall, resolve, send
from billing.stripe_gateway import OutcomeUnknown, Refused, Unavailable

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Stripe:
    """Does what a key asks once. lost: before a request arrives, or before its answer does."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.asked = 0
        self.is_silent = False
        self.lost = ""
        self.refuses = False

    def make(self, key: str) -> str:
        self.asked += 1
        if self.lost == "before":
            raise OutcomeUnknown("no connection")
        if self.refuses:
            raise Refused("No.")
        self.made.setdefault(key, f"made by {key}")
        if self.lost == "after":
            raise OutcomeUnknown("no answer")
        return self.made[key]

    def find(self, key: str) -> str | None:
        if self.is_silent:
            raise Unavailable("no answer")
        return self.made.get(key)


class Call(StripeCall[str]):
    """A call with a row in memory."""

    what = "thing"
    key_lasts = HOUR
    key: ClassVar[str] = "row:1"

    def __init__(self, stripe: Stripe) -> None:
        self.stripe = stripe
        self.state = "pending"
        self.note = ""
        self.wanted = True
        self.search_lags = False

    @property
    def committed_at(self) -> datetime:
        return NOW

    def make(self) -> str:
        return self.stripe.make(self.key)

    def find(self) -> str | None:
        return None if self.search_lags else self.stripe.find(self.key)

    def find_for_sure(self) -> str | None:
        return self.stripe.find(self.key)

    def is_wanted(self, now: datetime) -> bool:
        return self.wanted

    def follow(self, answer: str) -> None:
        self.state, self.note = "done", answer

    def fail(self, refused: Refused) -> None:
        self.state, self.note = "failed", f"{refused} {refused.code}".strip()

    def mark_unknown(self, why: str) -> None:
        self.state, self.note = "unknown", why


@pytest.fixture
def stripe() -> Stripe:
    return Stripe()


@pytest.fixture
def call(stripe: Stripe) -> Call:
    return Call(stripe)


def test_an_answer_is_followed(call: Call) -> None:
    send(call)

    assert (call.state, call.note) == ("done", "made by row:1")


def test_a_refusal_fails_it(call: Call, stripe: Stripe) -> None:
    stripe.refuses = True
    send(call)

    assert (call.state, call.note) == ("failed", "No.")


class TestALostAnswer:
    @pytest.mark.parametrize("lost", ["before", "after"])
    def test_leaves_the_fate_unknown(self, call: Call, stripe: Stripe, lost: str) -> None:
        stripe.lost = lost
        send(call)

        assert call.state == "unknown"

    def test_is_found_out_by_asking_without_a_second_call(self, call: Call, stripe: Stripe) -> None:
        stripe.lost = "after"
        send(call)
        stripe.lost = ""
        resolve(call, now=NOW + 2 * HOUR)

        assert (call.state, stripe.asked) == ("done", 1)

    def test_of_a_call_that_never_arrived_it_is_made_again_under_the_same_key(self, call: Call, stripe: Stripe) -> None:
        stripe.lost = "before"
        send(call)
        stripe.lost = ""
        resolve(call, now=NOW + HOUR - timedelta(seconds=1))

        assert (call.state, stripe.asked, list(stripe.made)) == ("done", 2, ["row:1"])

    def test_stays_unknown_while_stripe_does_not_answer(self, call: Call, stripe: Stripe) -> None:
        stripe.lost, stripe.is_silent = "after", True
        send(call)
        with pytest.raises(Unavailable):
            resolve(call, now=NOW + 2 * HOUR)

        assert call.state == "unknown"

    def test_may_be_lost_again(self, call: Call, stripe: Stripe) -> None:
        stripe.lost = "before"
        send(call)
        resolve(call, now=NOW)

        assert (call.state, stripe.asked) == ("unknown", 2)


class TestGivingUp:
    def test_once_the_key_is_no_longer_good_nothing_is_made(self, call: Call, stripe: Stripe) -> None:
        resolve(call, now=NOW + HOUR)

        assert (call.state, stripe.asked) == ("failed", 0)
        assert call.note == "The thing never reached Stripe. never_arrived"

    def test_what_the_search_missed_is_found_before(self, call: Call, stripe: Stripe) -> None:
        stripe.lost = "after"
        send(call)
        call.search_lags = True
        resolve(call, now=NOW + HOUR)

        assert (call.state, stripe.asked) == ("done", 1)

    def test_what_is_no_longer_wanted_is_not_made_but_waited_for(self, call: Call, stripe: Stripe) -> None:
        call.wanted = False
        resolve(call, now=NOW)

        assert (call.state, stripe.asked) == ("unknown", 0)


@pytest.mark.parametrize(
    "step", [send, lambda call: resolve(call, now=NOW), lambda call: resolve(call, now=NOW + HOUR)]
)
def test_each_step_may_be_repeated(call: Call, stripe: Stripe, step: Callable[[Call], None]) -> None:
    send(call)
    step(call)
    step(call)

    assert (call.state, list(stripe.made)) == ("done", ["row:1"])


def test_one_that_never_arrived_is_a_refusal() -> None:
    assert isinstance(NeverArrived("thing"), Refused)
