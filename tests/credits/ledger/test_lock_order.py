"""Books over several wallets never wait for each other in a circle: wallets are locked in the order of their ids."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import OperationalError, connection

from credits import ledger
from credits.ledger import rows
from credits.models import Program
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import WalletDriver, ask
from tests.support.races import run_together

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


@pytest.fixture
def drivers(program: Program) -> list[WalletDriver]:
    alice = factories.person()
    made = [
        WalletDriver(factories.wallet(factories.organization(alice, slug=slug), program))
        for slug in ("acme", "globex", "initech")
    ]
    for driver in made:
        driver.grant(1_000)
    return made


def spend_from(drivers: Sequence[WalletDriver], name: str, rounds: int) -> Callable[[], int]:
    """Return a callable that spends from all of them in one book, in their order, so many times."""

    def spend() -> int:
        for turn in range(rounds):
            keys = [(driver.wallet.pk, f"{name}-{turn}") for driver in drivers]
            with ledger.open_book(keys=keys, now=drivers[0].now) as book:
                for wallet_id, key in keys:
                    ask(book, ledger.spend, wallet_id, key, credits=1, feature="chat")
        return rounds

    return spend


def test_books_over_the_same_wallets_in_opposite_order_all_get_through(drivers: list[WalletDriver]) -> None:
    orders = [drivers, drivers[::-1], [drivers[1], drivers[0]], [drivers[2], drivers[1]]]
    race = [spend_from(order, f"book-{number}", ROUNDS) for number, order in enumerate(orders)]
    assert run_together(race) == [ROUNDS] * 4
    for driver, books in zip(drivers, (3, 4, 3), strict=True):
        driver.wallet.refresh_from_db()
        assert driver.wallet.balance == 1_000 - books * ROUNDS
        check_wallet(driver.wallet.pk)


def test_control_locks_taken_one_by_one_in_opposite_order_end_in_a_deadlock(
    drivers: list[WalletDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_wallets = rows.lock_wallets
    each_holds_one = threading.Barrier(2, timeout=20)
    orders = threading.local()

    def lock_as_given(wallet_ids: Sequence[int]) -> list[Any]:
        first, *others = sorted(wallet_ids, reverse=orders.is_reversed)
        locked = lock_wallets([first])
        each_holds_one.wait()
        return locked + [row for other in others for row in lock_wallets([other])]

    def spend(*, is_reversed: bool) -> int:
        orders.is_reversed = is_reversed
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '100ms'")
        return spend_from(drivers[:2], f"book-{is_reversed}", 1)()

    monkeypatch.setattr(rows, "lock_wallets", lock_as_given)
    results = run_together([lambda: spend(is_reversed=False), lambda: spend(is_reversed=True)])
    (error,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(error, OperationalError)
    assert "deadlock detected" in str(error)
    for driver in drivers:
        check_wallet(driver.wallet.pk)
