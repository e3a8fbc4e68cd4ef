"""Owners and servers are notified once when a balance is low, depleted, restored; only a top-up re-arms."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from credits import ledger
from credits.ledger.thresholds.events import DEPLETED, LOW, RESTORED
from credits.models import MAX_BALANCE, Grant, Program, Source, Wallet
from notices.models import Notice
from organizations.models import User
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver, ask
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    return factories.program(low_balance=200, overdraft_limit=100)


@pytest.fixture
def driver(program: Program) -> WalletDriver:
    """Acme holds 1,000 credits; its balance is low below 200."""
    driver = WalletDriver(factories.wallet(factories.organization(), program))
    driver.grant(1_000)
    return driver


def notified() -> list[str]:
    """What people were notified of, in order."""
    return list(Notice.objects.order_by("pk").values_list("kind", flat=True))


def events() -> list[str]:
    """What servers were notified of, in order."""
    return list(WebhookEvent.objects.order_by("pk").values_list("type", flat=True))


def balance(*, available: int, threshold: int | None = 200) -> dict[str, Any]:
    """What a notice and an event say of Acme's balance."""
    return {
        "organization": "acme",
        "available": available,
        "reserved": 0,
        "threshold": threshold,
        "ai_off_at_zero": False,
        "unit": "credits",
        "decimals": 0,
    }


def set_low(driver: WalletDriver, below: int | None) -> None:
    with ledger.open_book(keys=[(driver.wallet.pk, "")], now=driver.now) as book:
        ledger.set_low_balance(book, wallet_id=driver.wallet.pk, below=below)


def test_the_spend_that_falls_below_the_threshold_notifies_and_the_next_ones_do_not(driver: WalletDriver) -> None:
    driver.spend(800)
    assert notified() == []
    driver.spend(1)
    driver.spend(50)

    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.created_at, notice.user) == (LOW.name, driver.now, None)
    assert notice.details == balance(available=199)
    assert notice.mails.get().user == User.objects.get()
    (event,) = WebhookEvent.objects.all()
    assert event.type == "balance.low"
    assert event.data == notice.details


def test_a_refund_around_the_threshold_notifies_of_nothing_twice(driver: WalletDriver) -> None:
    used = driver.spend(801)
    for _ in range(3):
        driver.give_back(used, 1)
        driver.spend(1)
    assert notified() == ["balance.low"]


def test_a_top_up_makes_the_next_fall_news_again(driver: WalletDriver) -> None:
    driver.spend(900)
    driver.grant(50)
    driver.spend(50)
    assert notified() == ["balance.low"]
    driver.grant(500)
    driver.spend(500)
    assert notified() == ["balance.low"] * 2


def test_credits_that_come_and_go_in_one_book_are_no_crossing(driver: WalletDriver) -> None:
    keys = [(driver.wallet.pk, key) for key in ("spend", "grant")]
    with ledger.open_book(keys=keys, now=driver.now) as book:
        ask(book, ledger.spend, driver.wallet.pk, "spend", credits=1_000, feature="report")
        ask(book, ledger.grant, driver.wallet.pk, "grant", credits=300, source=Source.CARD)
    assert (notified(), events()) == ([], [])


def test_a_threshold_of_none_is_said_as_none(driver: WalletDriver) -> None:
    Program.objects.update(low_balance=None)
    driver.spend(1_000)
    assert WebhookEvent.objects.get().data == balance(available=0, threshold=None)


def test_an_abandoned_book_notifies_of_nothing(driver: WalletDriver) -> None:
    def spend_and_fail() -> None:
        with ledger.open_book(keys=[(driver.wallet.pk, "a")], now=driver.now) as book:
            ask(book, ledger.spend, driver.wallet.pk, "a", credits=1_000, feature="report")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spend_and_fail()
    assert (notified(), events()) == ([], [])


def test_the_end_goes_alone_to_people_and_both_to_servers(driver: WalletDriver) -> None:
    driver.spend(1_000)
    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.details) == (DEPLETED.name, balance(available=0))
    assert sorted(events()) == ["balance.depleted", "balance.low"]


def test_credits_after_the_end_are_notified_and_may_end_again(driver: WalletDriver) -> None:
    driver.spend(1_000)
    driver.pass_time(hours=1)
    driver.grant(30)
    notice = Notice.objects.get(kind=RESTORED.name)
    assert notice.details == balance(available=30)
    assert WebhookEvent.objects.get(type="balance.restored").data["available"] == 30
    driver.spend(30)
    assert notified() == ["balance.depleted", "balance.restored", "balance.depleted"]


def test_a_refund_after_the_end_restores_nothing(driver: WalletDriver) -> None:
    used = driver.spend(1_000)
    driver.give_back(used, 600)
    driver.spend(600)
    assert notified() == ["balance.depleted"]


def test_what_is_reserved_may_come_back_so_nothing_is_notified_of_it(driver: WalletDriver) -> None:
    reserved = driver.reserve(1_000)
    assert (notified(), events()) == ([], [])
    driver.release(reserved)
    driver.settle(driver.reserve(1_000), 850)
    assert notified() == ["balance.low"]


