"""GET /api/billing/credits, over real HTTP."""

from datetime import timedelta

from django.utils import timezone

from organizations.models import Scope
from tests.support import factories
from tests.support.usage.api_caller import Caller, assert_problem, new_key
from tests.support.usage.usage_stage import Stage, give
from usage.models import Service

CREDITS = "/api/billing/credits"


def test_it_shows_balance_expiring_switches_and_transactions(caller: Caller, served_stage: Stage) -> None:
    soon = timezone.now() + timedelta(days=3)
    give(served_stage.wallet, 40, key="soon", now=timezone.now() - timedelta(days=1), expires_at=soon)
    caller.spend("chat", model="small", user="alice@example.com", input_tokens=20, output_tokens=0)
    caller.reserve(credits=100)
    caller.spend("query", credits=10, service="bot", resource={"project": "apollo", "session": 7})
    Service.objects.filter(key="bot").update(is_ai_on=False)
    shown = caller.get(CREDITS).json()
    assert (shown["organization"], shown["unit"], shown["decimals"]) == ("acme", "credits", 0)
    assert (shown["balance"], shown["reserved"], shown["debt"], shown["plan"]) == (9_870, 100, 0, None)
    assert (shown["expiring"], shown["expiring_total"]) == ([], 0), "what expires soonest was used"
    assert shown["ai_on"] is False
    assert [(service["key"], service["ai_on"]) for service in shown["services"]] == [("bot", False), ("main", True)]
    newest, chat, *_ = shown["transactions"]
    assert (newest["type"], newest["amount"], newest["balance_after"]) == ("usage", -10, 9_970)
    assert (newest["project"], newest["session"], newest["user"], newest["via"]) == ("apollo", 7, None, "Shop")
    assert (chat["amount"], chat["user"], chat["feature"]) == (-60, "alice@example.com", "chat")
    grant = shown["transactions"][-1]
    assert (grant["type"], grant["source"], grant["user"]) == ("grant", "goodwill", None)
    assert grant["id"].startswith("grt_")


def test_it_lists_what_expires_within_fourteen_days(caller: Caller, served_stage: Stage) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    for days in (13, 15):
        expires_at = timezone.now() + timedelta(days=days)
        give(served_stage.wallet, days, key=f"{days}", now=yesterday, expires_at=expires_at)
    shown = caller.get(CREDITS).json()
    assert [part["credits"] for part in shown["expiring"]] == [13]
    assert shown["expiring_total"] == 13


def test_it_pages_through_all_transactions_while_new_ones_arrive(caller: Caller) -> None:
    spent = [caller.spend("enrich", quantity=quantity).json()["id"] for quantity in (1, 0, 2, 0, 0, 3, 4)]
    seen, cursor = [], None
    while True:
        page = caller.get(CREDITS, limit=3, **({"cursor": cursor} if cursor else {})).json()
        seen += [transaction["id"] for transaction in page["transactions"]]
        caller.spend("enrich", quantity=5)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen[:-1] == spent[::-1]
    assert seen[-1].startswith("grt_")


def test_it_refuses_queries_that_make_no_sense(caller: Caller) -> None:
    wrong = [
        *({"limit": value} for value in ("0", "101", "-1", "1.0", "1_0", " 7", "+5", "٣", "", "1e1")),
        *({"cursor": value} for value in ("", "x", "1", "99999999999999999999-" + "0" * 32, "1-" + "0" * 31)),
        {"page": "2"},
    ]
    for query in wrong:
        problem = assert_problem(caller.get(CREDITS, **query), 422, "invalid")
        assert problem["errors"][0]["field"] == next(iter(query))
    twice = caller.client.get(f"{CREDITS}?limit=1&limit=2", headers={"Authorization": f"Bearer {caller.key}"})
    assert_problem(twice, 422, "invalid")


def test_a_product_server_names_the_organization(caller: Caller, served_stage: Stage) -> None:
    anyone = Caller(caller.client, new_key(served_stage.owner, scope=Scope.READ, name="Platform"))
    assert_problem(anyone.get(CREDITS), 422, "invalid")
    assert anyone.get(CREDITS, organization="acme").json() == caller.get(CREDITS, organization="acme").json()
    assert_problem(anyone.get(CREDITS, organization="nobody"), 404, "not_found")


def test_it_shows_nothing_of_another_organization(caller: Caller, served_stage: Stage) -> None:
    factories.wallet(factories.organization(factories.person("Bob"), slug="rival"), served_stage.program)
    foreign, unknown = (caller.get(CREDITS, organization=slug) for slug in ("rival", "nobody"))
    assert_problem(foreign, 404, "not_found")
    assert foreign.content == unknown.content
    assert_problem(caller.get(CREDITS, organization="a\0b"), 404, "not_found")


def test_reading_needs_a_key(caller: Caller) -> None:
    assert_problem(caller.client.get(CREDITS), 401, "unauthorized")
    assert_problem(Caller(caller.client, "dd_wrong").get(CREDITS), 401, "unauthorized")
