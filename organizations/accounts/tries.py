"""How often a person, or an address, may try what could be guessed: counted in the cache that all processes share."""

import time

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _

from organizations.accounts.addresses import client_address
from organizations.refusals import Refusal

SECONDS = 15 * 60
PER_PERSON = 10
PER_ADDRESS = 30


class TooManyTriesError(Refusal):
    """The person or the address has tried too often within the last minutes."""


def count_try(request: HttpRequest, what: str) -> None:
    """Count a try of the signed-in person and of their address, whatever comes of it. Raises TooManyTriesError.

    Outside any transaction: a try that is refused afterwards counts all the same.
    """
    person = f"{what}-person:{request.user.pk}"
    if not (_take(person, PER_PERSON) and _take(f"{what}-address:{client_address(request)}", PER_ADDRESS)):
        raise TooManyTriesError(_("Too many tries. Wait 15 minutes, then try again."))


def _take(name: str, most: int) -> bool:
    """Take one of the window's places, if one is free. Each place is one row, so two at once never share it."""
    window = int(time.time()) // SECONDS
    return any(cache.add(f"tries:{name}:{window}:{place}", 1, SECONDS) for place in range(most))
