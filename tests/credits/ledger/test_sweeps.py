"""Sweeps: what nobody opened is brought to the present, once, in any number of wallets at a time."""

from datetime import timedelta

import pytest

from credits import ledger
from credits.models import Entry, EntryKind, Grant
from tests.support import factories
from tests.support.ledger_calls import Desk
from tests.support.reference.invariants import check_wallet, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def desks() -> list[Desk]:
    alice, program = factories.person(), factories.program()
    slugs = ("acme", "globex", "initech")
    return [Desk(factories.wallet(factories.organization(alice, slug=slug), program)) for slug in slugs]


def test_it_expires_what_is_due_and_nothing_else(desks: list[Desk]) -> None:
    desk = desks[0]
    due, coming, never = desk.grant(10, days=1), desk.grant(20, days=2), desk.grant(30)
    desk.pass_time(days=1)
    assert ledger.sweep_expired(now=desk.now) == 1
    assert [Grant.objects.get(pk=grant).remaining for grant in (due, coming, never)] == [0, 20, 30]
    check_wallet(desk.wallet.pk)


def test_a_microsecond_before_nothing_is_due(desks: list[Desk]) -> None:
    desks[0].grant(10, days=1)
    before = written(desks[0].wallet.pk)
    assert ledger.sweep_expired(now=desks[0].now + timedelta(days=1) - timedelta(microseconds=1)) == 0
    assert written(desks[0].wallet.pk) == before


def test_again_it_finds_nothing(desks: list[Desk]) -> None:
    desks[0].grant(10, days=1)
    now = desks[0].now + timedelta(days=3)
    assert ledger.sweep_expired(now=now) == 1
    before = written(desks[0].wallet.pk)
    assert ledger.sweep_expired(now=now) == 0
    assert written(desks[0].wallet.pk) == before


@pytest.mark.parametrize("at_a_time", [1, 2, 500])
def test_it_goes_through_all_wallets_however_many_at_a_time(desks: list[Desk], at_a_time: int) -> None:
    for number, desk in enumerate(desks, start=1):
        for _ in range(number):
            desk.grant(10, days=1)
    reported: list[int] = []
    now = desks[0].now + timedelta(days=1)
    assert ledger.sweep_expired(now=now, wallets_at_a_time=at_a_time, report=reported.append) == 6
    assert sum(reported) == 6
    for desk in desks:
        check_wallet(desk.wallet.pk)
    assert Entry.objects.filter(kind=EntryKind.EXPIRY).count() == 6


def test_only_the_part_that_is_not_reserved_expires_and_the_rest_when_it_comes_back(desks: list[Desk]) -> None:
    desk = desks[0]
    grant = desk.grant(10, days=1)
    desk.pass_time(hours=23, minutes=59)
    desk.reserve(4, seconds=600)
    desk.pass_time(minutes=1)
    assert ledger.sweep_expired(now=desk.now) == 1
    assert (Grant.objects.get(pk=grant).remaining, Grant.objects.get(pk=grant).reserved) == (4, 4)
    assert ledger.sweep_expired(now=desk.now) == 0
    desk.pass_time(minutes=10)
    assert ledger.sweep_expired(now=desk.now) == 1  # opening the wallet timed the reservation out first
    assert Grant.objects.get(pk=grant).remaining == 0
    check_wallet(desk.wallet.pk)


@pytest.mark.parametrize("at_a_time", [1, 200])
def test_reservations_of_all_wallets_time_out(desks: list[Desk], at_a_time: int) -> None:
    for desk in desks:
        desk.grant(10)
        desk.reserve(3, seconds=60)
        desk.reserve(3, seconds=60)
        desk.reserve(3, seconds=61)
    now = desks[0].now + timedelta(seconds=60)
    assert ledger.release_timed_out(now=now, wallets_at_a_time=at_a_time) == 6
    assert ledger.release_timed_out(now=now, wallets_at_a_time=at_a_time) == 0
    for desk in desks:
        desk.wallet.refresh_from_db()
        assert desk.wallet.reserved == 3
        check_wallet(desk.wallet.pk)


def test_without_a_time_the_clock_decides(desks: list[Desk]) -> None:
    desks[0].grant(10, days=1)  # given and expired long before today
    assert ledger.sweep_expired() == 1
