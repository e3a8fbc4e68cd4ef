"""What holds for every answer, pages and API alike."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class PrivateByDefault:
    """Keep answers out of every cache, shared or the browser's own, unless the view said how long one may be kept.

    Balances, names and files are for whoever asked (RFC 9111, section 5.2.2.5). Static files come from further inside
    and say `public` themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
