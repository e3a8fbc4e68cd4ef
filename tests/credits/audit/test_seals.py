"""Seals: an audit that found all in order is remembered, and whoever changes the past afterwards is named."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from django.db import connection

from credits import audit
from credits.audit import seals
from credits.models import AuditSeal, SealedSegment
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver, busy
from tests.support.database import built_once

pytestmark = pytest.mark.django_db

PAST = "sealed_past_is_unchanged"
USAGE = "(SELECT min(number) FROM credits_entry WHERE kind = 'usage')"
FIRST_WALLET = "(SELECT min(id) FROM credits_wallet)"
LATEST_WALLET = "(SELECT max(id) FROM credits_wallet)"
# A seal's hash as it would be made over the segments as they are now.
REMADE = seals.HASH_SEAL.format(
    number="s.number",
    sealed_at="s.sealed_at",
    previous_hash="s.previous_hash",
    lines="credits_sealedsegment",
    where="WHERE l.seal_id = s.number",
).replace("%%", "%")


@dataclass(frozen=True)
class Tampering:
    """What somebody did to what was sealed, and the invariants that say so."""

    done: str
    sql: str
    names: frozenset[str]

    def __str__(self) -> str:
        return self.done


def tampering(done: str, sql: str, *names: str) -> Tampering:
    return Tampering(done, sql, frozenset(names))


TAMPERINGS = [
    # What the other invariants can't see, because it fits together.
    tampering("a memo was rewritten", "UPDATE credits_operation SET memo = 'as agreed' WHERE kind = 'void'", PAST),
    tampering(
        "a use was blamed on another feature",
        f"UPDATE credits_operation SET feature = 'other' WHERE {USAGE} BETWEEN first_number AND number",
        PAST,
    ),
    tampering(
        "a use was moved into another month, with its entries",
        f"WITH o AS (UPDATE credits_operation SET occurred_at = occurred_at - interval '40 days'"
        f" WHERE {USAGE} BETWEEN first_number AND number RETURNING id)"
        f" UPDATE credits_entry SET occurred_at = occurred_at - interval '40 days' FROM o WHERE operation_id = o.id",
        PAST,
    ),
    tampering("a grant was made dearer", "UPDATE credits_grant SET cost_minor = 100, cost_currency = 'EUR'", PAST),
    tampering(
        "a grant was made to last",
        "UPDATE credits_grant SET expires_at = '2999-01-01' WHERE expires_at IS NOT NULL",
        PAST,
    ),
    tampering("an answer was changed", "UPDATE credits_operation SET available_after = available_after + 1", PAST),
    tampering("an entry was changed", f"UPDATE credits_entry SET amount = amount - 1 WHERE number = {USAGE}", PAST),
    tampering("an entry was removed", f"DELETE FROM credits_entry WHERE number = {USAGE}", PAST),
    tampering("an operation that moved nothing was removed", "DELETE FROM credits_operation WHERE credits = 0", PAST),
    tampering(
        "an operation was slipped in",
        f"INSERT INTO credits_operation SELECT * FROM json_populate_record(NULL::credits_operation, (SELECT"
        f' (to_jsonb(o) || \'{{"id": "00000000-0000-0000-0000-000000000001", "idempotency_key": "late"}}\')::json'
        f" FROM credits_operation o WHERE {USAGE} BETWEEN first_number AND number LIMIT 1))",
        PAST,
    ),
    tampering(
        "the end was cut off, and the wallet set back",
        f"WITH e AS (DELETE FROM credits_entry WHERE number > 3 AND wallet_id = {LATEST_WALLET})"
        f" UPDATE credits_wallet SET last_number = 3 WHERE id = {LATEST_WALLET}",
        PAST,
        "ledger_is_not_shorter_than_sealed",
    ),
    tampering(
        "a wallet was removed",
        f"WITH e AS (DELETE FROM credits_entry WHERE wallet_id = {LATEST_WALLET}),"
        f" o AS (DELETE FROM credits_operation WHERE wallet_id = {LATEST_WALLET})"
        f" DELETE FROM credits_wallet WHERE id = {LATEST_WALLET}",
        PAST,
        "ledger_is_not_shorter_than_sealed",
    ),
    # And what is done to the seals themselves.
    tampering(
        "a segment's hash was changed",
        f"UPDATE credits_sealedsegment SET hash = sha256('') WHERE wallet_id = {LATEST_WALLET}",
        PAST,
        "seal_is_its_segments",
    ),
    tampering(
        "a segment was removed",
        f"DELETE FROM credits_sealedsegment WHERE from_number = 1 AND wallet_id = {FIRST_WALLET}",
        "seal_is_its_segments",
        "sealed_segments_have_no_gaps",
    ),
    tampering(
        "a segment was removed and its seal remade",
        f"WITH d AS (DELETE FROM credits_sealedsegment WHERE from_number = 1 AND wallet_id = {FIRST_WALLET}"
        f" RETURNING *), l AS (SELECT * FROM credits_sealedsegment EXCEPT SELECT * FROM d)"
        f" UPDATE credits_auditseal s SET hash = "
        + REMADE.replace("FROM credits_sealedsegment l", "FROM l AS l")
        + "WHERE s.number = 1",
        "sealed_segments_have_no_gaps",
        "seals_are_a_chain",
    ),
    tampering("a seal was dated back", "UPDATE credits_auditseal SET sealed_at = '2020-01-01'", "seal_is_its_segments"),
    tampering("a seal was removed", "DELETE FROM credits_auditseal WHERE number = 2", "seals_are_a_chain"),
    tampering(
        "the first seal was removed with its segments",
        "WITH d AS (DELETE FROM credits_sealedsegment WHERE seal_id = 1)"
        " DELETE FROM credits_auditseal WHERE number = 1",
        "seals_are_a_chain",
        "sealed_segments_have_no_gaps",
    ),
]


def seal(driver: WalletDriver, extra: Sequence[audit.ExtraColumns] = ()) -> audit.Sealed:
    return audit.seal(audit.read_unsealed(extra), now=driver.now)


def broken(driver: WalletDriver, *, wallet_id: int | None = None) -> dict[str, audit.Broken]:
    found = audit.prove(audit.seal_invariants([]), audit.Scope(now=driver.now, wallet_id=wallet_id))
    return {item.invariant.name: item for item in found}


def tamper(sql: str) -> None:
    """Do it as a superuser could, past triggers and foreign keys."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        assert cursor.rowcount, "It must do something, or it proves nothing."
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.fixture
@built_once
def driver() -> WalletDriver:
    """Two busy wallets, three seals: of both, of the use that one made since, and of nothing new."""
    program = factories.program(overdraft_limit=200)
    driver = busy(factories.organization(), program)
    busy(factories.organization(factories.person("Charlie"), slug="globex"), program)
    seal(driver)
    driver.spend(1)
    seal(driver)
    seal(driver)
    return driver


