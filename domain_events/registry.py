"""The events that there are: filled by each app's `ready` with what its nouns declare, read by everything else."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.urls import reverse
from django.utils.translation import get_language

from domain_events.declarations import DomainEvent, NoticeDeclaration, P
from domain_events.writer import Writer
from notices import kinds
from notices.kinds import Kind, Text, Unreadable
from notices.models import Notice
from webhooks import event_types
from webhooks.event_types import EventType

_declared: list[DomainEvent[Any]] = []


class Undeclared(LookupError):
    """The event was published, but no app's `ready` declared it."""


def declare(*events: DomainEvent[Any]) -> None:
    """Make events known, and with them their kinds of notices and types of webhooks. While the apps are loaded.

    What is incomplete is found by the system check, not here.
    """
    for event in events:
        _declared.append(event)
        if event.notice is not None:
            kinds.register(_kind_of(event, event.notice))
        if event.is_webhook:
            event_types.register(
                EventType(name=event.name, description=event.description, payload=event.payload, sample=event.sample)
            )


def every() -> list[DomainEvent[Any]]:
    """Return all declared events, in the order of their declaration."""
    return list(_declared)


def require(event: DomainEvent[Any]) -> None:
    """Raise Undeclared unless the event is declared."""
    if not any(each is event for each in _declared):
        raise Undeclared(f"Declare {event.name} in the `ready` of its app.")


def text_of(notice: NoticeDeclaration[P], payload: P, *, slug: str, writer: Writer) -> Text:
    """Make the words of a notice, and the address of its page within the organization. Raises NoReverseMatch."""
    words = notice.words(payload, writer)
    sentences = [sentence for sentence in words.sentences if sentence]
    return Text(words.title, sentences, words.link_text, reverse(words.page, args=[slug, *words.arguments]))


def _kind_of(event: DomainEvent[P], notice: NoticeDeclaration[P]) -> Kind:
    """What `notices` needs to know: functions of a row, where the declaration has functions of a payload."""

    def text(row: Notice) -> Text:
        organization = row.organization
        writer = Writer(
            language=get_language() or "en",
            zone=ZoneInfo(organization.time_zone),
            is_to_one_person=row.user_id is not None,
        )
        return text_of(notice, _payload_of(event, row), slug=organization.slug, writer=writer)

    def ends_at(row: Notice) -> datetime | None:
        payload = _payload_of(event, row)
        return notice.ends_at(payload, ZoneInfo(row.organization.time_zone)) if notice.ends_at is not None else None

    return Kind(
        name=event.name,
        label=notice.label,
        audience=notice.audience,
        tone=notice.tone,
        is_essential=notice.is_essential,
        supersedes=notice.supersedes,
        same=notice.same,
        text=text,
        ends_at=ends_at,
    )


def _payload_of(event: DomainEvent[P], row: Notice) -> P:
    try:
        return msgspec.convert(row.details, event.payload)
    except msgspec.ValidationError as error:
        raise Unreadable(f"{event.name}: {error}") from error
