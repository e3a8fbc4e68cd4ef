"""Sealing what an audit proved, so that the next one sees whether the past was changed in between.

A segment is a hash over a stretch of a wallet's entries, the operations that wrote them, the terms of the grants that
these gave, and what other apps keep of them (`ExtraColumns`). A seal is a hash over the segments of all wallets and the
seal before it. The database's owner can forge all of this, but not the hash that was printed and is kept elsewhere. An
operation that moved nothing is sealed with the entry that follows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from credits.audit.proof import Invariant

# The columns that are sealed: all that never change. A column that is added to a table later must not be added here, or
# every seal made before would count as broken.
ENTRY = "number, operation_id, grant_id, kind, amount, balance_after, occurred_at, written_at"
OPERATION = """o.id, o.kind, o.source, o.idempotency_key, o.content_hash, o.credits, o.first_number, o.number,
    o.balance_after, o.available_after, o.occurred_at, o.written_at, o.actor_id, o.actor_label, o.feature, o.resource,
    o.memo, o.subject"""
GRANT = """g.id, g.wallet_id, g.source, g.amount, g.priority, g.effective_at, g.expires_at, g.cost_minor,
    g.cost_currency, g.features, g.created_at"""

# No segment is longer, so that the hashes of its rows fit into memory, whatever a wallet did since the last seal.
LONGEST = 100_000

# A row is hashed as PostgreSQL writes it, which is unambiguous; `audit.snapshot` sets how it writes times.
HASH_SEGMENTS = """
    SELECT s.wallet_id, s.from_number, s.to_number,
        sha256(s.wallet_id::text::bytea || sha256(coalesce(e.hashes, '')) || sha256(coalesce(o.hashes, ''))) AS hash
    FROM segments s
    LEFT JOIN LATERAL (
        SELECT string_agg(sha256(convert_to(ROW({entry})::text, 'UTF8')), '' ORDER BY number) AS hashes
        FROM credits_entry WHERE wallet_id = s.wallet_id AND number BETWEEN s.from_number AND s.to_number
    ) e ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(
            sha256(convert_to(ROW({operation}, {grant}{columns})::text, 'UTF8')), '' ORDER BY o.first_number, o.id
        ) AS hashes
        FROM credits_operation o LEFT JOIN credits_grant g ON o.kind = 'grant' AND g.id = o.subject {joins}
        WHERE o.wallet_id = s.wallet_id AND o.number BETWEEN s.from_number - 1 AND s.to_number
            AND o.first_number BETWEEN s.from_number AND s.to_number
    ) o ON true
"""
UNSEALED = """
    WITH segments AS MATERIALIZED (
        SELECT w.id AS wallet_id, n AS from_number, least(n + {longest} - 1, w.last_number) AS to_number
        FROM credits_wallet w
        LEFT JOIN (SELECT wallet_id, max(to_number) AS number FROM credits_sealedsegment GROUP BY wallet_id) d
            ON d.wallet_id = w.id
        CROSS JOIN LATERAL generate_series(coalesce(d.number, 0) + 1, w.last_number, {longest}) n
    )
    {hashed} ORDER BY s.wallet_id, s.from_number
"""
# Of the relation `lines` (wallet_id, from_number, to_number, hash) of one seal.
HASH_SEAL = """
    sha256(convert_to(format('seal %%s at %%s after %%s', {number}, (extract(epoch FROM {sealed_at}) * 1000000)::bigint,
        encode({previous_hash}, 'hex')), 'UTF8') || coalesce((
            SELECT string_agg(convert_to(format(E'\\n%%s %%s %%s ', l.wallet_id, l.from_number, l.to_number), 'UTF8')
                || l.hash, '' ORDER BY l.wallet_id, l.from_number)
            FROM {lines} l {where}
        ), ''))
"""
FIRST = bytes(32)


@dataclass(frozen=True, slots=True)
class ExtraColumns:
    """What another app keeps of an operation `o` and never changes: the SQL that joins its table, and the columns."""

    join: str
    columns: str


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What no seal covers yet, as (wallet, from number, to number, hash). after: the last seal's number (0: none)."""

    after: int
    segments: list[tuple[int, int, int, bytes]]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal that was made. hash: in hexadecimal, to be kept elsewhere."""

    number: int
    hash: str
    segments: int


class SealedMeanwhile(Exception):
    """Another audit made a seal while this one was reading. Nothing was written: audit again."""


def read_unsealed(extra: Sequence[ExtraColumns]) -> Unsealed:
    """Return what no seal covers yet in the caller's snapshot. Writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(number), 0) FROM credits_auditseal")
        after = cursor.fetchone()[0]
        cursor.execute(UNSEALED.format(longest=LONGEST, hashed=_hash_segments(extra)))
        return Unsealed(
            after, [(wallet, start, end, bytes(digest)) for wallet, start, end, digest in cursor.fetchall()]
        )


