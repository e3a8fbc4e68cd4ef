"""Bounds how often a person and an address may try what could be guessed. Counted in the shared cache."""

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
    """The person or the address tried too often in the last minutes."""


def count_try(request: HttpRequest, what: str) -> None:
    """Count a try of the signed-in user and of their address, whatever its outcome. Raises TooManyTriesError.

    Outside any transaction, so that a try that is refused afterwards counts too.
    """
    person = f"{what}-person:{request.user.pk}"
    if not (_take(person, PER_PERSON) and _take(f"{what}-address:{client_address(request)}", PER_ADDRESS)):
        raise TooManyTriesError(_("Too many tries. Wait 15 minutes, then try again."))


def _take(name: str, most: int) -> bool:
    """Take a free place of the time window, if there is one. Each is a row, so two requests never share it."""
    window = int(time.time()) // SECONDS
    return any(cache.add(f"tries:{name}:{window}:{place}", 1, SECONDS) for place in range(most))
