"""The cast: Alice owns Acme, Bob is a member of hers, Charlie is a stranger who owns Globex. Stella is staff."""

import pytest
from django.core.cache import cache

from organizations.models import Organization, User
from tests.support import factories


@pytest.fixture(autouse=True)
def _no_counted_attempts() -> None:
    """Rate limits count across tests otherwise."""
    cache.clear()


@pytest.fixture
def alice(db: None) -> User:
    return factories.person("Alice")


@pytest.fixture
def acme(alice: User) -> Organization:
    return factories.organization(alice, slug="acme", name="Acme")


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


@pytest.fixture
def stella(db: None) -> User:
    return factories.staff("Stella")
