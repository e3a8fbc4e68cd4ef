"""Publishing: what follows from an event is written in the transaction of its cause, then its subscribers act."""

from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from domain_events import registry
from domain_events.declarations import DomainEvent, NoticeDeclaration, P
from domain_events.subscribers import Occurrence, notify
from notices.kinds import Audience
from notices.notices import give_notice
from notices.notices import withdraw as withdraw_notices
from organizations.models import User
from webhooks.events import emit


def publish(
    event: DomainEvent[P],
    payload: P,
    *,
    organization_id: int,
    key: str,
    now: datetime,
    person: User | None = None,
) -> bool:
    """Write the event's notice and emails, its webhook event and deliveries, and call its subscribers.

    Inside the caller's transaction, with the cause. key: names the occasion within the organization, at most 200
    characters; a replay of an occasion writes nothing and calls nobody. person: whom the notice concerns, where its
    audience has one. now: aware. Returns whether it was news.

    Raises RuntimeError outside a transaction; Undeclared, TypeError for a payload of another type and ValueError for a
    person whom the audience has no room for (defects of the caller); and what a subscriber raises.
    """
    if not connection.in_atomic_block:
        message = "An event is published in the transaction of its cause."
        raise RuntimeError(message)
    registry.require(event)
    if type(payload) is not event.payload:
        raise TypeError(f"{event.name} takes {event.payload.__name__}, not {type(payload).__name__}.")
    written = []
    if event.notice is not None and (event.notice.applies is None or event.notice.applies(payload)):
        for user, suffix in _readers(event, event.notice, person):
            details = msgspec.to_builtins(payload)
            given = give_notice(
                organization_id=organization_id, kind=event.name, key=key + suffix, details=details, now=now, user=user
            )
            written.append(given is not None)
    if event.is_webhook:
        data = msgspec.to_builtins(payload)
        emitted = emit(organization_id=organization_id, event_type=event.name, key=key, data=data, now=now)
        written.append(emitted is not None)
    is_news = any(written) or not written
    if is_news:
        notify(Occurrence(event, organization_id, payload, now))
    return is_news


def withdraw(
    event: DomainEvent[Any], *, organization_id: int, now: datetime, key: str = "", about: dict[str, Any] | None = None
) -> int:
    """Dismiss the owners' open notices of an event that no longer apply; return how many. A replay dismisses none.

    key: of that occasion alone. about: of those alone whose payload says all of it.
    """
    return withdraw_notices(organization_id=organization_id, names=[event.name], now=now, key=key, about=about)


def _readers(
    event: DomainEvent[Any], notice: NoticeDeclaration[Any], person: User | None
) -> list[tuple[User | None, str]]:
    """Who gets a notice of their own, None being the owners, each with what makes the key theirs."""
    if notice.audience == Audience.PERSON and person is not None:
        return [(person, "")]
    if notice.audience == Audience.OWNERS_AND_PERSON:
        return [(None, ""), (person, ":user")] if person is not None else [(None, "")]
    if notice.audience == Audience.PERSON or person is not None:
        raise ValueError(f"{event.name} is for {notice.audience.value}.")
    return [(None, "")]
