"""A product server in tests: an API key, and the API's calls with real HTTP."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from organizations.api_keys import create_key
from organizations.models import Organization, Scope, User

PROBLEM_JSON = "application/problem+json"
_keys = count(1)


@dataclass(frozen=True)
class Caller:
    """Whoever holds the key. Every write has an idempotency key of its own unless one is given."""

    client: httpx.Client
    key: str

    def get(self, path: str, **query: str | int) -> httpx.Response:
        return self.client.get(path, params=query, headers={"Authorization": f"Bearer {self.key}"})

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        own = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key or f"key-{next(_keys)}"}
        return self.client.post(path, json=body if body is not None else {}, headers={**own, **(headers or {})})

    def spend(self, feature: str = "report", *, key: str | None = None, **fields: Any) -> httpx.Response:
        return self.post("/api/v1/usage", {"organization": "acme", "feature": feature, **fields}, key=key)

    def reserve(self, feature: str = "query", *, key: str | None = None, **fields: Any) -> httpx.Response:
        return self.post("/api/v1/reservations", {"organization": "acme", "feature": feature, **fields}, key=key)

    def balance(self, organization: str = "acme") -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/v1/organizations/{organization}/balance").json()
        return found


def new_key(
    created_by: User, organization: Organization | None = None, *, scope: str = Scope.SPEND, name: str = "Shop"
) -> str:
    """Make an API key and return its text; without an organization, a product server's."""
    return create_key(organization=organization, name=name, scope=scope, created_by=created_by)[1]


def assert_problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Say that the answer is this problem document, and return it."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, PROBLEM_JSON), response.text
    document: dict[str, Any] = response.json()
    assert document["type"] == f"/api/problems/{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document
