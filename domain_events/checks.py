"""The system check of declarations: it names each that is incomplete, before anybody gets half a notice.

It stops `check`, `migrate` and the tests. What it can't see is what words make of other payloads than the sample.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.core.checks import CheckMessage, Error, register
from django.urls import NoReverseMatch
from django.utils.translation import override

from domain_events import registry
from domain_events.declarations import DomainEvent, NoticeDeclaration
from domain_events.writer import Writer
from notices.models import LONGEST_KIND
from webhooks.models import LONGEST_TYPE

NAME = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
LONGEST_NAME = min(LONGEST_KIND, LONGEST_TYPE)
SENTENCE = re.compile(r"[A-Z][^\n]*\.")

Event = DomainEvent[Any]
Notice = NoticeDeclaration[Any]


@register()
def declarations_are_complete(**_options: Any) -> list[CheckMessage]:
    """Every declared event can be published, documented and put into words."""
    return [*problems(registry.every())]


def problems(events: Sequence[Event]) -> list[Error]:
    """Return what is missing or wrong in declarations that belong together."""
    found = []
    for event in events:
        for number, sentence in _problems_of(event, events):
            found.append(Error(f"The domain event {event.name!r}: {sentence}", id=f"domain_events.E{number:03}"))
    return found


def _problems_of(event: Event, events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    yield from _of_the_name(event, events)
    if not SENTENCE.fullmatch(event.description):
        yield 4, "its description must be a sentence."
    payload: Any = event.payload
    if not (isinstance(payload, type) and issubclass(payload, msgspec.Struct)):
        yield 5, "its payload must be a msgspec.Struct."
    elif not _is_sample(event):
        yield 6, "its sample must be a payload that reads the same once it is written."
    else:
        if event.is_webhook:
            yield from _of_the_webhook(event, events)
        if event.notice is not None:
            yield from _of_the_notice(event, event.notice, events)


def _of_the_name(event: Event, events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    if not NAME.fullmatch(event.name):
        yield 1, "its name must be dotted words of a to z, such as balance.low."
    if len(event.name) > LONGEST_NAME:
        yield 2, f"its name must have at most {LONGEST_NAME} characters."
    if sum(each.name == event.name for each in events) > 1:
        yield 3, "another event has its name."


def _is_sample(event: Event) -> bool:
    if type(event.sample) is not event.payload:
        return False
    try:
        return bool(msgspec.convert(msgspec.to_builtins(event.sample), event.payload) == event.sample)
    except (msgspec.ValidationError, TypeError, ValueError):
        return False


def _of_the_webhook(event: Event, events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    _, schemas = msgspec.json.schema_components([event.payload])
    fields = schemas[event.payload.__name__]["properties"]
    if "organization" not in fields:
        yield 7, "its webhook must name the organization."
    if nameless := [name for name, schema in fields.items() if not schema.get("description")]:
        yield 8, f"fields of its webhook need descriptions: {', '.join(nameless)}."
    others = [each.payload for each in events if each.is_webhook and each.payload is not event.payload]
    if any(getattr(other, "__name__", "") == event.payload.__name__ for other in others):
        yield 9, f"another webhook's payload is called {event.payload.__name__} too."


def _of_the_notice(event: Event, notice: Notice, events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    if not str(notice.label).strip():
        yield 10, "its notice needs a label."
    yield from _of_the_words(event, notice)
    known = {each.name: each for each in events if each.notice is not None}
    for name in notice.supersedes:
        if name not in known:
            yield 13, f"its notice supersedes {name}, which has no notice."
    for each in (event, *(known[name] for name in notice.supersedes if name in known)):
        if lacking := set(notice.same) - set(each.payload.__struct_fields__):
            yield 14, f"its notice compares what {each.name} does not say: {', '.join(sorted(lacking))}."
    if notice.ends_at is not None:
        try:
            notice.ends_at(event.sample, ZoneInfo("UTC"))
        except Exception as error:  # whatever it is, somebody has to see it
            yield 15, f"the end of its notice fails on the sample: {type(error).__name__}: {error}"


def _of_the_words(event: Event, notice: Notice) -> Iterator[tuple[int, str]]:
    with override("en"):
        writer = Writer(language="en", zone=ZoneInfo("UTC"))
        try:
            text = registry.text_of(notice, event.sample, slug="acme", writer=writer)
        except NoReverseMatch as error:
            yield 12, f"the page of its notice can't be found: {error}"
            return
        except Exception as error:  # whatever it is, somebody has to see it
            yield 11, f"the words of its notice fail on the sample: {type(error).__name__}: {error}"
            return
    if not (text.title and text.sentences and text.link_text):
        yield 11, "its notice needs a title, a sentence and a link."
