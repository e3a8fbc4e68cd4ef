"""Form bodies as Stripe's clients send them: `a[b][0][c]=x` and `a[]=x`, decoded and given the types of a schema."""

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.contract.sdk_types import Schema, SdkTypes

PARTS = re.compile(r"[^\[\]]+|(?<=\[)(?=\])")


def decode(body: str) -> dict[str, Any]:
    """Nested dicts and lists of strings. A dict with the keys 0…n-1 is a list, except at the top."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        here = root
        *path, last = PARTS.findall(name)
        for part in path:
            here = here.setdefault(part or str(len(here)), {})
        here[last or str(len(here))] = value
    return {name: _with_lists(value) for name, value in root.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(each) for name, each in value.items()}
    if inner and set(inner) == {str(index) for index in range(len(inner))}:
        return [inner[str(index)] for index in range(len(inner))]
    return inner


def typed(value: Any, schema: Schema, types: SdkTypes) -> Any:
    """The decoded value with numbers, booleans and lists where the schema wants them; anything else as it came."""
    if "$ref" in schema:
        return typed(value, types.definitions[schema["$ref"].removeprefix("urn:stripe:")], types)
    if "anyOf" in schema:
        return _first_that_fits(value, schema["anyOf"], types)
    match schema.get("type"), value:
        case "integer", str() if re.fullmatch(r"-?\d+", value):
            return int(value)
        case "number", str() if re.fullmatch(r"-?\d+(\.\d+)?", value):
            return float(value)
        case "boolean", "true" | "false":
            return value == "true"
        case "object", list():  # metadata[0]=x
            return typed({str(index): each for index, each in enumerate(value)}, schema, types)
        case "object", dict():
            properties, others = schema.get("properties", {}), schema.get("additionalProperties")
            others = others if isinstance(others, dict) else {}
            return {name: typed(each, properties.get(name, others), types) for name, each in value.items()}
        case "array", list():
            return [typed(each, schema["items"], types) for each in value]
    return value


def _first_that_fits(value: Any, choices: list[Schema], types: SdkTypes) -> Any:
    """Each choice in order, as the types list them; where none fits, the last conversion that changed anything."""
    from tests.contract.contract import fits  # the checker needs the types, and the types need the checker here

    result = value
    for choice in choices:
        converted = typed(value, choice, types)
        if fits(converted, choice, types):
            return converted
        result = converted if converted != value else result
    return result
