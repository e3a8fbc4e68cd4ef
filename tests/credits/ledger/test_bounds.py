"""What the ledger refuses to be asked: keys that are none, amounts that are none, instants without a zone."""

from datetime import datetime, timedelta

import pytest

from credits import ledger
from credits.models import Source
from tests.support import factories
from tests.support.ledger_calls import Desk, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return Desk(factories.wallet(factories.organization(), factories.program(overdraft_limit=20)))


@pytest.mark.parametrize("key", ["", "x" * 301, "ledger:expiry:3"])
def test_a_key_is_neither_empty_nor_long_nor_one_of_the_ledgers_own(desk: Desk, key: str) -> None:
    desk.grant(10)
    with (
        ledger.open_book(keys=[(desk.wallet.pk, key)], now=desk.now) as book,
        pytest.raises(ValueError, match="can't be a key"),
    ):
        ask(book, ledger.spend, desk.wallet.pk, key, credits=1, feature="chat")


@pytest.mark.parametrize("credits", [1.5, True, -1, 10**12 + 1])
def test_an_amount_is_a_whole_number_within_bounds(desk: Desk, credits: int) -> None:
    desk.grant(10)
    with pytest.raises(ValueError, match="An amount must be"):
        desk.spend(credits)


def test_a_grant_begins_at_an_instant_with_a_time_zone(desk: Desk) -> None:
    naive = datetime(2026, 1, 1)
    with (
        ledger.open_book(keys=[(desk.wallet.pk, "k")], now=desk.now) as book,
        pytest.raises(ValueError, match="with a time zone"),
    ):
        ask(book, ledger.grant, desk.wallet.pk, "k", credits=1, source=Source.GOODWILL, effective_at=naive)


def test_a_reservation_needs_a_book_that_knows_the_earlier_ones(desk: Desk) -> None:
    desk.grant(10)
    with (
        ledger.open_book(keys=[(desk.wallet.pk, "k")], now=desk.now) as book,
        pytest.raises(LookupError, match="by key"),
    ):
        ask(book, ledger.reserve, desk.wallet.pk, "k", credits=1, feature="chat")


def test_what_expired_unused_does_not_become_debt_when_all_is_voided(desk: Desk) -> None:
    given = desk.grant(10, days=1)
    desk.spend(3)
    desk.pass_time(days=2)
    desk.void(given, 10, rest_as_debt=True)

    desk.wallet.refresh_from_db()
    assert desk.wallet.debt == 3, "7 expired, 3 were used"
    assert desk.now > desk.wallet.created_at + timedelta(days=1)
