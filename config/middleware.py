"""Middleware for every response, pages and API alike."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class PrivateByDefault:
    """Keep responses out of every cache, shared or private, unless the view sets Cache-Control itself.

    Balances, names and files are for the person who asked (RFC 9111, section 5.2.2.5). Static files say `public`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
