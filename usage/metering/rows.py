"""The meter's statements before and after the wallets are locked: a fixed number of them for any number of uses.

Before the lock: who, where, what it costs. After the lock: what may have changed by then, such as AI switches. No
decision is made here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sql import arrays
from sql.rows import Columns
from sql.statements import execute, fetch, pipelined
from usage.pricing import RateTerms
from usage.uses import Use


class Payer(NamedTuple):
    """An organization as the meter sees it."""

    organization_id: int
    slug: str
    wallet_id: int
    program_id: int
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Person(NamedTuple):
    """A member of an organization, with the team at this moment."""

    user_id: int | None
    team_id: int | None


class NamedPerson(NamedTuple):
    """A member as a use named them, by mail address or public id."""

    slug: str
    named: str
    user_id: int
    team_id: int | None


class NamedService(NamedTuple):
    """A service of an organization."""

    organization_id: int
    key: str
    service_id: int


@dataclass(frozen=True, slots=True)
class FeatureRate(RateTerms):
    """A rate with the feature that it is of; of a feature without rates all that is the rate's is None."""

    program_id: int
    feature: str
    feature_id: int


@dataclass(slots=True)
class Found:
    """What was found, by the words that the uses named it with."""

    payers: dict[str, Payer] = field(default_factory=dict)
    people: dict[tuple[str, str], Person] = field(default_factory=dict)
    features: dict[tuple[int, str], int] = field(default_factory=dict)
    rates: dict[int, list[FeatureRate]] = field(default_factory=dict)
    services: dict[tuple[int, str], int] = field(default_factory=dict)


PAYER = Columns(
    Payer,
    organization_id="o.id",
    slug="o.slug",
    wallet_id="w.id",
    program_id="w.program_id",
    time_zone="o.time_zone",
)
READ_PAYERS = f"""
    SELECT {PAYER} FROM organizations_organization o
    JOIN credits_wallet w ON w.organization_id = o.id
    WHERE o.slug = ANY(%s::text[]) AND o.closed_at IS NULL
"""
PERSON = Columns(NamedPerson, slug="o.slug", named="n.named", user_id="u.id", team_id="m.team_id")
# Two look-ups by index rather than one condition with a choice, which would read all users for every use. Each LIMIT 1
# keeps the planner from reading a whole table because it was small when it was last counted.
READ_PEOPLE = f"""
    SELECT {PERSON} FROM unnest(%s::text[], %s::text[]) AS n(slug, named)
    CROSS JOIN LATERAL (SELECT slug, id FROM organizations_organization WHERE slug = n.slug LIMIT 1) o
    CROSS JOIN LATERAL (
        SELECT id FROM organizations_user WHERE email = lower(n.named) AND is_active
        UNION ALL
        SELECT id FROM organizations_user WHERE public_id = n.named AND is_active
    ) u
    CROSS JOIN LATERAL (
        SELECT team_id FROM organizations_membership WHERE organization_id = o.id AND user_id = u.id LIMIT 1
    ) m
"""
RATE = Columns(FeatureRate, "r", rate_id="r.id", program_id="f.program_id", feature="f.key", feature_id="f.id")
READ_RATES = f"""
    SELECT {RATE} FROM usage_feature f LEFT JOIN usage_rate r ON r.feature_id = f.id
    WHERE f.key = ANY(%s::text[]) AND f.program_id IN (
        SELECT w.program_id FROM organizations_organization o
        JOIN credits_wallet w ON w.organization_id = o.id WHERE o.slug = ANY(%s::text[]))
    ORDER BY r.effective_at DESC
"""
SERVICE = Columns(NamedService, organization_id="o.id", key="n.key", service_id="s.id")
READ_SERVICES = f"""
    SELECT {SERVICE} FROM unnest(%s::text[], %s::text[]) AS n(slug, key)
    CROSS JOIN LATERAL (SELECT id FROM organizations_organization WHERE slug = n.slug LIMIT 1) o
    CROSS JOIN LATERAL (
        SELECT id FROM usage_service WHERE organization_id = o.id AND key = n.key LIMIT 1
    ) s
"""


def find(uses: Sequence[Use]) -> Found:
    """Look up the organizations, people, features, rates and services that the uses name, in one round trip."""
    slugs = arrays.texts({use.organization for use in uses})
    people_named = {(use.organization, use.user) for use in uses if use.user}
    services_named = {(use.organization, use.service) for use in uses}
    with pipelined():
        payers = execute(READ_PAYERS, [slugs])
        people = execute(READ_PEOPLE, _arrays(people_named))
        rates = execute(READ_RATES, [arrays.texts({use.feature for use in uses}), slugs])
        services = execute(READ_SERVICES, _arrays(services_named))
    found = Found()
    found.payers = {payer.slug: payer for payer in PAYER.rows(payers)}
    found.people = {(each.slug, each.named): Person(each.user_id, each.team_id) for each in PERSON.rows(people)}
    for rate in RATE.rows(rates):
        found.features[rate.program_id, rate.feature] = rate.feature_id
        if rate.rate_id is not None:
            found.rates.setdefault(rate.feature_id, []).append(rate)
    found.services = _by_key(SERVICE.rows(services))
    return found


def _arrays(pairs: Iterable[tuple[str, str]]) -> list[str]:
    ordered = sorted(pairs)
    return [arrays.texts(first for first, _ in ordered), arrays.texts(second for _, second in ordered)]


def _by_key(services: Iterable[NamedService]) -> dict[tuple[int, str], int]:
    return {(service.organization_id, service.key): service.service_id for service in services}


def read_switched_off(organization_ids: Iterable[int]) -> set[tuple[int, str]]:
    """Return the organizations' services in which AI is off. Under the lock, which switching takes too."""
    with pipelined():
        off = execute(
            "SELECT organization_id, key FROM usage_service WHERE organization_id = ANY(%s::bigint[]) AND NOT is_ai_on",
            [arrays.numbers(organization_ids)],
        )
    return {(organization_id, key) for organization_id, key in off.fetchall()}


def read_services(organization_ids: Iterable[int]) -> dict[int, set[str]]:
    """Return the keys of all services of the organizations. Under the lock, under which spends create them."""
    rows = fetch(
        "SELECT organization_id, key FROM usage_service WHERE organization_id = ANY(%s::bigint[])",
        [arrays.numbers(organization_ids)],
    )
    keys: dict[int, set[str]] = {}
    for organization_id, key in rows:
        keys.setdefault(organization_id, set()).add(key)
    return keys


CREATED = Columns(NamedService, service_id="id")
CREATE_SERVICES = f"""
    INSERT INTO usage_service (organization_id, key, name, is_ai_on, created_at)
    SELECT organization_id, key, key, true, %s FROM unnest(%s::bigint[], %s::text[]) AS n(organization_id, key)
    ON CONFLICT (organization_id, key) DO UPDATE SET key = excluded.key
    RETURNING {CREATED}
"""


def create_services(wanted: Iterable[tuple[int, str]], at: datetime) -> dict[tuple[int, str], int]:
    """Create services that are named for the first time. Under their wallets' locks."""
    pairs = sorted(wanted)
    organizations, keys = (organization_id for organization_id, _ in pairs), (key for _, key in pairs)
    with pipelined() as sync:
        made = execute(CREATE_SERVICES, [at, arrays.numbers(organizations), arrays.texts(keys)])
        sync()
        return _by_key(CREATED.rows(made))
