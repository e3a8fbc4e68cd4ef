"""What the database itself refuses, past every model and verb: one case per constraint."""

from dataclasses import dataclass

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from credits import audit
from credits.models import MAX_BALANCE, MAX_CREDITS
from tests.support import factories
from tests.support.credits.wallet_driver import busy_acme
from tests.support.database import built_once

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Case:
    """A constraint, and what a copied row would have to be for it to be broken, as SQL by column.

    `where` chooses the row that is copied; `without` names a constraint that would speak first.
    """

    table: str
    constraint: str
    broken: dict[str, str]
    where: str = "true"
    without: str = ""

    def __str__(self) -> str:
        return (
            f"{self.constraint} ({', '.join(f'{column} {value}' for column, value in self.broken.items()) or 'twice'})"
        )


# What a copy needs to be another row, and not merely the same one twice.
ANOTHER = {
    "program": {"key": "'another'"},
    "wallet": {"organization_id": "(SELECT max(id) FROM organizations_organization)"},
    "grant": {"id": "gen_random_uuid()"},
    "operation": {"id": "gen_random_uuid()", "idempotency_key": "'another'"},
    "entry": {"number": "1000000"},
    "reservation": {"id": "gen_random_uuid()", "idempotency_key": "'another'", "operation_id": "NULL"},
    "reservationdraw": {"position": "99", "grant_id": "gen_random_uuid()"},
    "auditseal": {"number": "number + 1"},
    "sealedsegment": {"from_number": "from_number + 1"},
}

CASES = [
    Case("program", "program_unit_known", {"unit": "'points'"}),
    Case("program", "program_at_zero_known", {"at_zero": "'explode'"}),
    Case("program", "program_decimals_at_most_six", {"decimals": "7"}),
    Case("program", "credits_program_decimals_check", {"decimals": "-1"}),
    Case("program", "program_overdraft_in_bounds", {"overdraft_limit": "-1"}),
    Case("program", "program_overdraft_in_bounds", {"overdraft_limit": f"{MAX_CREDITS + 1}"}),
    Case("program", "program_holding_limit_in_bounds", {"holding_limit": "0"}),
    Case("program", "program_holding_limit_in_bounds", {"holding_limit": f"{MAX_BALANCE + 1}"}),
    Case("program", "program_validity_in_bounds", {"validity_days": "0"}),
    Case("program", "program_validity_in_bounds", {"validity_days": "36501"}),
    Case("program", "credits_program_validity_days_check", {"validity_days": "-1"}),
    Case("program", "program_reservations_end_within_a_day", {"reservation_seconds": "0"}),
    Case("program", "program_reservations_end_within_a_day", {"reservation_seconds": "86401"}),
    Case("program", "credits_program_reservation_seconds_check", {"reservation_seconds": "-1"}),
    Case("program", "program_low_balance_in_bounds", {"low_balance": "0"}),
    Case("program", "program_low_balance_in_bounds", {"low_balance": f"{MAX_BALANCE + 1}"}),
    Case("program", "credits_program_key_key", {"key": "key"}),
    Case("wallet", "credits_wallet_organization_id_key", {"organization_id": "organization_id"}),
    Case("wallet", "wallet_reserved_not_negative", {"reserved": "-1"}),
    Case("wallet", "wallet_debt_not_negative", {"debt": "-1"}),
    Case("wallet", "wallet_covers_what_is_reserved", {"balance": "4", "reserved": "5", "debt": "0"}),
    Case("wallet", "wallet_covers_what_is_reserved", {"balance": "-1", "reserved": "0", "debt": "0"}),
    Case("wallet", "wallet_within_bounds", {"balance": f"{MAX_BALANCE + 1}"}),
    Case("wallet", "wallet_within_bounds", {"debt": f"{MAX_BALANCE + 1}"}),
    Case("wallet", "wallet_low_below_in_bounds", {"low_below": "-1"}),
    Case("wallet", "wallet_low_below_in_bounds", {"low_below": f"{MAX_BALANCE + 1}"}),
    Case("wallet", "wallet_number_not_negative", {"last_number": "-1"}),
    Case("grant", "grant_source_known", {"source": "'found'"}),
    Case("grant", "grant_amount_in_bounds", {"amount": "0", "remaining": "0", "is_open": "false"}),
    Case("grant", "grant_amount_in_bounds", {"amount": f"{MAX_CREDITS + 1}"}),
    Case("grant", "grant_remaining_within_amount", {"remaining": "amount + 1", "is_open": "true"}),
    Case(
        "grant",
        "grant_remaining_within_amount",
        {"remaining": "-1", "reserved": "-1", "is_open": "false"},
        without="grant_is_open_while_it_holds_credits",
    ),
    Case("grant", "grant_reserved_within_remaining", {"remaining": "1", "reserved": "2", "is_open": "true"}),
    Case("grant", "grant_reserved_within_remaining", {"reserved": "-1"}),
    Case("grant", "grant_priority_in_bounds", {"priority": "101"}),
    Case("grant", "credits_grant_priority_check", {"priority": "-1"}),
    Case("grant", "grant_expires_after_it_begins", {"expires_at": "effective_at"}),
    Case("grant", "grant_cost_has_a_currency", {"cost_minor": "5", "cost_currency": "''"}),
    Case("grant", "grant_cost_has_a_currency", {"cost_minor": "-5", "cost_currency": "'EUR'"}),
    Case("grant", "grant_is_open_while_it_holds_credits", {"remaining": "0", "reserved": "0", "is_open": "true"}),
    Case("grant", "grant_is_open_while_it_holds_credits", {"remaining": "amount", "is_open": "false"}),
    Case("grant", "grant_features_not_empty", {"features": "'{}'"}),
    Case("operation", "operation_key_is_used_once", {"idempotency_key": "idempotency_key"}),
    Case("operation", "operation_kind_known", {"kind": "'theft'"}),
    Case("operation", "operation_names_a_source_if_it_grants", {"source": "''"}, where="kind = 'grant'"),
    Case("operation", "operation_names_a_source_if_it_grants", {"source": "'card'"}, where="kind = 'usage'"),
    Case("operation", "operation_has_a_key", {"idempotency_key": "''"}),
    Case("operation", "operation_numbers_in_order", {"first_number": "number + 2"}),
    Case("operation", "operation_numbers_in_order", {"first_number": "0"}),
    Case("entry", "entry_kind_known", {"kind": "'theft'"}, without="entry_kind_fits_its_sign_and_grant"),
    Case("entry", "entry_moves_something", {"amount": "0"}, where="kind = 'repayment'"),
    Case("entry", "entry_moves_something", {"amount": f"{MAX_BALANCE + 1}"}, where="kind = 'grant'"),
    Case("entry", "entry_number_positive", {"number": "0"}),
    Case("entry", "entry_kind_fits_its_sign_and_grant", {"amount": "-amount"}, where="kind = 'grant'"),
    Case("entry", "entry_kind_fits_its_sign_and_grant", {"grant_id": "NULL"}, where="kind = 'usage'"),
    Case("entry", "entry_kind_fits_its_sign_and_grant", {"amount": "-amount"}, where="kind = 'return'"),
    Case("entry", "entry_kind_fits_its_sign_and_grant", {"grant_id": "gen_random_uuid()"}, where="kind = 'debt'"),
    Case("reservation", "reservation_key_is_used_once", {"idempotency_key": "idempotency_key"}, where="state = 'open'"),
    Case("reservation", "reservation_state_known", {"state": "'lost'"}, where="state = 'released'"),
    Case("reservation", "reservation_credits_in_bounds", {"credits": "0"}, where="state = 'open'"),
    Case("reservation", "reservation_times_out_later", {"expires_at": "created_at"}, where="state = 'open'"),
    Case("reservation", "reservation_is_closed_with_a_time", {"closed_at": "expires_at"}, where="state = 'open'"),
    Case("reservation", "reservation_is_closed_with_a_time", {"closed_at": "NULL"}, where="state = 'released'"),
    Case("reservation", "reservation_is_settled_by_an_operation", {"operation_id": "NULL"}, where="state = 'settled'"),
    Case(
        "reservation",
        "credits_reservation_operation_id_key",
        {"operation_id": "operation_id"},
        where="state = 'settled'",
    ),
    Case("reservationdraw", "reservation_draws_once_per_grant", {"grant_id": "grant_id"}),
    Case("reservationdraw", "reservation_draw_positive", {"credits": "0"}),
    Case("reservationdraw", "credits_reservationdraw_position_check", {"position": "-1"}),
    Case("auditseal", "audit_seal_number_positive", {"number": "0"}),
    Case("sealedsegment", "sealed_segment_numbers_in_order", {"from_number": "0"}),
    Case("sealedsegment", "sealed_segment_numbers_in_order", {"from_number": "to_number + 1"}),
    Case("auditseal", "credits_auditseal_pkey", {"number": "number"}),
    Case("sealedsegment", "credits_sealedsegment_pkey", {"from_number": "from_number"}),
    Case("entry", "credits_entry_pkey", {"number": "number"}),
    Case("reservationdraw", "credits_reservationdraw_pkey", {"position": "position"}),
    Case("operation", "credits_operation_pkey", {"id": "id"}),
    Case("grant", "credits_grant_pkey", {"id": "id"}),
    Case("reservation", "credits_reservation_pkey", {"id": "id"}, where="state = 'open'"),
]


