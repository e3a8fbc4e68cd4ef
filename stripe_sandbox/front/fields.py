"""Common to all nouns: take plain fields from parameters, merge metadata, find what an update changed."""

from typing import Any

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.shapes import Thing

MOST_KEYS = 50
LONGEST_KEY = 40
LONGEST_VALUE = 500


def take(thing: Thing, params: Thing, *names: str) -> Thing:
    """Set these fields from the parameters that were sent; an empty string unsets. Returns the previous values."""
    previous = {}
    for name in names:
        if name not in params:
            continue
        value = None if params[name] == "" else params[name]
        if thing.get(name) != value:
            previous[name] = thing.get(name)
            thing[name] = value
    if "metadata" in params:
        before = thing.get("metadata") or {}
        after = merged(before, params["metadata"])
        if before != after:
            previous["metadata"] = {name: before.get(name) for name in set(before) | set(after)}
            thing["metadata"] = after
    return previous


def merged(before: Thing | None, sent: Any) -> dict[str, str]:
    """Metadata after an update: keys are merged, an empty value removes its key, an empty string removes all."""
    if sent == "":
        return {}
    after = {**(before or {}), **{name: str(value) for name, value in (sent or {}).items()}}
    after = {name: value for name, value in after.items() if value != ""}
    if len(after) > MOST_KEYS:
        raise ApiError(f"You can have up to {MOST_KEYS} metadata keys.", param="metadata")
    for name, value in after.items():
        if len(name) > LONGEST_KEY or len(value) > LONGEST_VALUE:
            raise ApiError(
                f"Metadata keys can have up to {LONGEST_KEY} characters, values up to {LONGEST_VALUE}.",
                param=f"metadata[{name}]",
            )
    return after


def address(params: Any) -> Thing | None:
    """An address with every field that Stripe's has."""
    if not params:
        return None
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: params.get(name) or None for name in names}


def now_or(value: Any, now: int) -> int:
    """A time that may be sent as the word `now`."""
    return now if value in (None, "now") else int(value)
