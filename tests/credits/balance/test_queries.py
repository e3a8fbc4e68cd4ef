"""What pages and the API read: at any instant it is what the ledger would find at its next turn."""

from datetime import timedelta

import pytest

from credits.balance import queries
from credits.models import Source, Wallet
from tests.support import factories
from tests.support.ledger_calls import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    program = factories.program(overdraft_limit=100)
    return Desk(factories.wallet(factories.organization(), program))


def available(desk: Desk) -> int:
    return queries.balance_of(desk.wallet, desk.now).available


def test_an_empty_wallet_has_nothing(desk: Desk) -> None:
    balance = queries.balance_of(desk.wallet, desk.now)
    assert (balance.available, balance.reserved, balance.debt, balance.expiring, balance.grants) == (0, 0, 0, (), ())


def test_credits_are_there_until_the_instant_at_which_they_expire(desk: Desk) -> None:
    desk.grant(100, days=1)
    desk.pass_time(days=1, microseconds=-1)
    assert available(desk) == 100
    desk.pass_time(microseconds=1)
    assert available(desk) == 0
    assert queries.open_grants(desk.wallet, desk.now) == []
    assert Wallet.objects.get().balance == 100, "though nothing has swept them"


def test_credits_are_there_from_the_instant_at_which_they_begin(desk: Desk) -> None:
    later = desk.now + timedelta(days=1)
    desk.grant(100, effective_at=later)
    (grant,) = queries.open_grants(desk.wallet, desk.now)
    assert (available(desk), grant.is_spendable) == (0, False)
    desk.pass_time(days=1)
    assert available(desk) == 100


def test_what_is_reserved_is_apart_until_its_time_is_out(desk: Desk) -> None:
    desk.grant(100)
    desk.reserve(30, seconds=60)
    balance = queries.balance_of(desk.wallet, desk.now)
    assert (balance.available, balance.reserved) == (70, 30)
    desk.pass_time(seconds=60)
    balance = queries.balance_of(desk.wallet, desk.now)
    assert (balance.available, balance.reserved) == (100, 0), "though nothing has released it"


def test_what_is_reserved_of_an_expired_grant_is_still_reserved(desk: Desk) -> None:
    desk.grant(100, days=1)
    desk.pass_time(days=1, seconds=-10)
    desk.reserve(30, seconds=60)
    desk.pass_time(seconds=20)
    balance = queries.balance_of(desk.wallet, desk.now)
    assert (balance.available, balance.reserved) == (0, 30)
    desk.pass_time(seconds=60)
    balance = queries.balance_of(desk.wallet, desk.now)
    assert (balance.available, balance.reserved, balance.grants) == (0, 0, ())


def test_debt_is_repaid_from_credits_that_begin_later(desk: Desk) -> None:
    desk.grant(50)
    desk.settle(desk.reserve(50), 80)
    assert queries.balance_of(desk.wallet, desk.now).debt == 30
    desk.grant(100, effective_at=desk.now + timedelta(days=1))
    balance = queries.balance_of(desk.wallet, desk.now)
    assert (balance.available, balance.debt) == (0, 30)
    desk.pass_time(days=1)
    balance = queries.balance_of(desk.wallet, desk.now)
    assert (balance.available, balance.debt) == (70, 0)
    assert [grant.remaining for grant in balance.grants] == [70]


def test_what_expires_within_fourteen_days_is_added_up_by_instant(desk: Desk) -> None:
    for credits, days in ((10, 14), (20, 3), (5, 3), (40, 15)):
        desk.grant(credits, days=days)
    desk.grant(80)
    desk.reserve(4)
    balance = queries.balance_of(desk.wallet, desk.now)
    assert [part.credits for part in balance.expiring] == [21, 10]
    assert balance.expiring_credits == 31


def test_open_grants_come_in_the_order_in_which_they_are_used(desk: Desk) -> None:
    never, soon = desk.grant(10), desk.grant(10, days=3)
    first = desk.grant(10, priority=1)
    paid = desk.grant(10, source=Source.CARD, cost_minor=5, cost_currency="JPY")
    later = desk.grant(10, days=2, effective_at=desk.now + timedelta(days=1))
    assert [grant.id for grant in queries.open_grants(desk.wallet, desk.now)] == [first, soon, never, paid, later]
