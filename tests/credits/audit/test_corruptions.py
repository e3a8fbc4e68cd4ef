"""The auditor names what was done to the books past every constraint and trigger: one corruption per invariant."""

from dataclasses import dataclass

import pytest
from django.db import connection

from credits import audit
from tests.support.credits.wallet_driver import WalletDriver, busy_acme

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Corruption:
    """What somebody did to the rows, the invariant that it breaks, and the constraint that was in the way."""

    name: str
    done: str
    sql: str
    dropped: str = ""

    def __str__(self) -> str:
        return self.done


# The first and last usage entries, a debt line, and the like: rows that a busy life surely has.
USAGE = "(SELECT min(number) FROM credits_entry WHERE kind = 'usage')"
EXPIRY = "(SELECT min(number) FROM credits_entry WHERE kind = 'expiry')"
LAST = "(SELECT max(number) FROM credits_entry)"
SETTLED = "(SELECT id FROM credits_reservation WHERE state = 'settled' ORDER BY id LIMIT 1)"
RELEASED = "(SELECT id FROM credits_reservation WHERE state = 'released' ORDER BY id LIMIT 1)"
OPEN = "(SELECT id FROM credits_reservation WHERE state = 'open')"
EMPTY = "(SELECT id FROM credits_grant WHERE remaining = 0 ORDER BY id LIMIT 1)"
FULL = "(SELECT id FROM credits_grant WHERE remaining > reserved + 5 AND frozen_at IS NULL ORDER BY id LIMIT 1)"
COPIED_OPERATION = """
    INSERT INTO credits_operation (id, wallet_id, kind, source, idempotency_key, content_hash, credits, first_number,
        number, balance_after, available_after, occurred_at, written_at, actor_label, feature, memo, subject)
    SELECT gen_random_uuid(), wallet_id, kind, source, {key}, content_hash, 0, number + 1,
        number, balance_after, available_after, occurred_at, written_at, actor_label, feature, memo, {subject}
    FROM credits_operation WHERE kind = '{kind}' ORDER BY number LIMIT 1
"""

