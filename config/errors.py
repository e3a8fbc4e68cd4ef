"""The error pages. They need no session, user or database, since any of these can be what failed."""

import sys

from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template import loader

RETRY_AFTER_SECONDS = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 with Retry-After where the database can't be reached or is too busy, and 500 for anything else.

    Django calls it while it handles the exception, and doesn't pass the exception.
    """
    del request
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        page = loader.get_template("503.html").render()
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return HttpResponseServerError(loader.get_template("500.html").render())
