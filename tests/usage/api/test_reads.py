"""The balance, over real HTTP."""

from datetime import timedelta

from django.utils import timezone

from tests.support import factories
from tests.support.usage.api_caller import Caller, assert_problem
from tests.support.usage.usage_stage import Stage, give

BALANCE = "/api/v1/organizations/{}/balance"


def test_it_shows_nothing_of_another_organization(caller: Caller, served_stage: Stage) -> None:
    factories.wallet(factories.organization(factories.person("Bob"), slug="rival"), served_stage.program)
    foreign, unknown = (caller.get(BALANCE.format(slug)) for slug in ("rival", "nobody"))
    assert_problem(foreign, 404, "not_found")
    assert foreign.content == unknown.content
    assert_problem(caller.get(BALANCE.format("a%00b")), 404, "not_found")


def test_the_balance_leaves_out_what_has_expired_unswept(caller: Caller, served_stage: Stage) -> None:
    past = timezone.now() - timedelta(days=2)
    give(served_stage.wallet, 500, key="gone", now=past, expires_at=past + timedelta(days=1))
    assert served_stage.balance() == 10_500
    assert caller.balance() == {
        "organization": "acme",
        "unit": "credits",
        "decimals": 0,
        "balance": 10_000,
        "reserved": 0,
        "debt": 0,
    }


def test_reading_needs_a_key(caller: Caller) -> None:
    path = BALANCE.format("acme")
    assert_problem(caller.client.get(path), 401, "unauthorized")
    assert_problem(Caller(caller.client, "dd_wrong").get(path), 401, "unauthorized")
