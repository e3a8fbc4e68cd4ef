"""The API key of a request: whether it is valid, what it may do, and when it was last used."""

import threading
from collections.abc import Collection

from django.http import HttpRequest
from django.utils import timezone

from organizations import api_keys
from organizations.api_keys import AuthenticatedKey
from usage.api.problems import ApiError, unauthorized

NO_KEY = "Send an API key as “Authorization: Bearer dd_…”."
BAD_KEY = "This API key is not valid. It may be mistyped or revoked."
LONGEST_TOKEN = 200

# The minute in which this process last recorded each key's use: once a minute is enough.
_noted: dict[int, int] = {}
_noting = threading.Lock()


def bearer(request: HttpRequest) -> str:
    """Return the request's key as it was sent. Raises ApiError (401)."""
    token: str
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise unauthorized(NO_KEY)
    if len(token) > LONGEST_TOKEN:
        raise unauthorized(BAD_KEY)
    return token


def recognize(tokens: Collection[str]) -> dict[str, AuthenticatedKey]:
    """Return the valid keys among the tokens, in one query, and record that they were used."""
    keys = api_keys.authenticate_many(list(tokens))
    now = timezone.now()
    minute = int(now.timestamp()) // 60
    with _noting:
        fresh = [key.id for key in keys.values() if _noted.get(key.id) != minute]
        _noted.update(dict.fromkeys(fresh, minute))
    if fresh:
        api_keys.note_use(fresh, now)
    return keys


def refuse_spending(key: AuthenticatedKey | None) -> ApiError | None:
    """Return why a key may not spend, or None where it may."""
    if key is None:
        return unauthorized(BAD_KEY)
    if not key.may_spend:
        return ApiError("scope", "This API key can only read. Use a key with the scope “spend”.")
    return None


def reader(request: HttpRequest) -> AuthenticatedKey:
    """Return the request's key. Raises ApiError (401)."""
    token = bearer(request)
    key = recognize([token]).get(token)
    if key is None:
        raise unauthorized(BAD_KEY)
    return key


def spender(request: HttpRequest) -> AuthenticatedKey:
    """Return the request's key, which may spend. Raises ApiError (401, 403)."""
    key = reader(request)
    refused = refuse_spending(key)
    if refused is not None:
        raise refused
    return key
