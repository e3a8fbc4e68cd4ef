"""Organizations for the rollups' benchmark, with everybody and everything that its events name."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from credits.audit import Scope
from credits.audit import prove as prove_all
from credits.ledger import open_wallet
from credits.models import Program, Wallet
from organizations.models import Organization, Team, User
from usage.models import Feature, Rate, Service, UsageRollup
from usage.rollups import audit

ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)


def make_organizations(
    sizes: tuple[int, ...], *, zone: str, users: int, teams: int, features: int, services: int
) -> dict[int, dict[str, Any]]:
    """Make an organization for each number of events; return, by it, what the statement that fills it is told."""
    program = Program.objects.create(key="bench", name="Bench")
    people = User.objects.bulk_create(User(email=f"u{n}@bench.example", name=f"User {n}") for n in range(users))
    offered = Feature.objects.bulk_create(
        Feature(program=program, key=f"f{n}", name=f"Feature {n}", position=n) for n in range(features)
    )
    rate = Rate.objects.create(feature=offered[0], pricing="fixed", credits=1, effective_at=ALWAYS)
    stages = {}
    for events in sizes:
        organization = Organization.objects.create(
            slug=f"o{events}", name=f"{events:,} events", time_zone=zone, country="DE", currency="EUR"
        )
        open_wallet(organization=organization, program=program, now=ALWAYS)
        groups = Team.objects.bulk_create(Team(organization=organization, name=f"Team {n}") for n in range(teams))
        apps = Service.objects.bulk_create(
            Service(organization=organization, key=f"s{n}", name=f"Service {n}", created_at=ALWAYS)
            for n in range(services)
        )
        stages[events] = {
            "organization": organization.pk,
            "zone": zone,
            "zone_info": ZoneInfo(zone),
            "user": people[0].pk,
            "users": users,
            "team": groups[0].pk,
            "teams": teams,
            "service": apps[0].pk,
            "services": services,
            "feature": offered[0].pk,
            "features": features,
            "rate": rate.pk,
        }
    return stages


def prove(organization_ids: list[int]) -> None:
    """Fail unless the auditor finds the sums of the organizations to be their events'."""
    for organization_id in organization_ids:
        rolled_at = UsageRollup.objects.get(pk=organization_id).rolled_at
        scope = Scope(now=rolled_at, wallet_id=Wallet.objects.get(organization_id=organization_id).pk)
        broken = prove_all(audit.invariants(scope), scope)
        if broken:
            raise AssertionError("; ".join(str(item.worst) for item in broken))
