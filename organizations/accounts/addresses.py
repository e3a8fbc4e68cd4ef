"""The address that a request comes from, as trusted proxies say it."""

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address, or nothing where it can't be told (a socket that is no internet socket)."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return ""
