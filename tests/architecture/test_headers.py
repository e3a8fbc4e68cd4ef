"""What every answer carries, whatever it says: pages, errors, the admin, the API."""

import logging
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from django.utils.log import AdminEmailHandler

from tests.support import factories


def broken(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken on purpose")


def unreachable(_request: HttpRequest) -> HttpResponse:
    raise OperationalError("FATAL: sorry, too many clients already")


urlpatterns = [
    path("broken/", broken),
    path("unreachable/", unreachable),
    path("", include("config.urls")),
]
handler500 = "config.errors.server_error"

PAGES = ["/", "/accounts/login/", "/accounts/signup/", "/admin/login/", "/nothing/here/", "/api/nothing/", "/broken/"]

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.architecture.test_headers")]


@pytest.fixture
def visitor() -> Client:
    """A browser that is shown the error page, as in life."""
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("page", PAGES)
def test_a_strict_content_policy(visitor: Client, page: str) -> None:
    # Forms lead to the sandbox's pages while there is one; settings allow it on this machine only.
    policy = visitor.get(page).headers["Content-Security-Policy"].replace(settings.PAYMENTS_SANDBOX_URL, "")

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http:" not in policy


@pytest.mark.parametrize("page", PAGES)
def test_the_headers_that_close_old_holes(visitor: Client, page: str) -> None:
    headers = visitor.get(page).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("page", PAGES)
def test_no_cache_keeps_an_answer(visitor: Client, page: str) -> None:
    assert "no-store" in visitor.get(page).headers["Cache-Control"]


@pytest.mark.parametrize("page", ["/o/acme/history/csv/", "/admin/", "/api/v1/organizations/acme/balance"])
def test_nor_one_to_somebody_who_is_signed_in(visitor: Client, page: str) -> None:
    visitor.force_login(factories.staff())

    assert "no-store" in visitor.get(page).headers["Cache-Control"]


def test_the_broken_page_is_really_broken(visitor: Client) -> None:
    response = visitor.get("/broken/")

    assert response.status_code == 500
    assert b"on purpose" not in response.content


def test_without_a_database_a_page_asks_to_try_again(visitor: Client) -> None:
    response = visitor.get("/unreachable/")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert b"too many clients" not in response.content
    assert "Try again in a moment" in response.content.decode()


def test_nobody_is_mailed_about_a_failed_request(visitor: Client, settings: Any, mailoutbox: list[Any]) -> None:
    settings.ADMINS = [("Ops", "ops@example.com")]

    visitor.post("/broken/", {"password": "secret"}, headers={"Cookie": "session=secret"})
    visitor.get("/", headers={"Host": "evil.example.com"})

    assert mailoutbox == []
    assert not any(isinstance(handler, AdminEmailHandler) for handler in logging.getLogger("django").handlers)


def test_staff_pages_carry_the_policy_too(visitor: Client) -> None:
    visitor.force_login(factories.staff())

    assert "unsafe" not in visitor.get("/admin/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["/accounts/login/", "/admin/login/"])
def test_no_inline_script_or_style(visitor: Client, page: str) -> None:
    text = visitor.get(page).content.decode().lower()

    assert " style=" not in text
    assert "<style" not in text
    assert " onclick=" not in text
    assert all(
        "src=" in tag.split(">")[0] or "application/json" in tag.split(">")[0] for tag in text.split("<script")[1:]
    )
