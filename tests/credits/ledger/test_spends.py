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
from tests.support.ledger_calls import Desk, ask
from tests.support.reference.invariants import check_wallet, written

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def desk() -> Desk:
    return Desk(factories.wallet(factories.organization(), factories.program()))


def count_and_send(sent: list[str], send: Callable[..., object], sql: str, values: object) -> object:
    sent.append(sql)
    return send(sql, values)


def left_of(grant_id: UUID) -> int:
    return Grant.objects.get(pk=grant_id).remaining


def test_it_takes_credits_and_says_what_is_left(desk: Desk) -> None:
    desk.grant(100)
    spent = desk.spend(30)
    assert (spent.credits, spent.balance_after, spent.available_after, spent.number) == (-30, 70, 70, 2)
    assert spent.written_at == spent.occurred_at == desk.now
    check_wallet(desk.wallet.pk)


def test_taking_from_two_grants_writes_two_entries_under_one_operation(desk: Desk) -> None:
    later, sooner = desk.grant(10, days=60), desk.grant(10, days=30)
    spent = desk.spend(15)
    lines = Entry.objects.filter(operation_id=spent.id).order_by("number")
    assert [(line.grant_id, line.amount, line.balance_after) for line in lines] == [(sooner, -10, 10), (later, -5, 5)]
    assert (spent.first_number, spent.number) == (3, 4)
    assert left_of(later) == 5
    assert not Grant.objects.get(pk=sooner).is_open


def test_not_enough_is_refused_with_the_figures_and_nothing_is_written(desk: Desk) -> None:
    desk.grant(20)
    desk.reserve(5)
    before = written(desk.wallet.pk)
    with pytest.raises(ledger.InsufficientCredits) as refusal:
        desk.spend(16)
    assert (refusal.value.needed, refusal.value.available, refusal.value.reserved) == (16, 15, 5)
    assert written(desk.wallet.pk) == before


def test_a_refusal_caught_in_the_book_leaves_its_neighbours_alone(desk: Desk) -> None:
    desk.grant(20)
    with ledger.open_book(keys=[(desk.wallet.pk, key) for key in "abc"], now=desk.now) as book:
        ask(book, ledger.spend, desk.wallet.pk, "a", credits=8, feature="report")
        with pytest.raises(ledger.InsufficientCredits):
            ask(book, ledger.spend, desk.wallet.pk, "b", credits=13, feature="report")
        last = ask(book, ledger.spend, desk.wallet.pk, "c", credits=12, feature="report")
    assert last.balance_after == 0
    assert list(Operation.objects.filter(kind=EntryKind.USAGE).values_list("idempotency_key", flat=True)) == ["a", "c"]
    check_wallet(desk.wallet.pk)


def test_a_use_that_costs_nothing_is_an_operation_without_entries(desk: Desk) -> None:
    free = desk.spend(0)
    assert (free.credits, free.first_number, free.number, free.balance_after) == (0, 1, 0, 0)
    assert Operation.objects.filter(pk=free.id).exists()
    check_wallet(desk.wallet.pk)


@pytest.mark.parametrize("credits", [-1, MAX_CREDITS + 1])
def test_an_amount_out_of_bounds_is_refused(desk: Desk, credits: int) -> None:
    desk.grant(MAX_CREDITS)
    desk.grant(MAX_CREDITS)
    before = written(desk.wallet.pk)
    with pytest.raises(ValueError, match="An amount must be"):
        desk.spend(credits)
    assert written(desk.wallet.pk) == before


def test_only_grants_that_allow_the_feature_pay_for_it(desk: Desk) -> None:
    only_reports = desk.grant(10, features=frozenset({"report"}), priority=0)
    anything = desk.grant(10)
    desk.spend(4, "chat")
    assert (left_of(only_reports), left_of(anything)) == (10, 6)
    with pytest.raises(ledger.InsufficientCredits) as refusal:
        desk.spend(7, "chat")
    assert refusal.value.available == 6
    desk.spend(12, "report")
    assert (left_of(only_reports), left_of(anything)) == (0, 4)


