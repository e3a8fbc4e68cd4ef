"""The page that tells programmers how to receive webhooks. Public, like the API's documentation."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from webhooks.payloads import PAYLOADS
from webhooks.reference import EVENTS, HEADERS, VERIFY

EXAMPLE = {
    "type": "balance.low",
    "timestamp": "2026-11-03T20:26:10.344522Z",
    "data": {
        "organization": "acme",
        "available": 480,
        "reserved": 20,
        "threshold": 500,
        "unit": "credits",
        "decimals": 0,
    },
}


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Every event with its fields, how to verify a message, how to answer."""
    context = {
        "example": json.dumps(EXAMPLE, indent=2),
        "headers": _table(_("Headers"), [_("Header"), _("Description")], HEADERS.items()),
        "events": _table(_("Event types"), [_("Type"), _("Date")], EVENTS.items()),
        "payloads": [_fields(payload) for payload in dict.fromkeys(PAYLOADS.values())],
        "verify": VERIFY,
    }
    return render(request, "webhooks/docs.html", context)


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    return {"caption": caption, "columns": [{"label": label} for label in columns], "rows": list(rows)}


def _fields(payload: type[msgspec.Struct]) -> dict[str, Any]:
    """What `data` holds, for all the types that carry it."""
    kinds = ", ".join(kind.value for kind in EVENTS if PAYLOADS[kind] is payload)
    properties = msgspec.json.schema_components([payload])[1][payload.__name__]["properties"]
    rows = [(name, _type(schema), schema.get("description", "")) for name, schema in properties.items()]
    return _table(_("Data of %(types)s") % {"types": kinds}, [_("Field"), _("Type"), _("Description")], rows)


def _type(schema: dict[str, Any]) -> str:
    """In a word: "integer", "date", "one of organization, team, user"."""
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    return str(schema.get("format", schema["type"]))
