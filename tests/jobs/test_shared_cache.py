"""The cache in the database: its table is there without anybody's doing, and what ran out is deleted."""

from typing import Any

import pytest
from django.core.cache import BaseCache, cache
from django.db import connection

from config import settings as shipped
from jobs import tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(settings: Any) -> BaseCache:
    """The cache as it is shipped; what a test puts there is rolled back with its transaction."""
    settings.CACHES = shipped.CACHES
    return cache


def test_every_process_sees_what_another_has_put_there(shared: BaseCache) -> None:
    assert shared.add("code", "used", timeout=60)
    assert not shared.add("code", "used again", timeout=60)
    assert shared.get("code") == "used"


def test_what_ran_out_is_deleted_and_the_rest_kept(shared: BaseCache) -> None:
    shared.set("old", 1, timeout=60)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE drawdown_cache SET expires = now() - interval '1 second'")
    shared.set("new", 1, timeout=60)

    assert tasks.forget_runs()["ran_out"] == 1
    assert shared.get("new") == 1
