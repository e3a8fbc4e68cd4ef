"""Writes stripe_sandbox/front/shapes.json: what the sandbox must know of Stripe's types, so that it need not read them.

    python -m tests.contract.shapes

It holds the parameters of every operation that the sandbox serves and a skeleton of every resource that it makes.
A test fails when the file no longer agrees with the installed package.
"""

import json
from pathlib import Path
from typing import Any

import stripe

from stripe_sandbox.front import api
from stripe_sandbox.front.shapes import PATH
from tests.contract.contract import installed
from tests.contract.sdk_types import NULL, Schema, SdkTypes
from tests.contract.skeletons import skeleton

RESOURCES = (
    *("balance_transaction", "billing_portal.configuration", "billing_portal.session", "charge", "checkout.session"),
    *("coupon", "customer", "dispute", "event", "invoice", "invoice_payment", "invoiceitem", "item", "line_item"),
    *("payment_intent", "payment_method", "price", "product", "promotion_code", "radar.early_fraud_warning", "refund"),
    *("setup_intent", "subscription", "subscription_item", "subscription_schedule", "tax_id", "webhook_endpoint"),
    *("plan", "test_helpers.test_clock"),
)


def shapes() -> dict[str, Any]:
    """The content of the file, for the installed package."""
    types = installed().types
    parameters = {}
    for route in api.ROUTES:
        operation = types.find(route.verb, route.path)
        if operation is not None:
            parameters[route.name] = compact(types.parameters(operation), types)
    return {
        "api_version": stripe.api_version,
        "parameters": dict(sorted(parameters.items())),
        "resources": {name: skeleton(types.resource(name), types) for name in RESOURCES},
    }


def compact(schema: Schema, types: SdkTypes) -> Any:
    """A schema in few words: a type's name, or one of object, list, map, enum, any_of with what is inside."""
    if "$ref" in schema:
        return compact(types.definitions[schema["$ref"].removeprefix("urn:stripe:")], types)
    if "anyOf" in schema:
        return {"any_of": [compact(choice, types) for choice in schema["anyOf"] if choice != NULL]}
    if "enum" in schema:
        return {"enum": schema["enum"]}
    if schema.get("type") == "array":
        return {"list": compact(schema["items"], types)}
    if "properties" in schema:
        properties = {name: compact(inner, types) for name, inner in schema["properties"].items()}
        required = schema.get("required", [])
        return {"object": properties} | ({"required": required} if required else {})
    if schema.get("type") == "object":
        return {"map": compact(schema.get("additionalProperties", {}), types)}
    return schema.get("type", "anything")


def text() -> str:
    """The file as it is written: one operation and one resource per line, so that a change can be read."""
    content = shapes()
    lines = ["{", f'"api_version": {json.dumps(content["api_version"])},']
    for part in ("parameters", "resources"):
        inner = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in content[part].items())
        lines.append(f'"{part}": {{\n{inner}\n}}' + ("," if part == "parameters" else ""))
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    Path(PATH).write_text(text())
