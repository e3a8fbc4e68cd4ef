"""The cast: Alice owns Acme, Bob is a member of hers, Charlie is a stranger who owns Globex."""

import pytest

from organizations.models import Organization, User
from tests.support import factories


@pytest.fixture
def alice(db: None) -> User:
    return factories.person("Alice")


@pytest.fixture
def acme(alice: User) -> Organization:
    return factories.organization(alice, slug="acme", name="Acme", time_zone="Asia/Tokyo")


@pytest.fixture
def bob(acme: Organization) -> User:
    user = factories.person("Bob")
    factories.member(acme, user)
    return user


@pytest.fixture
def charlie(db: None) -> User:
    user = factories.person("Charlie")
    factories.organization(user, slug="globex", name="Globex")
    return user
