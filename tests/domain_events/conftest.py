"""An event of the tests' own, which nothing in the product knows; Alice owns Acme, Bob is a member."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import pytest
from msgspec import Meta

from domain_events.declarations import DomainEvent, NoticeDeclaration, Payload, Slug, Words
from domain_events.writer import Writer
from notices.kinds import Audience
from organizations.models import Organization, User
from tests.support import factories
from tests.support.declared import declared

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class CakeServed(Payload, frozen=True, kw_only=True):
    """Cake for everybody."""

    organization: Slug
    pieces: Annotated[int, Meta(description="How many.")]
    served_at: Annotated[datetime, Meta(tz=True, description="When.")]


def cake_words(cake: CakeServed, writer: Writer) -> Words:
    return Words(
        title=f"Cake on {writer.day(cake.served_at)}",
        sentences=[f"{cake.pieces} pieces", "" if cake.pieces else "No cake"],
        link_text="Eat",
        page="dashboard",
    )


SAMPLE = CakeServed(organization="acme", pieces=3, served_at=NOW)
CAKE_SERVED = DomainEvent(
    name="cake.served",
    payload=CakeServed,
    description="Cake was served.",
    sample=SAMPLE,
    is_webhook=True,
    notice=NoticeDeclaration(
        label="Cake",
        words=cake_words,
        audience=Audience.OWNERS_AND_PERSON,
        applies=lambda cake: cake.pieces > 0,
        supersedes=("cake.served",),
        same=("organization",),
    ),
)


@pytest.fixture
def cake() -> Iterator[DomainEvent[CakeServed]]:
    """The event, declared for the test alone."""
    with declared(CAKE_SERVED):
        yield CAKE_SERVED


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