CORRUPTIONS = [
    Corruption(
        "wallet_balance_is_its_grants_less_debt",
        "credits were added to a grant",
        f"UPDATE credits_grant SET remaining = remaining + 1 WHERE id = {EMPTY}",
        "credits_grant.grant_is_open_while_it_holds_credits",
    ),
    Corruption(
        "wallet_balance_is_its_last_entrys",
        "credits were added to a wallet",
        "UPDATE credits_wallet SET balance = balance + 1",
    ),
    Corruption(
        "wallet_reserved_is_its_grants",
        "a wallet forgot what it reserved",
        "UPDATE credits_wallet SET reserved = 0",
    ),
    Corruption("wallet_debt_is_its_entries", "a debt was invented", "UPDATE credits_wallet SET debt = debt + 1"),
    Corruption(
        "wallet_last_number_is_its_last_entrys",
        "a number was skipped",
        "UPDATE credits_wallet SET last_number = last_number + 1",
    ),
    Corruption(
        "wallet_is_in_bounds",
        "a wallet reserved less than nothing",
        "UPDATE credits_wallet SET reserved = -1",
        "credits_wallet.wallet_reserved_not_negative",
    ),
    Corruption(
        "wallet_clock_is_not_before_its_entries",
        "a wallet's clock was set back",
        "UPDATE credits_wallet SET last_written_at = '2020-01-01'",
    ),
    Corruption(
        "grant_remaining_is_its_entries",
        "credits moved from one grant to another",
        f"UPDATE credits_grant SET remaining = remaining - 1 WHERE id = {FULL}",
    ),
    Corruption(
        "grant_is_in_bounds",
        "more is left of a grant than was given",
        f"UPDATE credits_grant SET remaining = amount + 1 WHERE id = {FULL}",
        "credits_grant.grant_remaining_within_amount",
    ),
    Corruption(
        "grant_reserved_is_its_open_reservations",
        "something was reserved for nobody",
        f"UPDATE credits_grant SET reserved = reserved + 1 WHERE id = {FULL}",
    ),
    Corruption(
        "grant_is_open_while_it_holds_credits",
        "a grant with credits was closed",
        f"UPDATE credits_grant SET is_open = false WHERE id = {FULL}",
        "credits_grant.grant_is_open_while_it_holds_credits",
    ),
    Corruption(
        "grant_was_given_once",
        "a grant was given by a second operation",
        COPIED_OPERATION.format(kind="grant", key="'twice'", subject="subject"),
    ),
    Corruption(
        "grant_was_given_once",
        "a grant has another source than its operation",
        f"UPDATE credits_grant SET source = 'referral' WHERE id = {FULL}",
    ),
    Corruption(
        "grant_operation_gives_its_whole_grant",
        "a grant became smaller than what was given",
        "UPDATE credits_grant SET amount = amount + 1",
    ),
    Corruption(
        "expiry_is_not_before_its_time",
        "a grant that expired has become one that never does",
        "UPDATE credits_grant SET expires_at = NULL WHERE id IN"
        " (SELECT grant_id FROM credits_entry WHERE kind = 'expiry')",
    ),
    Corruption(
        "grant_is_voided_at_most_whole",
        "more was voided than was given",
        "UPDATE credits_operation SET credits = -1000000 WHERE kind = 'void'",
    ),
    Corruption(
        "grant_belongs_to_a_wallet",
        "a grant was moved to a wallet that is not there",
        f"UPDATE credits_grant SET wallet_id = 0 WHERE id = {EMPTY}",
    ),
    Corruption(
        "grant_expires_after_it_begins",
        "a grant ends before it begins",
        f"UPDATE credits_grant SET expires_at = effective_at WHERE id = {EMPTY}",
        "credits_grant.grant_expires_after_it_begins",
    ),
    Corruption(
        "entry_numbers_have_no_gaps", "an entry was deleted", f"DELETE FROM credits_entry WHERE number = {USAGE}"
    ),
    Corruption(
        "entry_balance_runs",
        "an entry's amount was changed",
        f"UPDATE credits_entry SET amount = amount - 1 WHERE number = {USAGE}",
    ),
    Corruption(
        "entry_balance_runs",
        "a balance after was changed",
        f"UPDATE credits_entry SET balance_after = balance_after + 1 WHERE number = {USAGE}",
    ),
    Corruption(
        "entry_clock_runs_forward",
        "an entry was dated back",
        f"UPDATE credits_entry SET written_at = '2020-01-01' WHERE number = {LAST}",
    ),
    Corruption(
        "entry_belongs_to_a_wallet",
        "an entry was written for no wallet",
        f"INSERT INTO credits_entry (wallet_id, number, operation_id, grant_id, kind, amount, balance_after,"
        f" occurred_at, written_at) SELECT 0, 1, operation_id, grant_id, kind, amount, amount, occurred_at, written_at"
        f" FROM credits_entry WHERE number = {USAGE}",
    ),
    Corruption(
        "entry_belongs_to_an_operation",
        "an operation was deleted",
        f"DELETE FROM credits_operation WHERE {USAGE} BETWEEN first_number AND number",
    ),
    Corruption(
        "entry_belongs_to_an_operation",
        "an entry was given to another operation",
        f"UPDATE credits_entry SET operation_id = (SELECT operation_id FROM credits_entry WHERE number = 1)"
        f" WHERE number = {USAGE}",
    ),
    Corruption(
        "entry_clocks_are_its_operations",
        "a use was moved into another month",
        f"UPDATE credits_entry SET occurred_at = occurred_at - interval '40 days' WHERE number = {USAGE}",
    ),
    Corruption(
        "entry_belongs_to_a_grant_of_its_wallet",
        "a grant was deleted",
        "DELETE FROM credits_grant WHERE id = (SELECT grant_id FROM credits_entry ORDER BY number LIMIT 1)",
    ),
    Corruption(
        "entry_kind_fits_its_sign_and_grant",
        "a usage gives credits",
        f"UPDATE credits_entry SET amount = -amount WHERE number = {USAGE}",
        "credits_entry.entry_kind_fits_its_sign_and_grant",
    ),
    Corruption(
        "entry_kind_fits_its_operation",
        "a usage was made a void",
        f"UPDATE credits_entry SET kind = 'void' WHERE number = {USAGE}",
    ),
    Corruption(
        "spend_is_within_its_grants_validity",
        "expired credits were spent",
        f"UPDATE credits_grant SET effective_at = '2025-01-01', expires_at = '2025-02-01' WHERE id ="
        f" (SELECT grant_id FROM credits_entry WHERE number = {USAGE})",
    ),
    Corruption(
        "spend_is_for_a_feature_that_its_grant_allows",
        "a restricted grant paid for another feature",
        f"UPDATE credits_grant SET features = '{{other}}' WHERE id ="
        f" (SELECT grant_id FROM credits_entry WHERE number = {USAGE})",
    ),
    Corruption(
        "repayments_sum_to_zero",
        "a debt was forgiven without a trace",
        "UPDATE credits_entry SET amount = amount + 1 WHERE kind = 'repayment' AND amount > 0",
    ),
    Corruption(
        "repayments_undone_are_at_most_what_was_repaid",
        "a repayment was undone for a grant that had not made it",
        f"UPDATE credits_entry SET grant_id = {FULL} WHERE kind = 'repayment' AND amount > 0 AND grant_id IS NOT NULL",
    ),
    Corruption(
        "debt_is_never_below_zero",
        "a debt was repaid before it was made",
        "UPDATE credits_entry SET amount = 1 WHERE kind = 'debt'",
        "credits_entry.entry_kind_fits_its_sign_and_grant",
    ),
    Corruption(
        "operation_belongs_to_a_wallet",
        "an operation was moved to a wallet that is not there",
        "UPDATE credits_operation SET wallet_id = 0 WHERE credits = 0",
    ),
    Corruption(
        "operation_numbers_tile_its_wallets",
        "two operations claim one entry",
        "UPDATE credits_operation SET first_number = first_number - 1 WHERE first_number = 4",
    ),
    Corruption(
        "operation_numbers_tile_its_wallets",
        "an operation claims an entry that is not there",
        "UPDATE credits_operation SET number = number + 1 WHERE number = (SELECT max(number) FROM credits_operation)",
    ),
    Corruption(
        "operation_credits_are_its_entries",
        "an operation took more than its entries",
        "UPDATE credits_operation SET credits = credits - 1 WHERE first_number = 5",
    ),
    Corruption(
        "operation_balance_is_its_last_entrys",
        "an operation's balance after was changed",
        "UPDATE credits_operation SET balance_after = balance_after + 1 WHERE first_number = 5",
    ),
    Corruption(
        "operation_key_is_used_once",
        "a request acted twice",
        COPIED_OPERATION.format(kind="usage", key="idempotency_key", subject="subject"),
        "credits_operation.operation_key_is_used_once",
    ),
    Corruption(
        "operation_names_the_grant_that_it_moves",
        "an expiry names another grant",
        f"UPDATE credits_operation SET subject = {FULL} WHERE number = {EXPIRY}",
    ),
    Corruption(
        "operation_has_a_cause",
        "nobody did it",
        "UPDATE credits_operation SET actor_label = '' WHERE kind = 'grant'",
    ),
    Corruption(
        "operation_happened_before_it_was_written",
        "a use was moved into the next month",
        "UPDATE credits_operation SET occurred_at = written_at + interval '1 month' WHERE first_number = 5",
    ),
    Corruption(
        "operation_names_a_source_if_it_grants",
        "a usage came from a source",
        "UPDATE credits_operation SET source = 'card' WHERE first_number = 5",
        "credits_operation.operation_names_a_source_if_it_grants",
    ),
    Corruption(
        "return_names_a_usage_or_void",
        "a return is of nothing",
        "UPDATE credits_operation SET subject = NULL WHERE kind = 'return'",
    ),
    Corruption(
        "returns_are_at_most_what_was_taken",
        "a usage was returned that took less",
        f"UPDATE credits_operation SET subject = (SELECT id FROM credits_operation WHERE number = {USAGE})"
        f" WHERE kind = 'return'",
    ),
    Corruption(
        "reservation_is_settled_by_a_usage",
        "a settled reservation was opened again",
        f"UPDATE credits_reservation SET state = 'open', closed_at = NULL WHERE id = {SETTLED}",
        "credits_reservation.reservation_is_settled_by_an_operation",
    ),
    Corruption(
        "reservation_is_settled_by_a_usage",
        "a reservation was settled by a grant",
        f"UPDATE credits_reservation SET operation_id = (SELECT id FROM credits_operation WHERE number = 1)"
        f" WHERE id = {SETTLED}",
    ),
    Corruption(
        "reservation_is_closed_with_a_time",
        "an open reservation was closed, yet is open",
        f"UPDATE credits_reservation SET closed_at = expires_at WHERE id = {OPEN}",
        "credits_reservation.reservation_is_closed_with_a_time",
    ),
    Corruption(
        "reservation_times_out_in_its_time",
        "a reservation timed out early",
        f"UPDATE credits_reservation SET state = 'timed_out' WHERE id = {RELEASED}",
    ),
    Corruption(
        "reservation_draws_sum_to_its_credits",
        "a draw was deleted",
        f"DELETE FROM credits_reservationdraw WHERE reservation_id = {OPEN}",
    ),
    Corruption(
        "reservation_draws_from_its_wallets_grants",
        "a draw is from no grant",
        f"UPDATE credits_reservationdraw SET grant_id = gen_random_uuid() WHERE reservation_id = {SETTLED}",
    ),
    Corruption(
        "reservation_draws_within_validity",
        "an expired grant was reserved",
        f"UPDATE credits_reservation SET created_at = '2025-01-01' WHERE id = {RELEASED}",
    ),
    Corruption(
        "settlement_of_expired_credits_is_within_the_draw",
        "a settlement took more of an expired grant than it held",
        "UPDATE credits_entry e SET amount = -9 FROM credits_reservation r, credits_grant g"
        " WHERE e.operation_id = r.operation_id AND g.id = e.grant_id AND g.expires_at <= e.written_at",
    ),
    Corruption(
        "reservation_belongs_to_a_wallet",
        "a reservation was moved to a wallet that is not there",
        f"UPDATE credits_reservation SET wallet_id = 0 WHERE id = {RELEASED}",
    ),
    Corruption(
        "reservation_key_is_used_once",
        "a request reserved twice",
        "UPDATE credits_reservation SET idempotency_key = 'the same'",
        "credits_reservation.reservation_key_is_used_once",
    ),
    Corruption(
        "spends_follow_the_burn_down_order",
        "a spend passed over the grant that came first",
        f"UPDATE credits_grant SET priority = 0 WHERE id = {FULL}",
    ),
]