def seal(unsealed: Unsealed, *, now: datetime) -> Sealed:
    """Write a seal over what an audit read and found in order, also if nothing is new.

    Raises SealedMeanwhile. In a transaction of its own, or in the caller's.
    """
    wallets, starts, ends, hashes = zip(*unsealed.segments, strict=True) if unsealed.segments else ((), (), (), ())
    lines = "unnest(%(wallets)s::bigint[], %(starts)s::bigint[], %(ends)s::bigint[], %(hashes)s::bytea[])"
    rows = f"(SELECT * FROM {lines} AS x(wallet_id, from_number, to_number, hash))"
    hashed = HASH_SEAL.format(
        number="%(number)s",
        sealed_at="%(now)s::timestamptz",
        previous_hash="%(previous)s::bytea",
        lines=rows,
        where="",
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE credits_auditseal IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("SELECT number, hash FROM credits_auditseal ORDER BY number DESC LIMIT 1")
        last, previous = cursor.fetchone() or (0, FIRST)
        if last != unsealed.after:
            raise SealedMeanwhile
        parameters = {"number": last + 1, "now": now, "previous": bytes(previous)}
        parameters |= {"wallets": list(wallets), "starts": list(starts), "ends": list(ends), "hashes": list(hashes)}
        cursor.execute(
            f"""
            INSERT INTO credits_auditseal (number, sealed_at, previous_hash, hash)
            SELECT %(number)s, %(now)s, %(previous)s, {hashed} RETURNING encode(hash, 'hex')
            """,
            parameters,
        )
        (made,) = cursor.fetchone()
        cursor.execute(
            f"""
            INSERT INTO credits_sealedsegment (seal_id, wallet_id, from_number, to_number, hash)
            SELECT %(number)s, wallet_id, from_number, to_number, hash FROM {rows} r
            """,
            parameters,
        )
    return Sealed(last + 1, made, len(unsealed.segments))


def is_sealed(hash_in_hex: str) -> bool:
    """Return whether a seal has this hash, which was printed and kept elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM credits_auditseal WHERE encode(hash, 'hex') = %s)", [hash_in_hex])
        return bool(cursor.fetchone()[0])


def seal_invariants(extra: Sequence[ExtraColumns]) -> list[Invariant]:
    """Return what must be true of seals. extra: as when the seals were made."""
    return [
        Invariant(
            "sealed_past_is_unchanged",
            "What an earlier audit sealed of a wallet is what is there now.",
            f"""
            SELECT c.wallet_id, c.from_number AS number,
                format('entries %%s to %%s are not what seal %%s sealed', c.from_number, c.to_number, d.seal_id)
                    AS what,
                c.to_number - c.from_number + 1 AS off
            FROM ({_hash_segments(extra).replace("FROM segments s", f"FROM ({IN_SCOPE}) s")}) c
            JOIN credits_sealedsegment d ON d.wallet_id = c.wallet_id AND d.from_number = c.from_number
            WHERE c.hash <> d.hash
            """,
        ),
        *CHAIN,
    ]


def _hash_segments(extra: Sequence[ExtraColumns]) -> str:
    columns = "".join(f", {part.columns}" for part in extra)
    joins = " ".join(part.join for part in extra)
    return HASH_SEGMENTS.format(entry=ENTRY, operation=OPERATION, grant=GRANT, columns=columns, joins=joins)


IN_SCOPE = """
    SELECT wallet_id, from_number, to_number FROM credits_sealedsegment
    WHERE %(wallet)s::bigint IS NULL OR wallet_id = %(wallet)s::bigint
"""

CHAIN = [
    Invariant(
        "ledger_is_not_shorter_than_sealed",
        "No wallet has fewer entries than an earlier audit counted.",
        f"""
        SELECT s.wallet_id, max(s.to_number) AS number,
            format('sealed to %%s, its last number is %%s', max(s.to_number), coalesce(w.last_number::text, 'gone'))
                AS what,
            max(s.to_number) - coalesce(w.last_number, 0) AS off
        FROM ({IN_SCOPE}) s LEFT JOIN credits_wallet w ON w.id = s.wallet_id
        GROUP BY s.wallet_id, w.last_number HAVING max(s.to_number) > coalesce(w.last_number, 0)
        """,
    ),
    Invariant(
        "sealed_segments_have_no_gaps",
        "A wallet's sealed segments follow one another from its first entry on.",
        f"""
        SELECT wallet_id, from_number AS number, format('follows %%s', before) AS what,
            abs(from_number - before - 1) AS off
        FROM (
            SELECT s.*, lag(to_number, 1, 0::bigint) OVER (PARTITION BY wallet_id ORDER BY from_number) AS before
            FROM ({IN_SCOPE}) s
        ) s WHERE from_number <> before + 1
        """,
    ),
    Invariant(
        "seal_is_its_segments",
        "A seal's hash is that of its segments and of the seal before it.",
        f"""
        SELECT NULL::bigint AS wallet_id, NULL::bigint AS number, format('seal %%s', s.number) AS what, 1 AS off
        FROM credits_auditseal s WHERE s.hash <> {
            HASH_SEAL.format(
                number="s.number",
                sealed_at="s.sealed_at",
                previous_hash="s.previous_hash",
                lines="credits_sealedsegment",
                where="WHERE l.seal_id = s.number",
            )
        }
        """,
    ),
    Invariant(
        "seals_are_a_chain",
        "Seals are numbered 1, 2, 3… without a gap, each names the one before it, and each segment has its seal.",
        """
        SELECT NULL::bigint AS wallet_id, NULL::bigint AS number, format('seal %%s', s.number) AS what, 1 AS off
        FROM (
            SELECT number, previous_hash, lag(number, 1, 0::bigint) OVER w AS before,
                lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER w AS hash_before
            FROM credits_auditseal WINDOW w AS (ORDER BY number)
        ) s WHERE s.number <> s.before + 1 OR s.previous_hash <> s.hash_before
        UNION ALL
        SELECT DISTINCT NULL::bigint, NULL::bigint, format('seal %%s is gone', d.seal_id), 1
        FROM credits_sealedsegment d LEFT JOIN credits_auditseal s ON s.number = d.seal_id WHERE s.number IS NULL
        """,
    ),
]
