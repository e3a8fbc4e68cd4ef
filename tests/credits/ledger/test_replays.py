"""Idempotency keys: the same request again answers the same and writes nothing; anything else is refused."""

from typing import Any

import pytest

from credits import ledger
from credits.models import Source
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet, written
from tests.support.credits.wallet_driver import WalletDriver, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), factories.program(overdraft_limit=20)))


def verbs(driver: WalletDriver) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return every verb that has a key, with a request that works on this wallet."""
    grant = driver.grant(100)
    usage, void = driver.spend(10), driver.void(grant, 10)
    reserved = driver.reserve(10)
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


def once(driver: WalletDriver, verb: Any, request: dict[str, Any]) -> Any:
    with driver._open("the key") as book:
        answer = ask(book, verb, driver.wallet.pk, "the key", **request)
    return answer.operation if isinstance(answer, ledger.Settled) else answer


def content(answer: Any) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in type(answer).__slots__ if name != "was_replayed"}


@pytest.mark.parametrize("name", VERBS)
def test_the_same_again_answers_the_same_and_writes_nothing(driver: WalletDriver, name: str) -> None:
    verb, request = verbs(driver)[name]
    first = once(driver, verb, request)
    driver.spend(1)  # what was available then is what a replay answers, whatever happened since
    driver.pass_time(seconds=30)
    before = written(driver.wallet.pk)
    again = once(driver, verb, request)
    assert (first.was_replayed, again.was_replayed) == (False, True)
    assert content(again) == content(first)
    assert written(driver.wallet.pk) == before
    check_wallet(driver.wallet.pk)


@pytest.mark.parametrize("name", VERBS)
def test_something_else_under_the_same_key_is_refused(driver: WalletDriver, name: str) -> None:
    verb, request = verbs(driver)[name]
    once(driver, verb, request)
    before = written(driver.wallet.pk)
    with pytest.raises(ledger.IdempotencyConflict) as refusal:
        once(driver, verb, {**request, "credits": 4})
    assert refusal.value.key == "the key"
    assert written(driver.wallet.pk) == before


@pytest.mark.parametrize("name", VERBS)
def test_twice_in_one_book_it_is_done_once(driver: WalletDriver, name: str) -> None:
    verb, request = verbs(driver)[name]
    with driver._open("the key") as book:
        answers = [ask(book, verb, driver.wallet.pk, "the key", **request) for _ in range(2)]
        with pytest.raises(ledger.IdempotencyConflict):
            ask(book, verb, driver.wallet.pk, "the key", **{**request, "credits": 4})
    done = [answer.operation if isinstance(answer, ledger.Settled) else answer for answer in answers]
    assert [answer.was_replayed for answer in done] == [False, True]
    assert done[0].id == done[1].id
    check_wallet(driver.wallet.pk)


def test_a_refused_request_leaves_its_key_unused(driver: WalletDriver) -> None:
    with pytest.raises(ledger.InsufficientCredits):
        once(driver, ledger.spend, {"credits": 5, "feature": "chat"})
    driver.grant(5)
    assert not once(driver, ledger.spend, {"credits": 5, "feature": "chat"}).was_replayed


def test_a_replay_answers_when_nothing_is_left_too(driver: WalletDriver) -> None:
    driver.grant(5)
    first = once(driver, ledger.spend, {"credits": 5, "feature": "chat"})
    assert once(driver, ledger.spend, {"credits": 5, "feature": "chat"}).id == first.id


def test_a_settlement_answers_again_after_its_time_is_out(driver: WalletDriver) -> None:
    driver.grant(10)
    request = {"credits": 5, "reservation_id": driver.reserve(10, seconds=60).id}
    first = once(driver, ledger.settle, request)
    driver.pass_time(hours=1)
    assert once(driver, ledger.settle, request).id == first.id


def test_the_same_key_in_another_wallet_is_another_key(driver: WalletDriver) -> None:
    stranger = factories.person("Charlie")
    other = WalletDriver(factories.wallet(factories.organization(stranger, slug="globex"), driver.wallet.program))
    request = {"credits": 5, "source": Source.GOODWILL}
    assert not once(driver, ledger.grant, request).was_replayed
    assert not once(other, ledger.grant, request).was_replayed


def test_a_wallet_is_opened_once(driver: WalletDriver) -> None:
    terms = factories.program("other")
    again = ledger.open_wallet(organization=driver.wallet.organization, program=terms, now=driver.now)
    assert (again.pk, again.program_id) == (driver.wallet.pk, driver.wallet.program_id)
