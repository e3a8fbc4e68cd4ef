"""What the database's triggers and foreign keys refuse: the ledger's past is not changed, and nothing is orphaned."""

import pytest
from django.db import IntegrityError, connection, transaction

from credits import audit
from tests.support.credits.wallet_driver import busy_acme
from tests.support.database import built_once

pytestmark = pytest.mark.django_db

# What is refused by which trigger. Every trigger of the ledger's tables must be here.
APPEND_ONLY = {
    "credits_entry": ["UPDATE credits_entry SET amount = amount + 1", "DELETE FROM credits_entry"],
    "credits_operation": ["UPDATE credits_operation SET memo = 'nothing'", "DELETE FROM credits_operation"],
    "credits_grant": ["DELETE FROM credits_grant"],
    "credits_wallet": ["DELETE FROM credits_wallet"],
    "credits_reservation": ["DELETE FROM credits_reservation"],
    "credits_reservationdraw": [
        "UPDATE credits_reservationdraw SET credits = credits + 1",
        "DELETE FROM credits_reservationdraw",
    ],
    "credits_auditseal": ["UPDATE credits_auditseal SET hash = sha256('')", "DELETE FROM credits_auditseal"],
    "credits_sealedsegment": [
        "UPDATE credits_sealedsegment SET hash = sha256('')",
        "DELETE FROM credits_sealedsegment",
    ],
}
TERMS = {
    "id": "gen_random_uuid()",
    "wallet_id": "wallet_id + 1",
    "source": "'referral'",
    "amount": "amount + 1",
    "priority": "7",
    "effective_at": "effective_at - interval '1 day'",
    "expires_at": "'2030-01-01'",
    "cost_minor": "cost_minor + 1",
    "cost_currency": "'JPY'",
    "features": "'{other}'",
    "created_at": "created_at - interval '1 day'",
}
DANGLING = {
    "a wallet of no organization": "UPDATE credits_wallet SET organization_id = 0",
    "a wallet under no program": "UPDATE credits_wallet SET program_id = 0",
    "an organization with a wallet is not deleted": "DELETE FROM organizations_organization",
    "a program with wallets is not deleted": "DELETE FROM credits_program",
    "a reservation of no wallet": "UPDATE credits_reservation SET wallet_id = 0",
    "a reservation settled by no operation": (
        "UPDATE credits_reservation SET operation_id = gen_random_uuid() WHERE state = 'settled'"
    ),
}


@pytest.fixture(autouse=True)
@built_once
def _rows() -> None:
    driver = busy_acme()
    audit.seal(audit.read_unsealed([]), now=driver.now)


def refused(sql: str) -> str:
    """Run the statement, expect the database to refuse it, and return what it said."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            cursor.execute(sql)
    return str(refusal.value)


@pytest.mark.parametrize("sql", [sql for statements in APPEND_ONLY.values() for sql in statements])
def test_it_refuses(sql: str) -> None:
    verb, table = sql.split(maxsplit=1)[0], next(word for word in sql.split() if word.startswith("credits_"))
    assert f"{verb} on {table} is refused: the ledger is append-only" in refused(sql)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_it_refuses_to_empty(table: str) -> None:
    assert f"TRUNCATE on {table} is refused: the ledger is append-only" in refused(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("column", TERMS)
def test_a_grant_keeps_its(column: str) -> None:
    assert "the terms of a grant never change" in refused(f"UPDATE credits_grant SET {column} = {TERMS[column]}")


def test_what_is_left_of_a_grant_does_change() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credits_grant SET frozen_at = now(), reserved = 0, remaining = 0, is_open = false")
        assert cursor.rowcount > 0


@pytest.mark.parametrize("what", DANGLING)
def test_there_is_never(what: str) -> None:
    assert "foreign key" in refused(DANGLING[what])


def test_every_trigger_of_the_ledger_is_tried_here() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'credits\\_%'"
        )
        found = {name for (name,) in cursor.fetchall()}
    tried = {f"{table}_refuses_{what}" for table in APPEND_ONLY for what in ("change", "truncate")}
    assert found == {*tried, "credits_grant_keeps_its_terms"}


def test_every_column_of_a_grant_is_a_term_or_may_change() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'credits_grant'")
        columns = {name for (name,) in cursor.fetchall()}
    assert columns == {*TERMS, "remaining", "reserved", "frozen_at", "is_open"}
