"""The token that a form carries so that it acts once, however often it is sent: double click, back button, reload."""

import uuid

from django.http import HttpRequest

LONGEST = 64


def new_token() -> str:
    """A token for a form that is shown now."""
    return uuid.uuid4().hex


def token_of(request: HttpRequest) -> str:
    """The token that a form was sent with; a new one where it came without, or with something else than a token."""
    token = request.POST.get("token", "")
    return token if 0 < len(token) <= LONGEST and token.isascii() and token.isalnum() else new_token()