@pytest.fixture
def driver() -> WalletDriver:
    driver = busy_acme()
    # At an hour when an expired grant was settled from what it had reserved.
    driver.grant(10, days=1, priority=0)
    held = driver.reserve(8, seconds=86_400)
    driver.pass_time(days=1, seconds=-1)
    late = driver.reserve(1, seconds=86_400)
    driver.pass_time(seconds=1)
    assert (held.state, late.state) == ("open", "open")
    driver.settle(late, 1)
    driver.reserve(2)
    return driver


def corrupt(corruption: Corruption) -> None:
    """Do it as a superuser could: without triggers and foreign keys, and without the constraint in the way."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if corruption.dropped:
            table, constraint = corruption.dropped.split(".")
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(corruption.sql)
        assert cursor.rowcount, "It must do something, or it proves nothing."
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=str)
def test_it_names(driver: WalletDriver, corruption: Corruption) -> None:
    assert audit.prove_ledger(audit.Scope(now=driver.now)) == []
    corrupt(corruption)
    found = {broken.invariant.name for broken in audit.prove_ledger(audit.Scope(now=driver.now))}
    assert corruption.name in found


def test_every_invariant_is_broken_once() -> None:
    must_hold = {invariant.name for invariant in [*audit.INVARIANTS, audit.ORDER] if not invariant.is_liveness}
    assert must_hold == {corruption.name for corruption in CORRUPTIONS}
