"""The cast: Alice owns Acme, Bob is a member of hers, Charlie is a stranger who owns Globex. Stella is staff."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from organizations.models import Organization, User
from tests.support import factories
from tests.support.servers.webhook_receiver import Receiver, receiving
from webhooks import endpoints
from webhooks.models import WebhookEndpoint

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def alice(db: None) -> User:
    return factories.person("Alice")


@pytest.fixture
def acme(alice: User) -> Organization:
    return factories.organization(alice, slug="acme", name="Acme")


@pytest.fixture
def charlie(db: None) -> User:
    return factories.person("Charlie")


@pytest.fixture
def globex(charlie: User) -> Organization:
    return factories.organization(charlie, slug="globex", name="Globex")


@pytest.fixture
def stella(db: None) -> User:
    return factories.staff("Stella")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def endpoint(acme: Organization, stella: User, receiver: Receiver) -> WebhookEndpoint:
    """Acme's, on loopback, which staff allowed."""
    made, _secret = endpoints.create_endpoint(
        organization=acme, url=receiver.url, allows_private=True, actor=stella, now=NOW
    )
    return made


@pytest.fixture
def public(acme: Organization, alice: User) -> WebhookEndpoint:
    """Acme's, on the internet; never called here."""
    return endpoints.create_endpoint(organization=acme, url="https://acme.example/hooks", actor=alice, now=NOW)[0]
