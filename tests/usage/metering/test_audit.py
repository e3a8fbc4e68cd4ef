"""The auditor knows the meter's books too: it names what was done to usage events past every constraint."""

from uuid import UUID

import pytest
from django.db import connection

from credits import audit
from tests.support.usage.usage_stage import NOW, Stage, prove_books, set_up
from usage.metering import reservations, usage_refunds
from usage.metering.audit import EVENTS, count_events
from usage.pricing import Measures

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Stage:
    """A stage on which was paid, refunded, settled for more than there was, and used for nothing."""
    stage = set_up(credits=1_000, overdraft_limit=30)
    refunded = stage.pay("a")
    stage.pay("b", user=None)
    refund(refunded.event_id, 20, "first")
    refund(refunded.event_id, None, "second")
    reserved = reservations.reserve(stage.use("c"), credits=40, now=NOW)
    reservations.release(reserved.id, within=None, now=NOW)
    most = reservations.reserve(stage.use("d"), credits=900, now=NOW)
    reservations.settle(most.id, measures=Measures(credits=1_000), within=None, now=NOW)
    prove_books()
    return stage


def refund(event_id: UUID, credits: int | None, key: str) -> None:
    usage_refunds.refund(event_id, credits=credits, key=key, reason="failed", within=None, now=NOW)


CORRUPTIONS = {
    "usage_event_has_its_operation": "UPDATE usage_usageevent SET organization_id = organization_id + 1",
    "usage_has_its_event": "DELETE FROM usage_usageevent WHERE refunded > 0",
    "usage_event_credits_are_its_entries": "UPDATE usage_usageevent SET credits = credits + 1",
    "usage_event_refunded_is_its_returns": "UPDATE usage_usageevent SET refunded = refunded - 1 WHERE refunded > 0",
    "usage_event_clocks_are_its_operations": "UPDATE usage_usageevent SET occurred_at = occurred_at - interval '1 day'",
    "uncollected_is_of_a_settlement": "UPDATE usage_usageevent SET uncollected = 5",
    "usage_event_names_what_exists": "UPDATE usage_usageevent SET rate_id = 0",
    "usage_event_names_people_who_exist": "UPDATE usage_usageevent SET user_id = 0",
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_it_names(stage: Stage, name: str) -> None:
    corrupt(CORRUPTIONS[name])
    scope = audit.Scope(now=NOW)
    assert name in {broken.invariant.name for broken in audit.prove(EVENTS, scope)}
    narrowed = audit.Scope(now=NOW, wallet_id=stage.wallet.pk)
    assert name in {broken.invariant.name for broken in audit.prove(EVENTS, narrowed)}


def test_an_event_of_nothing_is_named(stage: Stage) -> None:
    corrupt("UPDATE usage_usageevent SET operation_id = gen_random_uuid() WHERE refunded > 0")
    names = {broken.invariant.name for broken in audit.prove(EVENTS, audit.Scope(now=NOW))}
    assert names == {"usage_event_has_its_operation", "usage_has_its_event"}


def test_every_invariant_of_events_is_broken_once() -> None:
    assert set(CORRUPTIONS) == {invariant.name for invariant in EVENTS}


def test_it_counts_what_it_read(stage: Stage) -> None:
    assert count_events(audit.Scope(now=NOW)) == 3
    assert count_events(audit.Scope(now=NOW, wallet_id=stage.wallet.pk)) == 3
    assert count_events(audit.Scope(now=NOW, wallet_id=0)) == 0


def corrupt(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE usage_usageevent DROP CONSTRAINT usage_event_refunded_within_credits")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        assert cursor.rowcount, "It must do something, or it proves nothing."
        cursor.execute("SET LOCAL session_replication_role = origin")
