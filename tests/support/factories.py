"""Small makers of the rows that tests are about. Each makes one thing, through the domain where there is a verb."""

from datetime import UTC, datetime
from typing import Any

from credits import ledger
from credits.models import Program, Wallet
from organizations.accounts.people import create_person, give_totp
from organizations.members.membership import add_member, create_organization
from organizations.members.teams import create_team
from organizations.models import Membership, Organization, Role, Team, User

PASSWORD = "correct horse battery"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

# The instant at which wallets are opened; tests go on from here.
OPENED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def person(name: str = "Alice", **fields: Any) -> User:
    """Someone who can sign in as name@example.com, with PASSWORD."""
    return create_person(email=f"{name.lower()}@example.com", password=PASSWORD, name=name, **fields)


def staff(name: str = "Stella") -> User:
    """Someone of the staff, with every permission and a code generator on TOTP_SECRET."""
    user = create_person(email=f"{name.lower()}@desk.example", password=PASSWORD, name=name, is_staff=True)
    give_totp(user, TOTP_SECRET)
    return user


def organization(owner: User | None = None, *, slug: str = "acme", **fields: Any) -> Organization:
    """An organization in Japan, buying in yen, on UTC; its owner is Alice unless someone else is given."""
    terms = {"name": slug.title(), "country": "JP", "currency": "JPY", **fields}
    return create_organization(slug=slug, owner=owner or person(), **terms)


def member(organization: Organization, user: User, *, role: str = Role.MEMBER, team: Team | None = None) -> Membership:
    """Make someone a member of an organization."""
    return add_member(organization=organization, user=user, role=role, team=team)


def team(organization: Organization, name: str = "Research") -> Team:
    """An open team of an organization."""
    return create_team(organization=organization, name=name, actor=None)


def program(key: str = "basic", **terms: Any) -> Program:
    """Terms of sale: whole credits that never expire, no overdraft, unless said otherwise."""
    return Program.objects.create(**{"key": key, "name": key.title(), **terms})


def wallet(organization: Organization, program: Program, *, now: datetime = OPENED_AT) -> Wallet:
    """An organization's empty wallet under a program."""
    return ledger.open_wallet(organization=organization, program=program, now=now)
