"""The system check names each way in which a declaration can be incomplete, and nothing that is complete."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from django.core.checks import run_checks

from domain_events import registry
from domain_events.checks import problems
from domain_events.declarations import DomainEvent, NoticeDeclaration, Payload, Words
from domain_events.writer import Writer
from tests.domain_events.conftest import CAKE_SERVED, SAMPLE, CakeServed
from tests.support.declared import declared


class Nameless(Payload, frozen=True, kw_only=True):
    """Of nobody, and its field says nothing."""

    pieces: int


class Unreadable(Payload, frozen=True, kw_only=True):
    """It can't be written as JSON."""

    organization: str
    what: Any


def namesake() -> type[msgspec.Struct]:
    """Another payload called CakeServed."""
    return msgspec.defstruct("CakeServed", [("organization", str)])


def fail(*_: object) -> Any:
    raise ZeroDivisionError("no cake")


def end(_cake: CakeServed, _zone: ZoneInfo) -> datetime:
    raise ZeroDivisionError("no end")


def saying(**changes: Any) -> NoticeDeclaration[Any]:
    """The notice with other words."""
    said = {"title": "Cake", "sentences": ["Cake"], "link_text": "Eat", "page": "dashboard", **changes}

    def words(_cake: Any, _writer: Writer) -> Words:
        return Words(**said)

    return replace(NOTICE, words=words)


assert CAKE_SERVED.notice is not None
NOTICE: NoticeDeclaration[Any] = CAKE_SERVED.notice

PLANTED: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "cake"}, "E001", "dotted words"),
    ({"name": "Cake.Served"}, "E001", "dotted words"),
    ({"name": "cake.served."}, "E001", "dotted words"),
    ({"name": "cake." + "s" * 40}, "E002", "at most 40 characters"),
    ({"name": "balance.low"}, "E003", "another event has its name"),
    ({"description": ""}, "E004", "must be a sentence"),
    ({"description": "cake served"}, "E004", "must be a sentence"),
    ({"payload": dict}, "E005", "must be a msgspec.Struct"),
    ({"payload": SAMPLE}, "E005", "must be a msgspec.Struct"),
    ({"sample": Nameless(pieces=1)}, "E006", "its sample"),
    ({"sample": msgspec.structs.replace(SAMPLE, pieces="three")}, "E006", "its sample"),
    ({"payload": Unreadable, "sample": Unreadable(organization="acme", what=object())}, "E006", "its sample"),
    ({"payload": Nameless, "sample": Nameless(pieces=1), "notice": None}, "E007", "name the organization"),
    ({"payload": Nameless, "sample": Nameless(pieces=1), "notice": None}, "E008", "descriptions: pieces"),
    ({"notice": replace(NOTICE, label=" ")}, "E010", "needs a label"),
    ({"notice": replace(NOTICE, words=fail)}, "E011", "ZeroDivisionError: no cake"),
    ({"notice": saying(title="")}, "E011", "needs a title"),
    ({"notice": saying(sentences=["", ""])}, "E011", "a sentence"),
    ({"notice": saying(link_text="")}, "E011", "a link"),
    ({"notice": saying(page="kitchen")}, "E012", "can't be found"),
    ({"notice": saying(page="dashboard", arguments=("one too many",))}, "E012", "can't be found"),
    ({"notice": replace(NOTICE, supersedes=("cake.eaten",))}, "E013", "supersedes cake.eaten"),
    ({"notice": replace(NOTICE, supersedes=("limit.reached",))}, "E013", "which has no notice"),
    ({"notice": replace(NOTICE, same=("flavor",))}, "E014", "cake.served does not say: flavor"),
    ({"notice": replace(NOTICE, supersedes=("grant.expiring",), same=("pieces",))}, "E014", "grant.expiring does not"),
    ({"notice": replace(NOTICE, ends_at=end)}, "E015", "no end"),
]


def found(*events: DomainEvent[Any]) -> list[tuple[str, str]]:
    errors = problems([*registry.every(), *events])
    return [(str(error.id).removeprefix("domain_events."), str(error.msg)) for error in errors]


def test_what_is_declared_is_complete() -> None:
    assert found() == []


def test_the_tests_own_is_complete_too() -> None:
    assert found(CAKE_SERVED) == []


@pytest.mark.parametrize(("planted", "number", "words"), PLANTED)
def test_what_is_incomplete_is_named(planted: dict[str, Any], number: str, words: str) -> None:
    event = replace(CAKE_SERVED, **planted)

    named = [message for found_number, message in found(event) if found_number == number]

    assert named
    assert all(event.name in message for message in named)
    assert any(words in message for message in named)


def test_two_payloads_of_one_name_are_named() -> None:
    another = namesake()
    event: DomainEvent[Any] = DomainEvent(
        name="cake.eaten", payload=another, description="Cake.", sample=another("acme"), is_webhook=True
    )

    assert ("E009", "The domain event 'cake.served': another webhook's payload is called CakeServed too.") in found(
        CAKE_SERVED, event
    )


def test_every_number_is_planted() -> None:
    numbers = {number for _, number, _ in PLANTED} | {"E009"}

    assert numbers == {f"E{number:03}" for number in range(1, 16)}


def test_django_runs_it() -> None:
    with declared(replace(CAKE_SERVED, description="")):
        assert "domain_events.E004" in {message.id for message in run_checks()}
    assert not [message for message in run_checks() if str(message.id).startswith("domain_events.")]