@pytest.fixture
@built_once
def _rows() -> None:
    """Rows of every kind, and an organization that has no wallet yet."""
    driver = busy_acme()
    audit.seal(audit.read_unsealed([]), now=driver.now)
    factories.organization(factories.person("Charlie"), slug="globex")


def copy(case: Case) -> None:
    table = f"credits_{case.table}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        columns = [column for (column,) in cursor.fetchall()]
        changed = {**ANOTHER[case.table], **case.broken}
        if "id" not in changed:  # the database numbers these itself
            columns = [column for column in columns if column != "id"]
        values = ", ".join(changed.get(column, column) for column in columns)
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {case.where} LIMIT 1"
        )
        assert cursor.rowcount == 1


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("_rows")
def test_the_database_refuses(case: Case) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if case.without:
            cursor.execute(f"ALTER TABLE credits_{case.table} DROP CONSTRAINT {case.without}")
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        copy(case)
    assert f'"{case.constraint}"' in str(refusal.value)


@pytest.mark.parametrize("table", ["program", "wallet", "grant", "operation", "entry", "reservation", "auditseal"])
@pytest.mark.usefixtures("_rows")
def test_the_same_copy_is_taken_where_nothing_is_broken(table: str) -> None:
    copy(Case(table, "", {}, where="state = 'open'" if table == "reservation" else "true"))


def test_every_constraint_of_the_models_has_a_case() -> None:
    models = apps.get_app_config("credits").get_models()
    declared = {constraint.name for model in models for constraint in model._meta.constraints}
    assert declared <= {case.constraint for case in CASES}


def test_every_check_and_unique_constraint_of_the_database_has_a_case() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'credits\\_%' AND contype IN ('c', 'u')"
        )
        enforced = {name for (name,) in cursor.fetchall()}
    assert enforced <= {case.constraint for case in CASES}
