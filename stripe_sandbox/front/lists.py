"""Lists and searches, paged as at Stripe, and the fields that only `expand[]` shows."""

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.routes import Answer, Call
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.state.account import Account

LIMIT = 10
MOST = 100
DEEPEST = 4
# Fields that are absent unless asked for: (object, field) → what fills them.
INCLUDABLE: dict[tuple[str, str], Callable[[Account, Thing], Any]] = {}


def a_list(data: list[Thing], url: str, *, has_more: bool = False) -> Answer:
    """Stripe's list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def page(call: Call, things: Iterable[Thing], url: str) -> Answer:
    """One page of objects, newest first, by limit, starting_after, ending_before and created."""
    everything = [each for each in things if _created_fits(each, call.params.get("created"))]
    limit = call.params.get("limit", LIMIT)
    if not isinstance(limit, int) or not 1 <= limit <= MOST:
        raise ApiError("This value must be between 1 and 100.", param="limit", code="parameter_invalid_integer")
    identifiers = [each["id"] for each in everything]
    if before := call.params.get("ending_before"):
        until = _position(identifiers, before, "ending_before")
        start = max(0, until - limit)
        return a_list(everything[start:until], url, has_more=start > 0)
    after = call.params.get("starting_after")
    start = _position(identifiers, after, "starting_after") + 1 if after else 0
    return a_list(everything[start : start + limit], url, has_more=len(everything) > start + limit)


def _position(identifiers: list[str], identifier: str, param: str) -> int:
    if identifier not in identifiers:
        raise ApiError(f"No such object: '{identifier}'", code="resource_missing", param=param)
    return identifiers.index(identifier)


def _created_fits(thing: Thing, wanted: Any) -> bool:
    if wanted is None:
        return True
    created = thing["created"]
    if not isinstance(wanted, dict):
        return bool(created == int(wanted))
    checks = {
        "gt": lambda limit: created > limit,
        "gte": lambda limit: created >= limit,
        "lt": lambda limit: created < limit,
        "lte": lambda limit: created <= limit,
    }
    return all(checks[name](int(limit)) for name, limit in wanted.items())


CLAUSE = re.compile(r"""\s*(-)?(\w+)(?:\[["']([^"']+)["']\])?\s*(:|>=|<=|>|<)\s*["']?([^"']*?)["']?\s*$""")


def search(call: Call, things: Iterable[Thing], url: str) -> Answer:
    """Search by clauses joined with AND: field:'value', metadata['name']:'value', and comparisons of numbers."""
    query = str(call.params.get("query", ""))
    clauses = [CLAUSE.match(part) for part in re.split(r"\s+AND\s+", query)]
    if not all(clauses):
        raise ApiError(f"We were unable to parse your search query: {query}", param="query")
    found = [each for each in things if all(_clause_fits(each, clause) for clause in clauses if clause)]
    limit = int(call.params.get("limit", LIMIT))
    start = int(call.params.get("page", "0"))
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": more,
        "url": url,
        "next_page": str(start + limit) if more else None,
    }


def _clause_fits(thing: Thing, clause: re.Match[str]) -> bool:
    negated, name, key, operator, value = clause.groups()
    actual = (thing.get(name) or {}).get(key) if key else thing.get(name)
    if operator == ":":
        fits = actual is None if value == "null" else str(actual).lower() == value.lower()
    elif isinstance(actual, int):
        limit = int(value)
        fits = {">": actual > limit, ">=": actual >= limit, "<": actual < limit, "<=": actual <= limit}[operator]
    else:
        fits = False
    return fits != bool(negated)


def expanded(account: Account, answer: Answer, paths: list[str]) -> Answer:
    """A copy of the answer with the named fields shown in full instead of by identifier."""
    result = copy.deepcopy(answer)
    for path in paths:
        parts = path.split(".")
        if len(parts) > DEEPEST + (parts[0] == "data"):
            raise ApiError(f"You cannot expand more than {DEEPEST} levels of a property: {path}", param="expand")
        _expand(account, result, parts, path)
    return result


def _expand(account: Account, value: Any, parts: list[str], path: str) -> None:
    if isinstance(value, list):
        for each in value:
            _expand(account, each, parts, path)
        return
    if not isinstance(value, dict):
        return
    name, *rest = parts
    key = (value.get("object", ""), name)
    if key in INCLUDABLE and not value.get(name):
        value[name] = INCLUDABLE[key](account, value)
    if name not in value:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value[name], list):
        value[name] = [_in_full(account, each) for each in value[name]]
    else:
        value[name] = _in_full(account, value[name])
    if rest:
        _expand(account, value[name], rest, path)


def _in_full(account: Account, value: Any) -> Any:
    thing = account.find(value)
    return copy.deepcopy(thing) if thing else value
