"""Tokens of forms: a form acts once, however often it is sent by a double click, the back button or a reload."""

import uuid

from django.http import HttpRequest

LONGEST = 64


def new_token() -> str:
    """A token for a new form."""
    return uuid.uuid4().hex


def token_of(request: HttpRequest) -> str:
    """The token of a form that was sent; a new one where it has none, or not a valid one."""
    token = request.POST.get("token", "")
    return token if 0 < len(token) <= LONGEST and token.isascii() and token.isalnum() else new_token()
