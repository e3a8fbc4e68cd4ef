"""What the meter looks up before and after the wallets are locked: a fixed number of statements for any number of uses.

Before the lock: who, where, what it costs. After the lock: what may have changed meanwhile and must not be judged by
an older look (AI switches, limits). Statements only; decisions belong in `metering`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sql import arrays
from sql.statements import execute, fetch, pipelined, run
from usage.pricing import Terms
from usage.uses import Use


@dataclass(frozen=True, slots=True)
class Place:
    """An organization as the meter sees it."""

    organization_id: int
    slug: str
    name: str
    wallet_id: int
    program_id: int
    switches_off_at_zero: bool
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Person:
    """A member of an organization, with the team at this moment."""

    user_id: int | None
    team_id: int | None


@dataclass(slots=True)
class Found:
    """What the look-ups found, by the words that the uses named it with."""

    places: dict[str, Place] = field(default_factory=dict)
    people: dict[tuple[str, str], Person] = field(default_factory=dict)
    features: dict[tuple[int, str], int] = field(default_factory=dict)
    rates: dict[int, list[Terms]] = field(default_factory=dict)
    services: dict[tuple[int, str], int] = field(default_factory=dict)


RATE_COLUMNS = """r.id, r.pricing, r.model, r.credits, r.min_credits, r.max_credits, r.input_credits,
    r.output_credits, r.per, r.effective_at"""


def find(uses: Sequence[Use]) -> Found:
    """Look up the organizations, people, features, rates and services that the uses name, in one round trip."""
    slugs = arrays.texts({use.organization for use in uses})
    with pipelined():
        places = execute(
            """
            SELECT o.slug, o.id, o.slug, o.name, w.id, w.program_id, p.at_zero = 'switch_off', o.time_zone
            FROM organizations_organization o
            JOIN credits_wallet w ON w.organization_id = o.id JOIN credits_program p ON p.id = w.program_id
            WHERE o.slug = ANY(%s::text[]) AND o.closed_at IS NULL
            """,
            [slugs],
        )
        # Two look-ups by index rather than one condition with a choice, which would read all users for every use. Each
        # LIMIT 1 keeps the planner from reading a whole table because it was small when it was last counted.
        people = execute(
            """
            SELECT o.slug, n.named, u.id, m.team_id
            FROM unnest(%s::text[], %s::text[]) AS n(slug, named)
            CROSS JOIN LATERAL (SELECT slug, id FROM organizations_organization WHERE slug = n.slug LIMIT 1) o
            CROSS JOIN LATERAL (
                SELECT id FROM organizations_user WHERE email = lower(n.named) AND is_active
                UNION ALL
                SELECT id FROM organizations_user WHERE public_id = n.named AND is_active
            ) u
            CROSS JOIN LATERAL (
                SELECT team_id FROM organizations_membership WHERE organization_id = o.id AND user_id = u.id LIMIT 1
            ) m
            """,
            _columns({(use.organization, use.user) for use in uses if use.user}),
        )
        rates = execute(
            f"""
            SELECT f.program_id, f.key, f.id, {RATE_COLUMNS}
            FROM usage_feature f LEFT JOIN usage_rate r ON r.feature_id = f.id
            WHERE f.key = ANY(%s::text[]) AND f.program_id IN (
                SELECT w.program_id FROM organizations_organization o
                JOIN credits_wallet w ON w.organization_id = o.id WHERE o.slug = ANY(%s::text[]))
            ORDER BY r.effective_at DESC
            """,
            [arrays.texts({use.feature for use in uses}), slugs],
        )
        services = execute(
            """
            SELECT o.id, n.key, s.id FROM unnest(%s::text[], %s::text[]) AS n(slug, key)
            CROSS JOIN LATERAL (SELECT id FROM organizations_organization WHERE slug = n.slug LIMIT 1) o
            CROSS JOIN LATERAL (
                SELECT id FROM usage_service WHERE organization_id = o.id AND key = n.key LIMIT 1
            ) s
            """,
            _columns({(use.organization, use.service) for use in uses}),
        )
    found = Found()
    found.places = {row[0]: Place(*[*row[1:7], ZoneInfo(row[7])]) for row in places.fetchall()}
    found.people = {(row[0], row[1]): Person(row[2], row[3]) for row in people.fetchall()}
    for row in rates.fetchall():
        found.features[row[0], row[1]] = row[2]
        if row[3] is not None:
            found.rates.setdefault(row[2], []).append(Terms(*row[3:]))
    found.services = {(row[0], row[1]): row[2] for row in services.fetchall()}
    return found


def _columns(pairs: Iterable[tuple[str, str]]) -> list[str]:
    ordered = sorted(pairs)
    return [arrays.texts(pair[0] for pair in ordered), arrays.texts(pair[1] for pair in ordered)]


def read_switched_off(organization_ids: Iterable[int]) -> set[tuple[int, str]]:
    """Return the organizations' services in which AI is off. After the lock: switching takes it too."""
    with pipelined():
        off = execute(
            "SELECT organization_id, key FROM usage_service WHERE organization_id = ANY(%s::bigint[]) AND NOT is_ai_on",
            [arrays.numbers(organization_ids)],
        )
    return {(row[0], row[1]) for row in off.fetchall()}


def read_services(organization_ids: Iterable[int]) -> dict[int, set[str]]:
    """Return the keys of all services of the organizations. After the lock: spends bring services into being."""
    rows = fetch(
        "SELECT organization_id, key FROM usage_service WHERE organization_id = ANY(%s::bigint[])",
        [arrays.numbers(organization_ids)],
    )
    keys: dict[int, set[str]] = {}
    for organization_id, key in rows:
        keys.setdefault(organization_id, set()).add(key)
    return keys


def switch_off(organization_ids: Iterable[int], at: datetime) -> None:
    """Switch AI off in all the organizations' services."""
    run(
        """
        UPDATE usage_service SET is_ai_on = false, switched_at = %s
        WHERE organization_id = ANY(%s::bigint[]) AND is_ai_on
        """,
        [at, arrays.numbers(organization_ids)],
    )


def create_services(wanted: Iterable[tuple[int, str]], at: datetime) -> dict[tuple[int, str], int]:
    """Bring services into being that were named for the first time. Under their wallets' locks."""
    pairs = sorted(wanted)
    with pipelined() as sync:
        made = execute(
            """
            INSERT INTO usage_service (organization_id, key, name, is_ai_on, created_at)
            SELECT organization_id, key, key, true, %s FROM unnest(%s::bigint[], %s::text[]) AS n(organization_id, key)
            ON CONFLICT (organization_id, key) DO UPDATE SET key = excluded.key
            RETURNING organization_id, key, id
            """,
            [at, arrays.numbers(pair[0] for pair in pairs), arrays.texts(pair[1] for pair in pairs)],
        )
        sync()
        return {(row[0], row[1]): row[2] for row in made.fetchall()}
