"""Routes: which function answers which call. Modules register their functions here; `api` imports the modules."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.state.account import Account

Answer = dict[str, Any]


@dataclass
class Call:
    """One call of the API: what was sent, and the account that it acts on. The account's lock is held."""

    account: Account
    params: Thing = field(default_factory=dict)
    place: str = ""
    second_place: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None
    strict: bool = True
    """False for callers that name no version, as Stripe's own command line: some old ways hold for them."""


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A verb in lower case, a path with at most two {places}, and the function that answers."""

    verb: str
    path: str
    handler: Handler

    @property
    def name(self) -> str:
        """The route's name in shapes.json."""
        return f"{self.verb.upper()} {self.path}"

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("^" + re.sub(r"\{[^}]+\}", "([^/]+)", self.path) + "$")


ROUTES: list[Route] = []


def route(verb: str, path: str) -> Callable[[Handler], Handler]:
    """Register the function for a verb and path."""

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(verb.lower(), path, handler))
        return handler

    return register


def find(verb: str, path: str) -> tuple[Route, list[str]] | None:
    """The route of a concrete path and the values of its places; of several matches the most literal one."""
    matches = [
        (each, list(match.groups()))
        for each in ROUTES
        if each.verb == verb.lower() and (match := each.pattern.match(path))
    ]
    return min(matches, key=lambda found: len(found[1]), default=None)
