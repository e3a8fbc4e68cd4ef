"""The page about receiving webhooks, for developers. Public, like the API's documentation."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from webhooks.event_types import documented
from webhooks.reference import HEADERS, VERIFY, payloads

EXAMPLE_SENT_AT = "2026-11-03T20:26:10.344522Z"


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Every type of event with its fields, how to verify a message, how to answer."""
    context = {
        "example": json.dumps(example(), indent=2),
        "headers": _table(_("Headers"), [_("Header"), _("Description")], HEADERS.items()),
        "events": _table(
            _("Event types"), [_("Type"), _("Description")], [(each.name, each.description) for each in documented()]
        ),
        "payloads": [_fields(payload) for payload in payloads()],
        "verify": VERIFY,
    }
    return render(request, "webhooks/docs.html", context)


def example() -> dict[str, Any]:
    """A message of the first type."""
    first = documented()[0]
    return {"type": first.name, "timestamp": EXAMPLE_SENT_AT, "data": msgspec.to_builtins(first.sample)}


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    return {"caption": caption, "columns": [{"label": label} for label in columns], "rows": list(rows)}


def _fields(payload: type[msgspec.Struct]) -> dict[str, Any]:
    """What `data` holds, for all the types that carry it."""
    names = ", ".join(each.name for each in documented() if each.payload is payload)
    properties = msgspec.json.schema_components([payload])[1][payload.__name__]["properties"]
    rows = [(name, _type(schema), schema.get("description", "")) for name, schema in properties.items()]
    return _table(_("Data of %(types)s") % {"types": names}, [_("Field"), _("Type"), _("Description")], rows)


def _type(schema: dict[str, Any]) -> str:
    """In a word: "integer", "date", "one of organization, team, user"."""
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    return str(schema.get("format", schema["type"]))
