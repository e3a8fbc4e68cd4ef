"""Kinds of notices: what the rooms above register, so that this room need not know their words, figures or pages.

A notice's row holds the name of its kind and the details that its cause gave. Everything else is asked of the kind
here: what people call it, who gets it, how urgent it is, its words, and when it no longer applies. `domain_events`
registers one for every declared event that has a notice, as the apps are loaded; nothing is looked up above this room.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

from django.utils.functional import Promise

from notices.models import Notice


class UnknownKind(LookupError):
    """Nothing of that name is registered."""


class Unreadable(Exception):
    """The row's details are not what the words of its kind are made from, or its kind is no longer registered."""


class Audience(Enum):
    """Who gets a notice. Owners: or the members whom they chose to get the emails."""

    OWNERS = "owners"
    # Of those chosen only owners: nobody else can act on it.
    OWNERS_ONLY = "owners only"
    PERSON = "person"
    # Owners, and, in a notice of their own, the person concerned where there is one.
    OWNERS_AND_PERSON = "owners and person"


class Tone(StrEnum):
    """How urgent a notice is, as components/notice.html takes it."""

    INFORMATION = ""
    WARNING = "warning"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Text:
    """What a reader sees. path: where to act, on this site; link_text: what the link says."""

    title: str
    sentences: list[str]
    link_text: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of notice. `label`: what people call it.

    `is_essential`: owners can't unsubscribe from it. `supersedes`: the kinds whose open notices a new one dismisses,
    only those with the same details under the names in `same`. `text`: makes the words, in the active language, of a
    notice that comes with its organization. `ends_at`: from when time alone has made a notice obsolete, or None. Both
    raise Unreadable.
    """

    name: str
    label: str | Promise
    audience: Audience
    tone: Tone
    is_essential: bool
    supersedes: tuple[str, ...]
    same: tuple[str, ...]
    text: Callable[[Notice], Text]
    ends_at: Callable[[Notice], datetime | None]


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. The first of a name stays."""
    _kinds.setdefault(kind.name, kind)


def find(name: str) -> Kind | None:
    """Return the kind of that name, if there is one."""
    return _kinds.get(name)


def get(name: str) -> Kind:
    """Return the kind of that name. Raises UnknownKind."""
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownKind(name) from None


def every() -> list[Kind]:
    """Return all kinds, in the order in which they were registered."""
    return list(_kinds.values())


def of_owners() -> list[Kind]:
    """Return the kinds that owners get and choose about: all but those that go to one person alone."""
    return [kind for kind in _kinds.values() if kind.audience != Audience.PERSON]


def is_essential(name: str) -> bool:
    """Say whether people can't unsubscribe from a kind. A kind that is no longer registered is not."""
    kind = find(name)
    return kind is not None and kind.is_essential


def label_of(name: str) -> str:
    """Return what people call a kind, in the active language; its bare name where it is no longer registered."""
    kind = find(name)
    return name if kind is None else str(kind.label)


def text_of(notice: Notice) -> Text:
    """Return a notice's words in the active language. It comes with its organization. Raises Unreadable."""
    return _kind_of(notice).text(notice)


def ends_at(notice: Notice) -> datetime | None:
    """Return from when time alone has made a notice obsolete, or None. Raises Unreadable."""
    return _kind_of(notice).ends_at(notice)


def _kind_of(notice: Notice) -> Kind:
    kind = find(notice.kind)
    if kind is None:
        raise Unreadable(f"There is no kind of notice called {notice.kind}.")
    return kind
