"""The OpenAPI document, made from the calls and the types that they read and write."""

from collections.abc import Sequence
from http import HTTPStatus
from itertools import groupby
from typing import Any

import msgspec

from usage.api.calls import Call
from usage.api.problems import PROBLEM_TYPES, Problem

REFERENCE = "#/components/schemas/{name}"
ABOUT = """Spend, reserve, settle, release and refund credits, and read balances.

All amounts are integers in the program's smallest unit; `decimals` says how many of its digits are decimals. Requests
are validated strictly: unknown fields, numbers in strings, fractions and repeated names are rejected. Errors are
problem documents (RFC 9457) with a stable `type`; nothing was written. After a 503 or a lost connection, retry with the
same idempotency key: the response says what was written."""

RATE_LIMITS = {
    "RateLimit-Limit": "How many calls this key may send in a minute.",
    "RateLimit-Remaining": "How many it may send now.",
    "RateLimit-Reset": "In how many seconds it may send as many as ever.",
}


def document(calls: Sequence[Call]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the calls, on the server that the document comes from."""
    types = [kind for call in calls for kind in (call.body, call.answer) if kind is not None]
    _, schemas = msgspec.json.schema_components([*types, Problem], ref_template=REFERENCE)
    schemas["Problem"]["properties"]["type"]["enum"] = [f"/api/problems/{slug}" for slug in PROBLEM_TYPES]
    paths: dict[str, Any] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Drawdown API", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "dd_…"}},
        },
    }


def problem_slugs(call: Call) -> list[str]:
    """Return the types of problems that a call may answer."""
    slugs = {"unauthorized", "method_not_allowed", "too_many_requests", "unavailable", *call.problems}
    if call.scope == "spend":
        slugs.add("scope")
    if call.body is not None:
        slugs |= {"invalid", "content_too_large", "unsupported_media_type"}
    return [slug for slug in PROBLEM_TYPES if slug in slugs]


def _operation(call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "description": f"{call.description} Needs the scope `{call.scope}`.",
        "parameters": [
            {
                "name": parameter.name,
                "in": parameter.where,
                "description": parameter.description,
                "required": parameter.is_required,
                "schema": parameter.schema,
            }
            for parameter in call.parameters
        ],
        "responses": _responses(call),
    }
    if call.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": REFERENCE.format(name=call.body.__name__)}}},
        }
    return operation


def _responses(call: Call) -> dict[str, Any]:
    done: dict[str, Any] = {
        "description": HTTPStatus(call.status).phrase,
        "content": {"application/json": {"schema": {"$ref": REFERENCE.format(name=call.answer.__name__)}}},
    }
    done["headers"] = {name: {"description": what, "schema": {"type": "integer"}} for name, what in RATE_LIMITS.items()}
    if call.is_replayable:
        replayed = {"description": "“true” where an earlier call did it.", "schema": {"type": "string"}}
        done["headers"]["Idempotent-Replayed"] = replayed
    responses = {str(call.status): done}
    for status, kinds in groupby(map(PROBLEM_TYPES.__getitem__, problem_slugs(call)), key=lambda kind: kind.status):
        responses[str(status)] = {
            "description": " ".join(f"{kind.title} (`{kind.slug}`)." for kind in kinds),
            "content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(name="Problem")}}},
        }
    return responses
