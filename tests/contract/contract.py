"""Holds requests, answers and webhooks against the types of the installed `stripe` package.

Each check returns sentences, one per difference; an empty list is agreement. What the types don't say (lengths,
ranges, rules across fields, error codes) is not checked here.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import jsonschema
import stripe
from jsonschema.exceptions import best_match

from tests.contract import forms
from tests.contract.sdk_types import Schema, SdkTypes

ERROR_FIELDS = set(stripe.ErrorObject.__annotations__) | {"doc_url", "request_log_url"}
_validators: WeakKeyDictionary[SdkTypes, dict[str, Any]] = WeakKeyDictionary()


@cache
def installed() -> "Contract":
    """The contract of the installed package, read once; what is never asked for is never read."""
    return Contract(SdkTypes(Path(stripe.__file__).parent))


class Contract:
    """What one version of Stripe's API takes and gives."""

    def __init__(self, types: SdkTypes) -> None:
        self.types = types

    def request(self, verb: str, path: str, *, query: str = "", body: str = "") -> list[str]:
        """What is wrong with a form request as it was sent."""
        operation = self.types.find(verb, path)
        if operation is None:
            return [f"{verb} {path}: Stripe has no such operation"]
        schema = self.types.parameters(operation)
        sent = forms.decode(body if verb.upper() == "POST" else query)
        return self._differences(f"{verb} {path}", forms.typed(sent, schema, self.types), schema)

    def answer(self, verb: str, path: str, answer: Any) -> list[str]:
        """What is wrong with the JSON answer of an operation that worked."""
        operation = self.types.find(verb, path)
        if operation is None:
            return [f"{verb} {path}: Stripe has no such operation"]
        if verb.upper() == "DELETE" and isinstance(answer, dict) and answer.get("deleted") is True:
            return [] if {"id", "object"} <= set(answer) else [f"{verb} {path}: id and object are missing"]
        return self._differences(f"answer to {verb} {path}", answer, self.types.answer(operation))

    def error(self, verb: str, path: str, answer: Any) -> list[str]:
        """What is wrong with an answer of 4xx or 5xx."""
        if not isinstance(answer, dict) or set(answer) != {"error"} or "type" not in answer["error"]:
            return [f"error of {verb} {path}: not of the form {{'error': {{'type': …}}}}"]
        unknown = set(answer["error"]) - ERROR_FIELDS
        found = [f"error of {verb} {path}: unknown fields {sorted(unknown)}"] if unknown else []
        for name in ("payment_intent", "payment_method", "setup_intent"):
            if answer["error"].get(name):
                found += self.resource(answer["error"][name])
        return found

    def event(self, event: Any) -> list[str]:
        """What is wrong with a webhook's body: the event itself and the object inside it."""
        found = self._differences("event", event, self.types.resource("event"))
        inside = event.get("data", {}).get("object") if isinstance(event, dict) else None
        return found + (self.resource(inside) if inside else ["event: data.object is missing"])

    def resource(self, thing: dict[str, Any]) -> list[str]:
        """What is wrong with an object, judged by what its `object` field says that it is."""
        name = thing.get("object", "")
        try:
            schema = self.types.resource(name)
        except KeyError:
            return [f"Stripe has no resource called {name!r}"]
        return self._differences(name, thing, schema)

    def _differences(self, where: str, value: Any, schema: Schema) -> list[str]:
        errors = [best_match([error]) or error for error in _validator(schema, self.types).iter_errors(value)]
        return sorted({f"{where}: {'/'.join(map(str, each.absolute_path))}: {each.message[:300]}" for each in errors})


def fits(value: Any, schema: Schema, types: SdkTypes) -> bool:
    """Whether a value agrees with a schema of these types."""
    return bool(_validator(schema, types).is_valid(value))


def _validator(schema: Schema, types: SdkTypes) -> Any:
    known = _validators.setdefault(types, {})
    key = json.dumps(schema, sort_keys=True)
    if key not in known:
        known[key] = _checker(types)(schema)
    return known[key]


@cache
def _checker(types: SdkTypes) -> Any:
    """The class of validators that take every $ref for one of these types' definitions.

    The library resolves a reference by crawling its registry, each time anew: nine tenths of the whole check.
    """

    def follow(validator: Any, reference: str, value: Any, _schema: Schema) -> Any:
        return validator.descend(value, types.definitions[reference.removeprefix("urn:stripe:")])

    return jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft202012Validator, {"$ref": follow}
    )
