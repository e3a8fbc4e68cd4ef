"""How an invariant is proved: one statement that returns the rows that break it, all statements in one snapshot.

A statement returns `wallet_id`, `number` (of the entry, or NULL), `what` (in words) and `off` (by how much, to find the
worst). It reads from `wallets`, `grants`, `entries`, `operations`, `reservations` and `draws`: the tables, narrowed to
the wallets in scope. Tables named in full (`credits_grant`) are not narrowed, for rows that refer to other wallets.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited: one wallet or all (None). now: the instant by which delays are judged."""

    now: datetime
    wallet_id: int | None = None

    @property
    def parameters(self) -> dict[str, datetime | int | None]:
        return {"wallet": self.wallet_id, "now": self.now}


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence that must be true, its stable name, and the statement that finds what breaks it.

    is_liveness: it says that something happens in time. Broken, something is late, and no figure is wrong.
    """

    name: str
    sentence: str
    sql: str
    is_liveness: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that breaks an invariant."""

    wallet_id: int | None
    number: int | None
    what: str

    def __str__(self) -> str:
        place = f"wallet {self.wallet_id}" if self.number is None else f"wallet {self.wallet_id}/{self.number}"
        return f"{place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold: how often, where first (by wallet and number) and where worst."""

    invariant: Invariant
    count: int
    first: Finding
    worst: Finding


NARROWED = """
WITH wallets AS NOT MATERIALIZED (
    SELECT * FROM credits_wallet WHERE %(wallet)s::bigint IS NULL OR id = %(wallet)s::bigint
), grants AS NOT MATERIALIZED (
    SELECT * FROM credits_grant WHERE %(wallet)s::bigint IS NULL OR wallet_id = %(wallet)s::bigint
), entries AS NOT MATERIALIZED (
    SELECT * FROM credits_entry WHERE %(wallet)s::bigint IS NULL OR wallet_id = %(wallet)s::bigint
), operations AS NOT MATERIALIZED (
    SELECT * FROM credits_operation WHERE %(wallet)s::bigint IS NULL OR wallet_id = %(wallet)s::bigint
), reservations AS NOT MATERIALIZED (
    SELECT * FROM credits_reservation WHERE %(wallet)s::bigint IS NULL OR wallet_id = %(wallet)s::bigint
), draws AS NOT MATERIALIZED (
    SELECT d.*, r.wallet_id, r.state, r.created_at, r.operation_id
    FROM credits_reservationdraw d LEFT JOIN credits_reservation r ON r.id = d.reservation_id
    WHERE %(wallet)s::bigint IS NULL OR r.wallet_id = %(wallet)s::bigint
)
"""

SUMMARY = """, broken AS MATERIALIZED ({sql})
SELECT count(*),
    (array_agg(ARRAY[wallet_id::text, number::text, what] ORDER BY wallet_id, number))[1:1],
    (array_agg(ARRAY[wallet_id::text, number::text, what] ORDER BY off DESC, wallet_id, number))[1:1]
FROM broken
"""


@contextmanager
def snapshot() -> Iterator[None]:
    """Read the database as it is at one instant, however long that takes; writing is refused.

    Must be the outermost transaction. Statements have no time-out, and more memory than usual for sorting.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET LOCAL work_mem = '128MB'")
        # Rows are hashed as text, which must be the same every night, whatever this database's defaults are.
        cursor.execute("SET LOCAL timezone = 'UTC'")
        cursor.execute("SET LOCAL datestyle = 'ISO, YMD'")
        cursor.execute("SET LOCAL bytea_output = 'hex'")
        yield


def prove(invariants: Iterable[Invariant], scope: Scope) -> list[Broken]:
    """Return the invariants that don't hold, in the order given. One statement each."""
    results = (_prove_one(invariant, scope) for invariant in invariants)
    return [broken for broken in results if broken is not None]


def _prove_one(invariant: Invariant, scope: Scope) -> Broken | None:
    with connection.cursor() as cursor:
        cursor.execute(NARROWED + SUMMARY.format(sql=invariant.sql), scope.parameters)
        count, first, worst = cursor.fetchone()
    if not count:
        return None
    return Broken(invariant, count, _finding(first[0]), _finding(worst[0]))


def _finding(row: Sequence[str | None]) -> Finding:
    wallet_id, number, what = row
    return Finding(
        wallet_id=None if wallet_id is None else int(wallet_id),
        number=None if number is None else int(number),
        what=what or "",
    )
