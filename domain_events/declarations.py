"""What is said of an event where it is declared: its name, payload and description, and what follows from it.

Declarations hold no behavior of their own; `registry` makes them known and `publishing` acts on them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from django.utils.functional import Promise
from msgspec import Meta

from domain_events.writer import Writer
from notices.kinds import Audience, Tone

P = TypeVar("P", bound=msgspec.Struct)


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of an event, strictly typed: the details of its notice and the data of its webhook at once.

    Credits in smallest units, money in minor units, instants aware. A field may be added, with a default; none is
    taken away or changes its meaning, since notices and receivers keep what was written long ago.
    """


# What payloads have in common.
Slug = Annotated[str, Meta(description="The organization's short name.")]
Credits = Annotated[int, Meta(description="In smallest units.")]
Unit = Annotated[str, Meta(description="What the program's credits are called.")]
Decimals = Annotated[int, Meta(ge=0, le=6, description="How many of an amount's digits are decimals.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A notice in one language. Empty sentences are left out.

    `page`: the name of the page where to act, whose address takes the organization's slug and then `arguments`.
    """

    title: str
    sentences: Sequence[str]
    link_text: str
    page: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDeclaration(Generic[P]):
    """The notice of an event.

    `label`: what the settings call it. `words`: made when it is read. `is_essential`: nobody can unsubscribe from it.
    `supersedes`: names of the events, often its own among them, whose open notices it dismisses; only those whose
    payload says the same under the names in `same`. `applies`: whether a payload has a notice at all; left out: always.
    `ends_at`: from when time alone makes it obsolete, by the organization's time zone; left out: never.
    """

    label: str | Promise
    words: Callable[[P, Writer], Words]
    audience: Audience = Audience.OWNERS
    tone: Tone = Tone.WARNING
    is_essential: bool = False
    supersedes: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    applies: Callable[[P], bool] | None = None
    ends_at: Callable[[P, ZoneInfo], datetime | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent(Generic[P]):
    """An event. `name`: stable and dotted, such as "balance.low". `description`: when it happens, in a sentence for
    developers. `sample`: a payload as it may be, for the documentation, checks and tests. `is_webhook`: whether
    endpoints get it. With neither webhook nor notice it is for subscribers alone."""

    name: str
    payload: type[P]
    description: str
    sample: P
    is_webhook: bool = False
    notice: NoticeDeclaration[P] | None = None
