"""Events that a test declares, and nobody after it knows of."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from domain_events import registry, subscribers
from domain_events.declarations import DomainEvent
from notices import kinds
from webhooks import event_types


@contextmanager
def declared(*events: DomainEvent[Any]) -> Iterator[None]:
    """Declare events for the block; who subscribes within it is forgotten too."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(registry, "_declared", list(registry._declared)))
        for table in (kinds._kinds, event_types._types, subscribers._handlers):
            stack.enter_context(mock.patch.dict(table))
        registry.declare(*events)
        yield
