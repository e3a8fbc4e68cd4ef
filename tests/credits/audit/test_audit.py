"""The auditor: silent over clean books, and it names what was done to the others."""

from datetime import timedelta

import pytest
from django.db import connection

from credits import audit, ledger
from credits.audit_actions import Action
from credits.models import Entry, EntryKind, Reservation
from organizations import audit_events
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver, busy_acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    return busy_acme()


def names(driver: WalletDriver, *, later: timedelta = timedelta(0)) -> set[str]:
    return {broken.invariant.name for broken in audit.prove_ledger(audit.Scope(now=driver.now + later))}


def test_it_has_nothing_to_say_about_a_life_lived_through_the_verbs(driver: WalletDriver) -> None:
    assert set(Entry.objects.values_list("kind", flat=True)) == set(EntryKind.values)
    assert set(Reservation.objects.values_list("state", flat=True)) == {"open", "settled", "released", "timed_out"}
    assert audit.prove_ledger(audit.Scope(now=driver.now)) == []


def test_every_invariant_has_a_name_and_a_sentence_of_its_own() -> None:
    assert len({invariant.name for invariant in audit.INVARIANTS}) == len(audit.INVARIANTS)
    assert len({invariant.sentence for invariant in audit.INVARIANTS}) == len(audit.INVARIANTS)


def test_it_looks_only_at_the_wallet_that_it_was_asked_about(driver: WalletDriver) -> None:
    other = WalletDriver(
        factories.wallet(factories.organization(factories.person("Charlie"), slug="globex"), driver.wallet.program)
    )
    other.grant(10)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credits_wallet SET balance = balance + 1 WHERE id = %s", [other.wallet.pk])
    assert audit.prove_ledger(audit.Scope(now=driver.now, wallet_id=driver.wallet.pk)) == []
    assert audit.count(audit.Scope(now=driver.now, wallet_id=other.wallet.pk))["entries"] == 1
    assert "wallet_balance_is_its_last_entrys" in names(driver)


def test_it_says_where_first_where_worst_and_how_often(driver: WalletDriver) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE credits_operation SET credits = credits + 5 WHERE first_number = 2")
        cursor.execute("UPDATE credits_operation SET credits = credits - 90 WHERE first_number = 4")
        cursor.execute("UPDATE credits_operation SET credits = credits + 7 WHERE first_number = 3")
    (broken,) = audit.prove_ledger(audit.Scope(now=driver.now))
    assert broken.invariant.name == "operation_credits_are_its_entries"
    assert broken.count == 3
    assert (broken.first.wallet_id, broken.first.number) == (driver.wallet.pk, 2)
    assert broken.worst.number == 4
    assert "-30, entries 60" in str(broken.worst)


def test_credits_that_nobody_swept_are_late_not_broken(driver: WalletDriver) -> None:
    driver.grant(10, days=1)
    assert names(driver, later=timedelta(hours=49)) == {"reservation_ends_in_time"}
    late = audit.prove_ledger(audit.Scope(now=driver.now + timedelta(hours=51)))
    assert {item.invariant.name for item in late} == {"expired_credits_are_swept", "reservation_ends_in_time"}
    assert all(item.invariant.is_liveness for item in late)


def test_what_was_frozen_may_be_passed_over(driver: WalletDriver) -> None:
    first = driver.grant(10, priority=1)
    driver.freeze(first)
    driver.pass_time(minutes=1)
    driver.spend(5)
    driver.pass_time(minutes=1)
    assert names(driver) == set()
    audit_events.record(action=Action.GRANT_FROZEN, target=str(first), now=driver.now)
    driver.thaw(first)
    assert names(driver) == set()


def test_credits_held_by_a_reservation_may_be_passed_over(driver: WalletDriver) -> None:
    driver.grant(10, priority=1)
    reserved = driver.reserve(10)
    driver.pass_time(minutes=1)
    driver.spend(5)
    driver.pass_time(minutes=1)
    driver.release(reserved)
    driver.pass_time(minutes=1)
    driver.spend(5)
    assert names(driver) == set()


def test_credits_that_began_later_may_be_passed_over(driver: WalletDriver) -> None:
    driver.grant(10, priority=1, effective_at=driver.now + timedelta(days=1))
    driver.spend(5)
    driver.pass_time(days=1)
    driver.spend(5)
    assert names(driver, later=timedelta(0)) <= {"reservation_ends_in_time"}


def test_a_batch_of_spends_and_reservations_at_one_instant_is_in_order(driver: WalletDriver) -> None:
    driver.grant(10, priority=1)
    keys = [(driver.wallet.pk, f"batch-{n}") for n in range(6)]
    cause = ledger.Cause(actor_label="test", feature="report")
    with ledger.open_book(keys=keys, now=driver.now, reservations="by key") as book:
        for n, (wallet_id, key) in enumerate(keys):
            verb = ledger.reserve if n % 2 else ledger.spend
            verb(book, wallet_id=wallet_id, credits=3, feature="report", key=key, content_hash=b"x" * 32, cause=cause)
    assert names(driver) == set()
