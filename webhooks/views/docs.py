"""The page that tells programmers how to receive webhooks. Public, like the API's documentation."""

import json
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webhooks.models import EventType
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
        "events": [{"type": kind.value, "text": text, "fields": _fields(kind)} for kind, text in EVENTS.items()],
        "headers": HEADERS.items(),
        "verify": VERIFY,
        "example": json.dumps(EXAMPLE, indent=2),
    }
    return render(request, "webhooks/docs.html", context)


def _fields(kind: EventType) -> list[dict[str, Any]]:
    payload = PAYLOADS[kind]
    properties = msgspec.json.schema_components([payload])[1][payload.__name__]["properties"]
    return [
        {"name": name, "type": _type(schema), "text": schema.get("description", "")}
        for name, schema in properties.items()
    ]


def _type(schema: dict[str, Any]) -> str:
    """In a word: "integer", "date", "one of organization, team, user"."""
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    return str(schema.get("format", schema["type"]))
