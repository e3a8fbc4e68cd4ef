"""What an upgrade of the `stripe` package changes in what we use.

    python -m tests.contract.diff OLD NEW [--only REGEX]

OLD and NEW are folders of two `stripe` packages, as pip installs them with --target. Without --only, the operations
that the payments sandbox serves are compared: they are those that our code calls.
"""

import argparse
import re
import sys
from pathlib import Path

from stripe_sandbox.front import api
from tests.contract.sdk_types import Schema, SdkTypes

DEEPEST = 6

Facts = dict[str, set[str]]


def main(arguments: list[str] | None = None) -> None:
    """Print the differences, one operation after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.diff")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--only", help="a regular expression for paths")
    asked = parser.parse_args(arguments)
    lines = differences(SdkTypes(asked.old), SdkTypes(asked.new), only=asked.only)
    sys.stdout.write("\n".join(lines or ["No difference."]) + "\n")


def differences(old: SdkTypes, new: SdkTypes, *, only: str | None = None) -> list[str]:
    """Sentences, one per operation and field that is new, gone or changed."""
    before, after = (_facts_by_operation(types, only) for types in (old, new))
    lines: list[str] = []
    for name in sorted(before | after):
        if name not in before or name not in after:
            lines.append(f"{name}: {'new' if name in after else 'gone'}")
            continue
        lines += [f"{name}: {each}" for each in _changed(before[name], after[name])]
    return lines


def _facts_by_operation(types: SdkTypes, only: str | None) -> dict[str, Facts]:
    served = {re.sub(r"{[^}]+}", "{}", route.name) for route in api.ROUTES}
    wanted = [each for each in types.operations if (re.search(only, each.path) if only else each.name in served)]
    found: dict[str, Facts] = {}
    for operation in wanted:
        parts = (("parameters", types.parameters(operation)), ("answer", types.answer(operation)))
        for part, schema in parts:
            facts: Facts = {}
            _gather(types, schema, "", facts, ())
            found[f"{operation.name} {part}"] = facts
    return found


def _gather(types: SdkTypes, schema: Schema, path: str, facts: Facts, above: tuple[str, ...]) -> None:
    """Every path inside a schema with what is said of it; other resources are only named."""
    if "$ref" in schema:
        definition = schema["$ref"].removeprefix("urn:stripe:")
        name = definition.rpartition(":")[2]
        is_resource = "." not in name and not definition.startswith("stripe.params") and bool(path)
        if definition in above or is_resource or len(above) > DEEPEST:
            facts.setdefault(path, set()).add(name)
            return
        inside = types.definitions[definition]
        for field, inner in inside["properties"].items():
            below = f"{path}.{field}" if path else field
            facts.setdefault(below, set()).add("required" if field in inside["required"] else "optional")
            _gather(types, inner, below, facts, (*above, definition))
    elif "anyOf" in schema:
        for choice in schema["anyOf"]:
            _gather(types, choice, path, facts, above)
    elif "enum" in schema:
        facts.setdefault(path, set()).update(f"value {each!r}" for each in schema["enum"])
    elif schema.get("type") == "array":
        _gather(types, schema["items"], f"{path}[]", facts, above)
    else:
        facts.setdefault(path, set()).add(str(schema.get("type", "anything")))


def _changed(before: Facts, after: Facts) -> list[str]:
    gone, new = set(before) - set(after), set(after) - set(before)
    lines = [f"{path} is gone" for path in _topmost(gone)] + [f"{path} is new" for path in _topmost(new)]
    for path in sorted(set(before) & set(after)):
        lost, won = sorted(before[path] - after[path]), sorted(after[path] - before[path])
        if lost or won:
            lines.append(
                f"{path}: {', '.join([*(f'no longer {each}' for each in lost), *(f'now {each}' for each in won)])}"
            )
    return lines


def _topmost(paths: set[str]) -> list[str]:
    """Without those that lie below another of them."""
    return sorted(
        path
        for path in paths
        if not any(path != other and path.startswith((f"{other}.", f"{other}[")) for other in paths)
    )


if __name__ == "__main__":
    main()
