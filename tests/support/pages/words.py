"""The words of a notice, made from an event's sample as a reader of Acme would see them."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.utils.translation import get_language

from domain_events import registry
from domain_events.declarations import DomainEvent
from domain_events.writer import Writer
from notices.kinds import Text


def words(event: DomainEvent[Any], *, is_to_one_person: bool = False, **changes: Any) -> Text:
    """The words of the sample, but for the changes, in the active language and on Tokyo's clocks."""
    assert event.notice is not None
    writer = Writer(language=get_language() or "en", zone=ZoneInfo("Asia/Tokyo"), is_to_one_person=is_to_one_person)
    payload = msgspec.structs.replace(event.sample, **changes)
    return registry.text_of(event.notice, payload, slug="acme", writer=writer)
