"""The smallest valid object of a resource: what must be there gets a placeholder, all else is null."""

from typing import Any

from tests.contract.sdk_types import NULL, Schema, SdkTypes

BLANK = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}


def skeleton(schema: Schema, types: SdkTypes) -> Any:
    """A value that agrees with the schema, with as little in it as the schema allows."""
    if "$ref" in schema:
        return skeleton(types.definitions[schema["$ref"].removeprefix("urn:stripe:")], types)
    if "anyOf" in schema:
        return None if NULL in schema["anyOf"] else skeleton(schema["anyOf"][0], types)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return []
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        return {
            name: skeleton(inner, types) if name in schema["required"] else None
            for name, inner in properties.items()
            if name != "deleted" and (name in schema["required"] or NULL in inner.get("anyOf", []))
        }
    return BLANK.get(schema.get("type", ""))
