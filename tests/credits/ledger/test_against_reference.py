"""The ledger against the reference: at least 20,000 acts of every kind, compared after each, and proof that it bites.

A failure prints the shortest story that shows it: read it from the top, it can be typed in as a test of its own.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from credits import burndown
from credits.ledger import reservations, rows, spends
from credits.ledger.book import Book
from credits.ledger.state import GrantState, WalletState
from credits.models import EntryKind
from tests.support.credits.reference import machine
from tests.support.credits.reference.twin import programs

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


# In parts, so that several processes share the work and no transaction grows old. Together: 20,000 steps.
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_the_ledger_does_what_the_reference_does_for_20_000_steps(part: int) -> None:
    assert machine.run(programs(), examples=66, number=part) >= 20_000 / PARTS


def forget_priority(patch: pytest.MonkeyPatch) -> None:
    rank = burndown.rank
    patch.setattr(burndown, "rank", lambda block: rank(block)[1:])


def put_paid_before_free(patch: pytest.MonkeyPatch) -> None:
    rank = burndown.rank
    patch.setattr(burndown, "rank", lambda block: (*rank(block)[:2], block.is_free, *rank(block)[3:]))


def forget_features(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(burndown, "allows", lambda block, feature: True)


def expire_a_microsecond_late(patch: pytest.MonkeyPatch) -> None:
    def is_expired(grant: GrantState, *, at: datetime) -> bool:
        return grant.expires_at is not None and grant.expires_at < at

    patch.setattr(GrantState, "is_expired", is_expired)


def time_out_a_microsecond_late(patch: pytest.MonkeyPatch) -> None:
    read_overdue = rows.read_overdue
    patch.setattr(rows, "read_overdue", lambda wallets, at: read_overdue(wallets, at - MICROSECOND))


def return_to_the_first_grant_first(patch: pytest.MonkeyPatch) -> None:
    give_back = spends._give_back
    patch.setattr(
        spends,
        "_give_back",
        lambda book, wallet, operation, lines, credits: give_back(book, wallet, operation, lines[::-1], credits)[::-1],
    )


def keep_debt_unpaid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "_repay", lambda book, wallet: None)


def forget_the_overdraft_limit(patch: pytest.MonkeyPatch) -> None:
    take_beyond = reservations._take_beyond

    def take_anything(book: Book, wallet: WalletState, *rest: Any) -> tuple[int, int]:
        wallet.overdraft_limit = 10**6
        return take_beyond(book, wallet, *rest)

    patch.setattr(reservations, "_take_beyond", take_anything)


def forget_what_was_asked(patch: pytest.MonkeyPatch) -> None:
    replay = Book.replay

    def replay_anything(self: Book, wallet_id: int, key: str, content_hash: bytes) -> Any:
        recorded = self._recorded.get((wallet_id, key))
        return replay(self, wallet_id, key, recorded.content_hash if recorded else content_hash)

    patch.setattr(Book, "replay", replay_anything)


def leave_numbers_out(patch: pytest.MonkeyPatch) -> None:
    finish = Book.finish

    def finish_and_skip(self: Book, wallet: Any, operation: Any, *, tidy: bool = False) -> Any:
        wallet.last_number += operation.kind == EntryKind.VOID.value
        return finish(self, wallet, operation, tidy=tidy)

    patch.setattr(Book, "finish", finish_and_skip)


def let_anything_take_marks_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WalletState, "was_topped_up_since", lambda wallet, mark: True)


@pytest.mark.parametrize(
    "plant",
    [
        forget_priority,
        put_paid_before_free,
        forget_features,
        expire_a_microsecond_late,
        time_out_a_microsecond_late,
        return_to_the_first_grant_first,
        keep_debt_unpaid,
        forget_the_overdraft_limit,
        forget_what_was_asked,
        leave_numbers_out,
        let_anything_take_marks_away,
    ],
)
def test_it_finds_a_planted_bug(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, IntegrityError)):
        machine.run(programs(), examples=40, shrinks=False)
