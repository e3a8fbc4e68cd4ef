"""What receivers read: the types of events as the `webhooks` of an OpenAPI 3.1 document, and how to verify them."""

from typing import Any

import msgspec

from webhooks.event_types import EventType, documented

REFERENCE = "#/components/schemas/{name}"
PREFIX = "Webhook"

HEADERS = {
    "webhook-id": "Identifies the event. Retries keep the id, so you can tell that you already received a message.",
    "webhook-timestamp": "When this attempt was sent, in seconds since 1970.",
    "webhook-signature": "One or more signatures separated by a space: `v1,` and HMAC-SHA256 in base64.",
}
VERIFY = '''\
import base64, hashlib, hmac, time

def verify(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """secret: whsec_…; headers: in lower case; body: the bytes as they came, not parsed and written again."""
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False  # too old, or from the future: somebody may be sending it a second time
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(each, expected) for each in headers["webhook-signature"].split(" "))
'''
ABOUT = """

Events go out too, to endpoints that owners and staff set up, signed by the [Standard Webhooks](/api/webhooks) scheme:
see `webhooks` below."""


def add_to(document: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with the events in it."""
    _, schemas = msgspec.json.schema_components(payloads(), ref_template=REFERENCE.format(name=PREFIX + "{name}"))
    named = {PREFIX + name: schema for name, schema in schemas.items()}
    components = document["components"]
    return {
        **document,
        "info": {**document["info"], "description": document["info"]["description"] + ABOUT},
        "webhooks": {each.name: {"post": _message(each)} for each in documented()},
        "components": {**components, "schemas": {**components["schemas"], **named}},
    }


def payloads() -> list[type[msgspec.Struct]]:
    """Return the payloads of all types, each once."""
    return list(dict.fromkeys(each.payload for each in documented()))


def _message(kind: EventType) -> dict[str, Any]:
    data = {"$ref": REFERENCE.format(name=PREFIX + kind.payload.__name__)}
    schema = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind.name},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": data,
        },
    }
    return {
        "operationId": "webhook_" + kind.name.replace(".", "_"),
        "summary": kind.name,
        "description": kind.description,
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "2XX": {"description": "Received. Any other response, or none within 10 seconds, is retried."},
            "410": {"description": "Stop sending. The endpoint is turned off."},
        },
    }