def test_debt_leaves_nothing_and_is_over_once_it_is_repaid(driver: WalletDriver) -> None:
    driver.settle(driver.reserve(1_000), 1_100)
    driver.grant(60)
    assert notified() == ["balance.depleted"]
    driver.grant(41)
    assert notified() == ["balance.depleted", "balance.restored"]
    assert Notice.objects.get(kind=RESTORED.name).details["available"] == 1


def test_expiry_and_freezing_bring_a_balance_to_its_end_too_and_a_thaw_restores_it(driver: WalletDriver) -> None:
    driver.spend(1_000)
    bought = driver.grant(300)
    driver.pass_time(minutes=1)
    driver.freeze(bought)
    driver.pass_time(minutes=1)
    driver.thaw(bought)
    driver.void(bought)
    driver.grant(300, days=1)
    driver.pass_time(days=1)
    assert ledger.sweep_expired(now=driver.now) == 1
    assert notified() == ["balance.depleted", "balance.restored"] * 3 + ["balance.depleted"]


def test_a_wallet_that_never_held_credits_is_neither_low_nor_at_its_end(program: Program) -> None:
    driver = WalletDriver(factories.wallet(factories.organization(), program))
    driver.spend(0)
    driver.grant(500, effective_at=driver.now + timedelta(days=1))
    assert ledger.sweep_thresholds(now=driver.now) == 0
    assert (notified(), events()) == ([], [])


def test_first_credits_below_the_threshold_are_no_fall(program: Program) -> None:
    driver = WalletDriver(factories.wallet(factories.organization(), program))
    driver.grant(100)
    driver.spend(50)
    assert (notified(), ledger.sweep_thresholds(now=driver.now)) == ([], 0)
    driver.grant(500)
    driver.spend(500)
    assert notified() == ["balance.low"]


def test_the_owners_choice_is_before_the_programs_figure(driver: WalletDriver) -> None:
    set_low(driver, 50)
    driver.spend(900)
    assert notified() == []
    driver.spend(51)
    assert Notice.objects.get().details == balance(available=49, threshold=50)


def test_zero_means_never_and_none_the_program_again(driver: WalletDriver) -> None:
    set_low(driver, 0)
    driver.spend(900)
    assert notified() == []
    set_low(driver, None)
    assert notified() == ["balance.low"]
    assert Wallet.objects.get().low_below is None


def test_a_threshold_above_the_balance_is_notified_at_once_and_once(driver: WalletDriver) -> None:
    for _ in range(2):
        set_low(driver, 5_000)
    assert notified() == ["balance.low"]
    set_low(driver, 6_000)
    assert notified() == ["balance.low"]


def test_a_threshold_below_the_balance_counts_anew(driver: WalletDriver) -> None:
    driver.spend(850)
    set_low(driver, 100)
    assert Wallet.objects.get().low_since is None
    driver.spend(100)
    assert notified() == ["balance.low"] * 2


@pytest.mark.parametrize("below", [-1, MAX_BALANCE + 1, True, 1.5])
def test_a_figure_that_makes_no_sense_is_refused(driver: WalletDriver, below: Any) -> None:
    with pytest.raises(ValueError, match="smallest units"):
        set_low(driver, below)


def test_the_sweep_finds_what_time_and_changed_terms_did(driver: WalletDriver) -> None:
    driver.spend(1_000)
    driver.grant(500, effective_at=driver.now + timedelta(days=1))
    assert ledger.sweep_thresholds(now=driver.now) == 0
    driver.pass_time(days=1)
    assert [ledger.sweep_thresholds(now=driver.now) for _ in range(2)] == [1, 0]
    assert notified() == ["balance.depleted", "balance.restored"]
    Program.objects.update(low_balance=501)
    assert [ledger.sweep_thresholds(now=driver.now) for _ in range(2)] == [1, 0]
    assert notified() == ["balance.depleted", "balance.restored", "balance.low"]


@pytest.mark.parametrize("at_a_time", [1, 500])
def test_the_sweep_goes_through_all_wallets(driver: WalletDriver, program: Program, at_a_time: int) -> None:
    alice = User.objects.get()
    drivers = [driver, WalletDriver(factories.wallet(factories.organization(alice, slug="globex"), program))]
    drivers[1].grant(1_000)
    Program.objects.update(low_balance=5_000)
    assert ledger.sweep_thresholds(now=driver.now, wallets_at_a_time=at_a_time) == 2
    assert Notice.objects.values_list("organization__slug", flat=True).distinct().count() == 2


def test_a_spend_that_crosses_nothing_costs_no_statement_more(driver: WalletDriver) -> None:
    driver.spend(850)
    assert Grant.objects.get().remaining == 150
    with CaptureQueriesContext(
        connection,
    ) as of_django:
        driver.spend(1)
    # All of a book's own statements run past Django's cursor; these would be a notice's and an event's.
    assert [query["sql"] for query in of_django if "SAVEPOINT" not in query["sql"]] == []
