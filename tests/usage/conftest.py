"""Fixtures of the meter's tests: the stage, and product servers that call its API."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.usage import usage_stage
from tests.support.usage.api_caller import Caller, new_key
from tests.support.usage.usage_stage import Stage


@pytest.fixture
def served_stage(transactional_db: None) -> Stage:
    """The stage, committed, so that a server sees it."""
    return usage_stage.set_up()


@pytest.fixture
def caller(live_api: httpx.Client, served_stage: Stage) -> Caller:
    """Acme's own product server."""
    return Caller(live_api, new_key(served_stage.owner, served_stage.organization))


@pytest.fixture
def spends_here(transactional_db: None) -> Iterator[None]:
    """For tests that spend in this process: the connection of its spends does not outlive them."""
    from usage.api import spending

    yield
    spending.close_connection()