def test_what_was_sealed_is_found_unchanged_whatever_is_added(driver: WalletDriver) -> None:
    assert broken(driver) == {}
    for _ in range(3):
        driver.spend(0)
        driver.spend(1)
        assert broken(driver) == {}
        seal(driver)
        assert broken(driver) == {}
    assert SealedSegment.objects.filter(wallet=driver.wallet).count() == 5
    assert AuditSeal.objects.count() == 6


@pytest.mark.parametrize("done", TAMPERINGS, ids=str)
def test_it_names(driver: WalletDriver, done: Tampering) -> None:
    tamper(done.sql)
    assert set(broken(driver)) == done.names


def test_every_invariant_of_seals_is_broken_once() -> None:
    assert {name for done in TAMPERINGS for name in done.names} == {i.name for i in audit.seal_invariants([])}


def test_it_says_which_wallet_which_entries_and_which_seal(driver: WalletDriver) -> None:
    driver.spend(2)
    tamper(f"UPDATE credits_operation SET memo = 'x' WHERE wallet_id = {driver.wallet.pk} AND kind = 'void'")
    first = SealedSegment.objects.get(wallet=driver.wallet, from_number=1)
    assert str(broken(driver)[PAST].first) == (
        f"wallet {driver.wallet.pk}/1: entries 1 to {first.to_number} are not what seal 1 sealed"
    )
    other = driver.wallet.pk + 1
    assert broken(driver, wallet_id=other) == {}
    assert set(broken(driver, wallet_id=driver.wallet.pk)) == {PAST}


def test_every_column_that_never_changes_is_sealed() -> None:
    """Of the tables' columns only these may change, or say which wallet it is; a new one must be thought about."""
    lines = {"credits_entry": seals.ENTRY, "credits_operation": seals.OPERATION, "credits_grant": seals.GRANT}
    left_out = {
        "credits_entry": {"wallet_id"},
        "credits_operation": {"wallet_id"},
        "credits_grant": {"remaining", "reserved", "frozen_at", "is_open"},
    }
    for table, line in lines.items():
        sealed = {column.split(".")[-1].strip() for column in line.split(",")}
        with connection.cursor() as cursor:
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
            assert {name for (name,) in cursor.fetchall()} == sealed | left_out[table]


def test_a_long_past_is_sealed_in_pieces(driver: WalletDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "LONGEST", 2)
    for _ in range(5):
        driver.spend(1)
    pieces = audit.read_unsealed([]).segments
    assert [piece[2] - piece[1] + 1 for piece in pieces] == [2, 2, 1]
    seal(driver)
    assert broken(driver) == {}


def test_two_audits_at_once_make_one_seal(driver: WalletDriver) -> None:
    first, second = audit.read_unsealed([]), audit.read_unsealed([])
    audit.seal(first, now=driver.now)
    with pytest.raises(audit.SealedMeanwhile):
        audit.seal(second, now=driver.now)
    assert AuditSeal.objects.count() == 4


def test_the_hash_that_was_kept_shows_that_all_seals_were_remade(driver: WalletDriver) -> None:
    kept = [bytes(seal.hash).hex() for seal in AuditSeal.objects.all()]
    assert all(audit.is_sealed(hash_in_hex) for hash_in_hex in kept)
    tamper("UPDATE credits_operation SET memo = 'as agreed' WHERE kind = 'void'")
    tamper("WITH d AS (DELETE FROM credits_sealedsegment) DELETE FROM credits_auditseal")
    seal(driver)
    assert broken(driver) == {}, "who owns the database can do this"
    assert not any(audit.is_sealed(hash_in_hex) for hash_in_hex in kept)
