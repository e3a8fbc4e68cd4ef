"""Types of webhook events: what the rooms above register, so that this room need not know their names or payloads.

A registered type can be chosen for an endpoint, is in the API's document and on the page for developers, and can be
emitted. `domain_events` registers one for every declared event that goes out. Of its own this room has the test alone.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta


class UnknownEventType(LookupError):
    """Nothing of that name is registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A type of event. `description`: when it is sent, in a sentence for developers.

    `payload`: what `data` holds. A field may be added to it; none is taken away or changes its meaning. `sample`: one.
    """

    name: str
    description: str
    payload: type[msgspec.Struct]
    sample: msgspec.Struct


class Test(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sent when somebody requests it."""

    organization: Annotated[str | None, Meta(description="Null for an endpoint of all organizations.")]


# Goes to one endpoint, whatever types that one has chosen.
TEST = EventType(
    name="test",
    description="Somebody requested it, to test an endpoint.",
    payload=Test,
    sample=Test(organization="acme"),
)

_types: dict[str, EventType] = {}


def register(event_type: EventType) -> None:
    """Make a type known. The first of a name stays."""
    _types.setdefault(event_type.name, event_type)


def get(name: str) -> EventType:
    """Return the registered type of that name. Raises UnknownEventType."""
    try:
        return _types[name]
    except KeyError:
        raise UnknownEventType(name) from None


def offered() -> list[EventType]:
    """Return what endpoints can choose from, in the order of registration."""
    return list(_types.values())


def documented() -> list[EventType]:
    """Return what receivers may get: what is offered, then the test."""
    return [*offered(), TEST]
