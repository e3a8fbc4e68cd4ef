"""The product's addresses, and one that does nothing: what the web server and the framework cost by themselves."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import urlpatterns as product


def nothing(_request: HttpRequest) -> HttpResponse:
    """Answer 200 and read nothing. Below the API's prefix, so that it goes the API's short way to its view."""
    return HttpResponse(b"", headers={"Content-Length": "0"})


urlpatterns = [path("api/v1/nothing", nothing), *product]