class TestValidity:
    @pytest.mark.parametrize(("off", "may"), [(-MICROSECOND, True), (0 * MICROSECOND, False), (MICROSECOND, False)])
    def test_a_credit_can_be_spent_up_to_but_not_at_its_expiry(self, desk: Desk, off: timedelta, may: bool) -> None:
        desk.grant(10, days=1)
        desk.now += timedelta(days=1) + off
        if may:
            assert desk.spend(10).balance_after == 0
        else:
            with pytest.raises(ledger.InsufficientCredits) as refusal:
                desk.spend(10)
            assert refusal.value.available == 0

    @pytest.mark.parametrize(("off", "may"), [(-MICROSECOND, False), (0 * MICROSECOND, True)])
    def test_a_credit_can_be_spent_from_its_first_instant_on(self, desk: Desk, off: timedelta, may: bool) -> None:
        desk.grant(10, effective_at=desk.now + timedelta(days=1))
        desk.now += timedelta(days=1) + off
        if may:
            assert desk.spend(10).balance_after == 0
        else:
            with pytest.raises(ledger.InsufficientCredits):
                desk.spend(10)

    def test_a_spend_that_finds_something_expired_writes_it_first(self, desk: Desk) -> None:
        expired = desk.grant(10, days=1)
        desk.grant(5)
        desk.pass_time(days=1)
        spent = desk.spend(2)
        kinds = Entry.objects.order_by("number").values_list("kind", "amount", "grant_id")[2:]
        assert [line[:2] for line in kinds] == [("expiry", -10), ("usage", -2)]
        assert kinds[0][2] == expired
        expiry = Operation.objects.get(kind=EntryKind.EXPIRY)
        assert (expiry.subject, expiry.actor_label, expiry.credits) == (expired, "Drawdown", -10)
        assert spent.balance_after == 3
        check_wallet(desk.wallet.pk)

    def test_reports_go_by_when_it_happened_and_validity_by_when_it_was_written(self, desk: Desk) -> None:
        desk.grant(10, days=1)
        earlier = desk.now
        desk.pass_time(days=2)
        request: dict[str, Any] = {"wallet_id": desk.wallet.pk, "feature": "report", "content_hash": bytes(32)}
        with pytest.raises(ledger.InsufficientCredits), desk._open("late") as book:
            ledger.spend(book, credits=1, key="late", cause=ledger.Cause(occurred_at=earlier), **request)
        with desk._open("free") as book:
            free = ledger.spend(book, credits=0, key="free", cause=ledger.Cause(occurred_at=earlier), **request)
        assert (free.occurred_at, free.written_at) == (earlier, desk.now)


class TestManyAtOnce:
    def test_one_book_spends_from_several_wallets(self) -> None:
        program = factories.program()
        alice = factories.person()
        slugs = ("acme", "globex", "initech")
        desks = [Desk(factories.wallet(factories.organization(alice, slug=slug), program)) for slug in slugs]
        for credits, desk in enumerate(desks, start=10):
            desk.grant(credits)
        keys = [(desk.wallet.pk, f"{turn}") for desk in desks for turn in range(2)]
        with ledger.open_book(keys=keys, now=desks[0].now) as book:
            for wallet_id, key in keys:
                ask(book, ledger.spend, wallet_id, key, credits=5, feature="chat")
        for left, desk in enumerate(desks):
            desk.wallet.refresh_from_db()
            assert (desk.wallet.balance, desk.wallet.last_number) == (left, 3)
            check_wallet(desk.wallet.pk)

    def test_the_number_of_statements_does_not_grow_with_the_number_of_spends(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(5):
            desk.grant(100)
        sent: list[str] = []
        for name in ("execute", "fetch", "run"):
            if original := getattr(rows, name, None):
                monkeypatch.setattr(rows, name, partial(count_and_send, sent, original))

        def statements_for(spends: int, name: str) -> int:
            sent.clear()
            keys = [(desk.wallet.pk, f"{name}-{turn}") for turn in range(spends)]
            with ledger.open_book(keys=keys, now=desk.now) as book:
                for wallet_id, key in keys:
                    ask(book, ledger.spend, wallet_id, key, credits=1, feature="chat")
            return len(sent)

        alone = statements_for(1, "alone")
        assert 0 < alone <= 10
        assert statements_for(300, "many") == alone
        check_wallet(desk.wallet.pk)


class TestBook:
    def test_an_exception_writes_nothing_at_all(self, desk: Desk) -> None:
        desk.grant(10, days=1)
        desk.pass_time(days=2)
        before = written(desk.wallet.pk)

        def fail_after_spending() -> None:
            with desk._open("a") as book:
                ask(book, ledger.spend, desk.wallet.pk, "a", credits=0, feature="chat")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_after_spending()
        assert written(desk.wallet.pk) == before

    def test_a_wallet_that_does_not_exist_is_unknown(self, desk: Desk) -> None:
        with pytest.raises(ledger.UnknownWallet), ledger.open_book(keys=[(desk.wallet.pk + 1, "a")], now=desk.now):
            pass

    def test_a_wallet_that_was_not_locked_is_unknown_to_the_book(self, desk: Desk) -> None:
        with desk._open("a") as book, pytest.raises(ledger.UnknownWallet):
            book.wallet(desk.wallet.pk + 1)

    def test_a_key_that_the_book_was_not_opened_for_is_a_defect_of_the_caller(self, desk: Desk) -> None:
        with desk._open("a") as book, pytest.raises(LookupError, match="not opened for the key"):
            book.replay(desk.wallet.pk, "b", bytes(32))


class TestClock:
    def test_a_clock_set_back_by_less_than_a_minute_counts_as_stopped(self, desk: Desk) -> None:
        desk.grant(10)
        latest = desk.now
        desk.now -= timedelta(minutes=1)
        assert desk.spend(1).written_at == latest
        check_wallet(desk.wallet.pk)

    def test_a_clock_set_back_by_more_is_refused(self, desk: Desk) -> None:
        desk.grant(10)
        before = written(desk.wallet.pk)
        desk.now -= timedelta(minutes=1) + MICROSECOND
        with pytest.raises(ledger.ClockSteppedBack):
            desk.spend(1)
        assert written(desk.wallet.pk) == before

    def test_without_a_time_the_databases_clock_is_read(self, desk: Desk) -> None:
        desk.grant(10)
        with ledger.open_book(keys=[(desk.wallet.pk, "a")]) as book:
            first = book.wallet(desk.wallet.pk).now
        with ledger.open_book(keys=[(desk.wallet.pk, "a")]) as book:
            assert book.wallet(desk.wallet.pk).now > first > desk.now
