"""The cast and the fixtures that every test may use; what must stand earlier is in tests/stage.py."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import connection

from tests.support import database
from tests.support.billing.payments import at_stripe, sandbox  # noqa: F401 - fixtures for every test that pays
from tests.support.pages import owner_pages
from tests.support.servers import live


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: Any) -> None:
    """Called by pytest-django before it makes the test database."""
    database.empty_quickly()
    database.drop_under_anyone()
    owner_pages.sign_in_directly()
    with django_db_blocker.unblock():
        database.clone_from_template()


@pytest.fixture(scope="session")
def live_url(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real web server on the test database, one for the whole run."""
    with live.serve(connection.settings_dict["NAME"], tmp_path_factory.mktemp("live") / "log") as url:
        yield url


@pytest.fixture
def live_api(live_url: str, transactional_db: None) -> Iterator[httpx.Client]:
    """A real HTTP client of a real server: what the test commits, the server sees."""
    with httpx.Client(base_url=live_url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Rate limits counted by one test must not refuse the next."""
    yield
    from django.core.cache import cache

    cache.clear()
