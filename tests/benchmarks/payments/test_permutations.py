"""A sample of the orders that `python -m benchmarks.payments.permutations` goes through by the thousand.

Beside it, planted mistakes that such orders must find: a test of orders that can't fail proves nothing.
"""

import pytest

from benchmarks.payments.orders import run_story
from benchmarks.payments.steps import Story
from benchmarks.payments.stories import STORIES
from billing.models import RefundState
from billing.refunds import clawback, disputes, rows
from credits import ledger

pytestmark = pytest.mark.django_db

SAMPLE = 6
# The seed of the sample; the benchmark's own is another.
SEED = 2_026


def story(beginning: str) -> Story:
    return next(each for each in STORIES if each.name.startswith(beginning))


@pytest.mark.parametrize("each", STORIES, ids=lambda each: each.name)
def test_a_story_ends_the_same_way_in_whatever_order_its_events_come(each: Story) -> None:
    outcome = run_story(each, sequences=SAMPLE, seed=SEED)

    assert outcome.sequences >= SAMPLE
    assert outcome.deliveries > SAMPLE
    assert outcome.different == []


def test_the_same_seed_goes_through_the_same_orders() -> None:
    runs = [run_story(STORIES[0], sequences=2, seed=SEED).distinct for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0] != run_story(STORIES[0], sequences=2, seed=SEED + 1).distinct


class TestPlantedMistakes:
    def test_taking_credits_anew_for_every_event(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clawback, "_voids", lambda _purchase: [])
        monkeypatch.setattr(rows, "has_news", lambda _purchase, states: bool(states))

        assert run_story(story("refund: two parts"), sequences=4, seed=SEED).different

    def test_forgetting_that_refunds_fail(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clawback, "COUNTED", tuple(RefundState.values))

        assert run_story(story("refund: two parts"), sequences=4, seed=SEED).different

    def test_forgetting_that_a_dispute_was_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(disputes, "LOST", "never")

        assert run_story(story("dispute: lost, after"), sequences=4, seed=SEED).different

    def test_never_giving_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ledger, "reinstate", lambda *_all, **_named: None)

        assert run_story(story("dispute: lost, and"), sequences=4, seed=SEED).different
