"""Acting on events of the rooms below: the one mechanism by which facts go up.

A handler runs in the transaction of the cause and under its locks, so what it does is there with the cause or not at
all, and an error of it undoes both. Work that can wait is nudged from it, to begin after the commit.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

from domain_events.declarations import DomainEvent, P


@dataclass(frozen=True, slots=True)
class Occurrence(Generic[P]):
    """An event that has just happened in an organization."""

    event: DomainEvent[P]
    organization_id: int
    payload: P
    happened_at: datetime


_handlers: defaultdict[str, list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(event: DomainEvent[P], handler: Callable[[Occurrence[P]], None]) -> None:
    """Have `handler` called whenever the event is published. From an app's `ready`; the same handler again is one."""
    if handler not in _handlers[event.name]:
        _handlers[event.name].append(handler)


def notify(occurrence: Occurrence[Any]) -> None:
    """Call the handlers of an event, in the order in which they subscribed."""
    for handler in _handlers.get(occurrence.event.name, ()):
        handler(occurrence)
