"""Grants: giving, voiding, freezing and thawing, and what the terms of a grant may be."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from credits import ledger
from credits.ledger import requests
from credits.models import MAX_CREDITS, Entry, Grant, Operation, Source
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet, written
from tests.support.credits.wallet_driver import DAY, WalletDriver, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), factories.program(overdraft_limit=20)))


def left_of(grant_id: UUID) -> int:
    return Grant.objects.get(pk=grant_id).remaining


class TestGiving:
    def test_a_grant_keeps_its_terms_and_is_one_entry(self, driver: WalletDriver) -> None:
        given = Grant.objects.get(
            pk=driver.grant(
                50,
                source=Source.CARD,
                days=360,
                priority=10,
                cost_minor=999,
                cost_currency="EUR",
                features=frozenset({"chat", 'a "quoted", one'}),
            )
        )
        assert (given.source, given.amount, given.remaining, given.reserved) == ("card", 50, 50, 0)
        assert (given.priority, given.cost_minor, given.cost_currency) == (10, 999, "EUR")
        assert (given.effective_at, given.expires_at) == (driver.now, driver.now + 360 * DAY)
        assert given.features == ['a "quoted", one', "chat"]
        entry = Entry.objects.get()
        assert (entry.kind, entry.amount, entry.balance_after, entry.number) == ("grant", 50, 50, 1)
        operation = Operation.objects.get()
        assert (operation.source, operation.subject) == ("card", given.pk)
        check_wallet(driver.wallet.pk)

    @pytest.mark.parametrize("credits", [0, -1, MAX_CREDITS + 1])
    def test_an_amount_out_of_bounds_is_refused(self, driver: WalletDriver, credits: int) -> None:
        before = written(driver.wallet.pk)
        with pytest.raises(ValueError, match="An amount must be"):
            driver.grant(credits)
        assert written(driver.wallet.pk) == before

    def test_the_largest_amount_is_given(self, driver: WalletDriver) -> None:
        driver.grant(MAX_CREDITS)
        assert driver.spend(MAX_CREDITS).balance_after == 0

    @pytest.mark.parametrize(
        ("begins", "ends"),
        [(0, 0), (5, 5), (5, 4), (-5, 0), (-5, -1)],
    )
    def test_a_period_that_is_empty_or_over_is_refused(self, driver: WalletDriver, begins: int, ends: int) -> None:
        terms = {"effective_at": driver.now + begins * DAY, "expires_at": driver.now + ends * DAY}
        with pytest.raises(ValueError, match="must expire after it begins"):
            driver._do(ledger.grant, credits=1, source=Source.GOODWILL, **terms)
        assert not Grant.objects.exists()

    def test_a_wallet_holds_no_more_than_its_bound_and_the_book_stays_usable(
        self, driver: WalletDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(requests, "MAX_BALANCE", 100)
        driver.grant(60)
        usage = driver.spend(10)
        driver.grant(50)
        with driver._open("a") as book, pytest.raises(ledger.WalletFull):
            ask(book, ledger.grant, driver.wallet.pk, "a", credits=1, source=Source.GOODWILL)
        with driver._open("b") as book, pytest.raises(ledger.WalletFull):
            ask(book, ledger.return_usage, driver.wallet.pk, "b", usage_id=usage.id, credits=1)
        assert Grant.objects.count() == 2
        check_wallet(driver.wallet.pk)

    @pytest.mark.parametrize(
        "terms",
        [
            {"priority": -1},
            {"priority": 101},
            {"cost_minor": -1, "cost_currency": "EUR"},
            {"cost_minor": 1},
            {"features": frozenset()},
        ],
    )
    def test_terms_that_make_no_sense_are_refused_before_anything_is_written(
        self, driver: WalletDriver, terms: dict[str, Any]
    ) -> None:
        with driver._open("a") as book, pytest.raises(ValueError, match="grant"):
            ask(book, ledger.grant, driver.wallet.pk, "a", credits=1, source=Source.GOODWILL, **terms)
        assert not Grant.objects.exists()


class TestVoiding:
    def test_all_that_is_free_is_taken_back(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        driver.spend(3)
        driver.reserve(2)
        voided = driver.void(grant)
        assert (voided.credits, voided.balance_after, voided.subject) == (-5, 2, grant)
        check_wallet(driver.wallet.pk)

    def test_a_part_is_taken_back_in_proportion_and_the_rest_can_follow(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        assert driver.void(grant, 4).credits == -4
        assert driver.void(grant, 6).credits == -6
        with pytest.raises(ledger.AlreadyVoided) as refusal:
            driver.void(grant, 1)
        assert (refusal.value.asked, refusal.value.voidable) == (1, 0)

    def test_what_was_spent_is_left_alone_unless_it_shall_become_debt(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        driver.spend(7)
        assert driver.void(grant, 10).credits == -3
        assert driver.void(grant, 7).credits == 0
        assert driver.void(grant, 7, rest_as_debt=True).credits == -7
        driver.wallet.refresh_from_db()
        assert (driver.wallet.balance, driver.wallet.debt) == (-7, 7)
        check_wallet(driver.wallet.pk)

    def test_debt_is_repaid_at_once_from_other_credits(self, driver: WalletDriver) -> None:
        grant = driver.grant(10, priority=1)
        driver.spend(10)
        other = driver.grant(15)
        voided = driver.void(grant, 10, rest_as_debt=True)
        assert (voided.credits, voided.balance_after, voided.available_after) == (-10, 5, 5)
        assert left_of(other) == 5
        check_wallet(driver.wallet.pk)

    def test_more_than_was_given_is_refused(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        before = written(driver.wallet.pk)
        with pytest.raises(ledger.AlreadyVoided):
            driver.void(grant, 11, rest_as_debt=True)
        assert written(driver.wallet.pk) == before

    def test_two_in_one_book_void_no_more_than_was_given(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        driver.spend(10)
        request = {"grant_id": grant, "rest_as_debt": True}
        with ledger.open_book(keys=[(driver.wallet.pk, key) for key in "ab"], now=driver.now) as book:
            ask(book, ledger.void, driver.wallet.pk, "a", credits=8, **request)
            with pytest.raises(ledger.AlreadyVoided) as refusal:
                ask(book, ledger.void, driver.wallet.pk, "b", credits=8, **request)
        assert refusal.value.voidable == 2
        check_wallet(driver.wallet.pk)

    def test_a_grant_of_another_wallet_is_unknown(self, driver: WalletDriver) -> None:
        stranger = factories.person("Charlie")
        other = WalletDriver(factories.wallet(factories.organization(stranger, slug="globex"), driver.wallet.program))
        theirs = other.grant(10)
        for grant_id in (theirs, uuid4()):
            with pytest.raises(ledger.UnknownGrant):
                driver.void(grant_id)
            with pytest.raises(ledger.UnknownGrant):
                driver.freeze(grant_id)
        assert left_of(theirs) == 10


class TestFreezing:
    def test_a_frozen_grant_is_held_but_not_spendable_until_thawed(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        driver.freeze(grant)
        with pytest.raises(ledger.InsufficientCredits) as refusal:
            driver.spend(1)
        assert refusal.value.available == 0
        driver.wallet.refresh_from_db()
        assert driver.wallet.balance == 10
        driver.thaw(grant)
        assert driver.spend(10).balance_after == 0

    def test_again_does_nothing_and_says_so(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        with driver._open("") as book:
            answers = [
                verb(book, wallet_id=driver.wallet.pk, grant_id=grant) for verb in (ledger.freeze, ledger.freeze)
            ]
            answers += [verb(book, wallet_id=driver.wallet.pk, grant_id=grant) for verb in (ledger.thaw, ledger.thaw)]
        assert answers == [True, False, True, False]

    def test_a_frozen_grant_expires_all_the_same(self, driver: WalletDriver) -> None:
        grant = driver.grant(10, days=1)
        driver.freeze(grant)
        driver.now += timedelta(days=1)
        assert ledger.sweep_expired(now=driver.now) == 1
        driver.thaw(grant)
        assert left_of(grant) == 0


class TestReinstating:
    def test_what_a_void_took_goes_back_once(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        void = driver.void(grant, 6)
        back = driver._do(ledger.reinstate, void_id=void.id, credits=4)
        assert (back.kind, back.credits, back.balance_after, back.subject) == ("return", 4, 8, void.id)
        with pytest.raises(ledger.ReturnTooLarge) as refusal:
            driver._do(ledger.reinstate, void_id=void.id, credits=3)
        assert refusal.value.returnable == 2
        assert left_of(grant) == 8
        check_wallet(driver.wallet.pk)

    def test_what_was_reinstated_can_be_voided_again(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        void = driver.void(grant, 10)
        driver._do(ledger.reinstate, void_id=void.id, credits=10)
        assert driver.void(grant, 10).credits == -10
        check_wallet(driver.wallet.pk)

    def test_what_had_become_debt_lowers_it(self, driver: WalletDriver) -> None:
        grant = driver.grant(10)
        driver.spend(10)
        void = driver.void(grant, 10, rest_as_debt=True)
        driver._do(ledger.reinstate, void_id=void.id, credits=10)
        driver.wallet.refresh_from_db()
        assert (driver.wallet.balance, driver.wallet.debt) == (0, 0)
        check_wallet(driver.wallet.pk)

    def test_only_a_void_is_reinstated(self, driver: WalletDriver) -> None:
        driver.grant(10)
        usage = driver.spend(5)
        with pytest.raises(ledger.UnknownUsage):
            driver._do(ledger.reinstate, void_id=usage.id, credits=1)
