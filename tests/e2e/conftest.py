"""A real browser against a real server: Debian's chromium, or the one that CHROMIUM names."""

import os
import shutil
from collections.abc import Iterator

import pytest
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from tests.stage import IN_CI
from tests.support.pages.browser_payments import customer_of, one_sandbox, payments  # noqa: F401 - fixtures of whoever buys

# Playwright keeps an event loop running in the test's thread; Django would take each query there for a mistake.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        missing = "needs chromium: install Debian's package, or name one in CHROMIUM"
        pytest.fail(missing) if IN_CI else pytest.skip(missing)
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return {"executable_path": chromium, "args": ["--no-sandbox", "--disable-gpu", *quiet]}


@pytest.fixture(scope="session")
def base_url(live_server: LiveServer) -> str:
    """So that `page.goto("/o/acme/")` is an address of the server under test."""
    return str(live_server.url)


@pytest.fixture
def sample_pages() -> Iterator[None]:
    """Serve `tests.support.pages.sample_pages` beside the real addresses."""
    with override_settings(ROOT_URLCONF="tests.support.pages.sample_pages"):
        yield
