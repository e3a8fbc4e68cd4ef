"""One way up: notices and webhooks know no event and no page of the rooms above; everything is declared."""

import re
from pathlib import Path

import pytest
from django.urls import URLPattern

from domain_events import registry
from notices import urls as notices_urls
from tests.architecture.sources import APPS, name, python_files, tracked_files
from webhooks import urls as webhooks_urls

ROOMS = ("notices", "webhooks")
# Links between pages, which no row and no email depends on.
LINKED = {
    "notice_settings": "the list of notices leads to its settings, which are shown with the ledger's threshold",
    "webhook_docs": "endpoints lead to the page for developers, which is part of the API's documentation",
    "api_docs": "that page leads to the rest of the documentation",
}
NAMED_PAGE = re.compile(r"""(?:reverse\(|redirect\(|\{%\s*url\s+)["']([\w:]+)["']""")


def files() -> list[Path]:
    """The Python files of the two rooms, and their templates."""
    templates = [path for path in tracked_files() if name(path).startswith(tuple(f"templates/{r}/" for r in ROOMS))]
    return [*python_files(*ROOMS), *templates]


def own_pages() -> set[str]:
    patterns: list[URLPattern] = [*notices_urls.urlpatterns, *webhooks_urls.urlpatterns]
    return {str(pattern.name) for pattern in patterns}


@pytest.mark.parametrize("path", files(), ids=name)
def test_notices_and_webhooks_name_no_event_and_no_page_of_a_room_above(path: Path) -> None:
    text = path.read_text()

    assert [event.name for event in registry.every() if re.search(rf"\b{re.escape(event.name)}\b", text)] == []
    foreign = set(NAMED_PAGE.findall(text)) - own_pages() - set(LINKED)
    assert {page for page in foreign if not page.startswith("admin:")} == set()


def test_every_module_of_declarations_is_declared_by_its_app() -> None:
    modules = {path for path in python_files("credits", "usage", "billing") if "= DomainEvent(" in path.read_text()}
    declared = {type(event.sample).__module__ for event in registry.every()}

    assert {name(path).removesuffix(".py").replace("/", ".") for path in modules} == declared


def test_only_domain_events_registers_kinds_and_types() -> None:
    registering = re.compile(r"\b(kinds|event_types)\.register\(")

    registers = [path for path in python_files(*APPS) if registering.search(path.read_text())]
    assert [name(path) for path in registers] == ["domain_events/registry.py"]
