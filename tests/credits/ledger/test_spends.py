"""Spending: all or nothing, from what is valid at this instant, in burn-down order, one operation each."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from credits import ledger
from credits.ledger import rows
from credits.models import MAX_CREDITS, Entry, EntryKind, Grant, Operation
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet, written
from tests.support.credits.wallet_driver import WalletDriver, ask

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def driver() -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), factories.program()))


def count_and_send(sent: list[str], send: Callable[..., object], sql: str, values: object) -> object:
    sent.append(sql)
    return send(sql, values)


def left_of(grant_id: UUID) -> int:
    return Grant.objects.get(pk=grant_id).remaining


def test_it_takes_credits_and_says_what_is_left(driver: WalletDriver) -> None:
    driver.grant(100)
    spent = driver.spend(30)
    assert (spent.credits, spent.balance_after, spent.available_after, spent.number) == (-30, 70, 70, 2)
    assert spent.written_at == spent.occurred_at == driver.now
    check_wallet(driver.wallet.pk)


def test_taking_from_two_grants_writes_two_entries_under_one_operation(driver: WalletDriver) -> None:
    later, sooner = driver.grant(10, days=60), driver.grant(10, days=30)
    spent = driver.spend(15)
    lines = Entry.objects.filter(operation_id=spent.id).order_by("number")
    assert [(line.grant_id, line.amount, line.balance_after) for line in lines] == [(sooner, -10, 10), (later, -5, 5)]
    assert (spent.first_number, spent.number) == (3, 4)
    assert left_of(later) == 5
    assert not Grant.objects.get(pk=sooner).is_open


def test_not_enough_is_refused_with_the_figures_and_nothing_is_written(driver: WalletDriver) -> None:
    driver.grant(20)
    driver.reserve(5)
    before = written(driver.wallet.pk)
    with pytest.raises(ledger.InsufficientCredits) as refusal:
        driver.spend(16)
    assert (refusal.value.needed, refusal.value.available, refusal.value.reserved) == (16, 15, 5)
    assert written(driver.wallet.pk) == before


def test_a_refusal_caught_in_the_book_leaves_its_neighbours_alone(driver: WalletDriver) -> None:
    driver.grant(20)
    with ledger.open_book(keys=[(driver.wallet.pk, key) for key in "abc"], now=driver.now) as book:
        ask(book, ledger.spend, driver.wallet.pk, "a", credits=8, feature="report")
        with pytest.raises(ledger.InsufficientCredits):
            ask(book, ledger.spend, driver.wallet.pk, "b", credits=13, feature="report")
        last = ask(book, ledger.spend, driver.wallet.pk, "c", credits=12, feature="report")
    assert last.balance_after == 0
    assert list(Operation.objects.filter(kind=EntryKind.USAGE).values_list("idempotency_key", flat=True)) == ["a", "c"]
    check_wallet(driver.wallet.pk)


def test_a_use_that_costs_nothing_is_an_operation_without_entries(driver: WalletDriver) -> None:
    free = driver.spend(0)
    assert (free.credits, free.first_number, free.number, free.balance_after) == (0, 1, 0, 0)
    assert Operation.objects.filter(pk=free.id).exists()
    check_wallet(driver.wallet.pk)


@pytest.mark.parametrize("credits", [-1, MAX_CREDITS + 1])
def test_an_amount_out_of_bounds_is_refused(driver: WalletDriver, credits: int) -> None:
    driver.grant(MAX_CREDITS)
    driver.grant(MAX_CREDITS)
    before = written(driver.wallet.pk)
    with pytest.raises(ValueError, match="An amount must be"):
        driver.spend(credits)
    assert written(driver.wallet.pk) == before


def test_only_grants_that_allow_the_feature_pay_for_it(driver: WalletDriver) -> None:
    only_reports = driver.grant(10, features=frozenset({"report"}), priority=0)
    anything = driver.grant(10)
    driver.spend(4, "chat")
    assert (left_of(only_reports), left_of(anything)) == (10, 6)
    with pytest.raises(ledger.InsufficientCredits) as refusal:
        driver.spend(7, "chat")
    assert refusal.value.available == 6
    driver.spend(12, "report")
    assert (left_of(only_reports), left_of(anything)) == (0, 4)


class TestValidity:
    @pytest.mark.parametrize(("off", "may"), [(-MICROSECOND, True), (0 * MICROSECOND, False), (MICROSECOND, False)])
    def test_a_credit_can_be_spent_up_to_but_not_at_its_expiry(
        self, driver: WalletDriver, off: timedelta, may: bool
    ) -> None:
        driver.grant(10, days=1)
        driver.now += timedelta(days=1) + off
        if may:
            assert driver.spend(10).balance_after == 0
        else:
            with pytest.raises(ledger.InsufficientCredits) as refusal:
                driver.spend(10)
            assert refusal.value.available == 0

    @pytest.mark.parametrize(("off", "may"), [(-MICROSECOND, False), (0 * MICROSECOND, True)])
    def test_a_credit_can_be_spent_from_its_first_instant_on(
        self, driver: WalletDriver, off: timedelta, may: bool
    ) -> None:
        driver.grant(10, effective_at=driver.now + timedelta(days=1))
        driver.now += timedelta(days=1) + off
        if may:
            assert driver.spend(10).balance_after == 0
        else:
            with pytest.raises(ledger.InsufficientCredits):
                driver.spend(10)

    def test_a_spend_that_finds_something_expired_writes_it_first(self, driver: WalletDriver) -> None:
        expired = driver.grant(10, days=1)
        driver.grant(5)
        driver.pass_time(days=1)
        spent = driver.spend(2)
        kinds = Entry.objects.order_by("number").values_list("kind", "amount", "grant_id")[2:]
        assert [line[:2] for line in kinds] == [("expiry", -10), ("usage", -2)]
        assert kinds[0][2] == expired
        expiry = Operation.objects.get(kind=EntryKind.EXPIRY)
        assert (expiry.subject, expiry.actor_label, expiry.credits) == (expired, "Drawdown", -10)
        assert spent.balance_after == 3
        check_wallet(driver.wallet.pk)

    def test_reports_go_by_when_it_happened_and_validity_by_when_it_was_written(self, driver: WalletDriver) -> None:
        driver.grant(10, days=1)
        earlier = driver.now
        driver.pass_time(days=2)
        request: dict[str, Any] = {"wallet_id": driver.wallet.pk, "feature": "report", "content_hash": bytes(32)}
        with pytest.raises(ledger.InsufficientCredits), driver._open("late") as book:
            ledger.spend(book, credits=1, key="late", cause=ledger.Cause(occurred_at=earlier), **request)
        with driver._open("free") as book:
            free = ledger.spend(book, credits=0, key="free", cause=ledger.Cause(occurred_at=earlier), **request)
        assert (free.occurred_at, free.written_at) == (earlier, driver.now)


class TestManyAtOnce:
    def test_one_book_spends_from_several_wallets(self) -> None:
        program = factories.program()
        alice = factories.person()
        slugs = ("acme", "globex", "initech")
        drivers = [WalletDriver(factories.wallet(factories.organization(alice, slug=slug), program)) for slug in slugs]
        for credits, driver in enumerate(drivers, start=10):
            driver.grant(credits)
        keys = [(driver.wallet.pk, f"{turn}") for driver in drivers for turn in range(2)]
        with ledger.open_book(keys=keys, now=drivers[0].now) as book:
            for wallet_id, key in keys:
                ask(book, ledger.spend, wallet_id, key, credits=5, feature="chat")
        for left, driver in enumerate(drivers):
            driver.wallet.refresh_from_db()
            assert (driver.wallet.balance, driver.wallet.last_number) == (left, 3)
            check_wallet(driver.wallet.pk)

    def test_the_number_of_statements_does_not_grow_with_the_number_of_spends(
        self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(5):
            driver.grant(100)
        sent: list[str] = []
        for name in ("execute", "fetch", "run"):
            if original := getattr(rows, name, None):
                monkeypatch.setattr(rows, name, partial(count_and_send, sent, original))

        def statements_for(spends: int, name: str) -> int:
            sent.clear()
            keys = [(driver.wallet.pk, f"{name}-{turn}") for turn in range(spends)]
            with ledger.open_book(keys=keys, now=driver.now) as book:
                for wallet_id, key in keys:
                    ask(book, ledger.spend, wallet_id, key, credits=1, feature="chat")
            return len(sent)

        alone = statements_for(1, "alone")
        assert 0 < alone <= 10
        assert statements_for(300, "many") == alone
        check_wallet(driver.wallet.pk)


class TestBook:
    def test_an_exception_writes_nothing_at_all(self, driver: WalletDriver) -> None:
        driver.grant(10, days=1)
        driver.pass_time(days=2)
        before = written(driver.wallet.pk)

        def fail_after_spending() -> None:
            with driver._open("a") as book:
                ask(book, ledger.spend, driver.wallet.pk, "a", credits=0, feature="chat")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_after_spending()
        assert written(driver.wallet.pk) == before

    def test_a_wallet_that_does_not_exist_is_unknown(self, driver: WalletDriver) -> None:
        with pytest.raises(ledger.UnknownWallet), ledger.open_book(keys=[(driver.wallet.pk + 1, "a")], now=driver.now):
            pass

    def test_a_wallet_that_was_not_locked_is_unknown_to_the_book(self, driver: WalletDriver) -> None:
        with driver._open("a") as book, pytest.raises(ledger.UnknownWallet):
            book.wallet(driver.wallet.pk + 1)

    def test_a_key_that_the_book_was_not_opened_for_is_a_defect_of_the_caller(self, driver: WalletDriver) -> None:
        with driver._open("a") as book, pytest.raises(LookupError, match="not opened for the key"):
            book.replay(driver.wallet.pk, "b", bytes(32))


class TestClock:
    def test_a_clock_set_back_by_less_than_a_minute_counts_as_stopped(self, driver: WalletDriver) -> None:
        driver.grant(10)
        latest = driver.now
        driver.now -= timedelta(minutes=1)
        assert driver.spend(1).written_at == latest
        check_wallet(driver.wallet.pk)

    def test_a_clock_set_back_by_more_is_refused(self, driver: WalletDriver) -> None:
        driver.grant(10)
        before = written(driver.wallet.pk)
        driver.now -= timedelta(minutes=1) + MICROSECOND
        with pytest.raises(ledger.ClockSteppedBack):
            driver.spend(1)
        assert written(driver.wallet.pk) == before

    def test_without_a_time_the_databases_clock_is_read(self, driver: WalletDriver) -> None:
        driver.grant(10)
        with ledger.open_book(keys=[(driver.wallet.pk, "a")]) as book:
            first = book.wallet(driver.wallet.pk).now
        with ledger.open_book(keys=[(driver.wallet.pk, "a")]) as book:
            assert book.wallet(driver.wallet.pk).now > first > driver.now
