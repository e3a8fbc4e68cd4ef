"""Idempotency keys: the same request again answers the same and writes nothing; anything else is refused."""

from typing import Any

import pytest

from credits import ledger
from credits.models import Source
from tests.support import factories
from tests.support.ledger_calls import Desk, ask
from tests.support.reference.invariants import check_wallet, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return Desk(factories.wallet(factories.organization(), factories.program(overdraft_limit=20)))


def verbs(desk: Desk) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return every verb that has a key, with a request that works on this desk."""
    grant = desk.grant(100)
    usage, void = desk.spend(10), desk.void(grant, 10)
    reserved = desk.reserve(10)
    return {
        "grant": (ledger.grant, {"credits": 5, "source": Source.GOODWILL}),
        "spend": (ledger.spend, {"credits": 5, "feature": "chat"}),
        "return": (ledger.return_usage, {"credits": 5, "usage_id": usage.id}),
        "void": (ledger.void, {"credits": 5, "grant_id": grant}),
        "reinstate": (ledger.reinstate, {"credits": 5, "void_id": void.id}),
        "reserve": (ledger.reserve, {"credits": 5, "feature": "chat"}),
        "settle": (ledger.settle, {"credits": 5, "reservation_id": reserved.id}),
    }


VERBS = ["grant", "spend", "return", "void", "reinstate", "reserve", "settle"]


def once(desk: Desk, verb: Any, request: dict[str, Any]) -> Any:
    with desk._open("the key") as book:
        answer = ask(book, verb, desk.wallet.pk, "the key", **request)
    return answer.operation if isinstance(answer, ledger.Settled) else answer


def content(answer: Any) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in type(answer).__slots__ if name != "was_replayed"}


@pytest.mark.parametrize("name", VERBS)
def test_the_same_again_answers_the_same_and_writes_nothing(desk: Desk, name: str) -> None:
    verb, request = verbs(desk)[name]
    first = once(desk, verb, request)
    desk.spend(1)  # what was available then is what a replay answers, whatever happened since
    desk.pass_time(seconds=30)
    before = written(desk.wallet.pk)
    again = once(desk, verb, request)
    assert (first.was_replayed, again.was_replayed) == (False, True)
    assert content(again) == content(first)
    assert written(desk.wallet.pk) == before
    check_wallet(desk.wallet.pk)


@pytest.mark.parametrize("name", VERBS)
def test_something_else_under_the_same_key_is_refused(desk: Desk, name: str) -> None:
    verb, request = verbs(desk)[name]
    once(desk, verb, request)
    before = written(desk.wallet.pk)
    with pytest.raises(ledger.IdempotencyConflict) as refusal:
        once(desk, verb, {**request, "credits": 4})
    assert refusal.value.key == "the key"
    assert written(desk.wallet.pk) == before


@pytest.mark.parametrize("name", VERBS)
def test_twice_in_one_book_it_is_done_once(desk: Desk, name: str) -> None:
    verb, request = verbs(desk)[name]
    with desk._open("the key") as book:
        answers = [ask(book, verb, desk.wallet.pk, "the key", **request) for _ in range(2)]
        with pytest.raises(ledger.IdempotencyConflict):
            ask(book, verb, desk.wallet.pk, "the key", **{**request, "credits": 4})
    done = [answer.operation if isinstance(answer, ledger.Settled) else answer for answer in answers]
    assert [answer.was_replayed for answer in done] == [False, True]
    assert done[0].id == done[1].id
    check_wallet(desk.wallet.pk)


def test_a_refused_request_leaves_its_key_unused(desk: Desk) -> None:
    with pytest.raises(ledger.InsufficientCredits):
        once(desk, ledger.spend, {"credits": 5, "feature": "chat"})
    desk.grant(5)
    assert not once(desk, ledger.spend, {"credits": 5, "feature": "chat"}).was_replayed


def test_a_replay_answers_when_nothing_is_left_too(desk: Desk) -> None:
    desk.grant(5)
    first = once(desk, ledger.spend, {"credits": 5, "feature": "chat"})
    assert once(desk, ledger.spend, {"credits": 5, "feature": "chat"}).id == first.id


def test_a_settlement_answers_again_after_its_time_is_out(desk: Desk) -> None:
    desk.grant(10)
    request = {"credits": 5, "reservation_id": desk.reserve(10, seconds=60).id}
    first = once(desk, ledger.settle, request)
    desk.pass_time(hours=1)
    assert once(desk, ledger.settle, request).id == first.id


def test_the_same_key_in_another_wallet_is_another_key(desk: Desk) -> None:
    stranger = factories.person("Charlie")
    other = Desk(factories.wallet(factories.organization(stranger, slug="globex"), desk.wallet.program))
    request = {"credits": 5, "source": Source.GOODWILL}
    assert not once(desk, ledger.grant, request).was_replayed
    assert not once(other, ledger.grant, request).was_replayed


def test_a_wallet_is_opened_once(desk: Desk) -> None:
    terms = factories.program("other")
    again = ledger.open_wallet(organization=desk.wallet.organization, program=terms, now=desk.now)
    assert (again.pk, again.program_id) == (desk.wallet.pk, desk.wallet.program_id)
