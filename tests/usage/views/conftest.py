"""Fixtures of the tests of pages about limits: noon on a stage, Alice who owns it, and Bob, a member."""

from typing import Any

import pytest
import time_machine
from django.test import Client

from credits import ledger
from organizations.models import User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in
from tests.support.usage.limit_pages import limit, use
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage.limits import requests
from usage.models import LimitRequest


@pytest.fixture
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> object:
    """Noon, by the clocks of pages and of the ledger."""
    open_book = ledger.open_book

    def at_noon(**asked: Any) -> Any:
        return open_book(**{**asked, "now": asked.get("now") or NOW})

    monkeypatch.setattr(ledger, "open_book", at_noon)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up(credits=100_000)


@pytest.fixture
def alices(stage: Stage) -> Client:
    return signed_in(stage.owner)


@pytest.fixture
def bob(stage: Stage) -> User:
    user = factories.person("Bob")
    factories.member(stage.organization, user)
    return user


@pytest.fixture
def bobs(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def asked(stage: Stage, bob: User) -> LimitRequest:
    """Bob has used up his 100 and asks for 300."""
    made = limit(stage, 100, user=bob)
    use(stage, 100, user=bob.email)
    return requests.ask(limit=made, user=bob, credits=300, message="A big report", now=NOW)
