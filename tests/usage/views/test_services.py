"""The services, as Alice sees them: what each used this month, its name, and its AI switch."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage.models import Service
from usage.uses import SwitchedOff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/services/"
SWITCH = "/o/acme/services/switch/"
SWITCH_ALL = "/o/acme/services/switch-all/"
RENAME = "/o/acme/services/rename/"


@pytest.fixture
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def stage(db: None) -> Stage:
    """Acme used 100 in the shop and 50 at the desk this month, and 50 at the desk the month before; 200 are left."""
    stage = set_up(credits=400, at_zero="switch_off")
    stage.pay("before", service="desk", occurred_at=NOW - timedelta(days=15))
    for key, service in (("a", "shop"), ("b", "shop"), ("c", "desk")):
        stage.pay(key, service=service)
    return stage


@pytest.fixture
def alices(stage: Stage) -> Client:
    return signed_in(stage.owner)


def use_everything_up(stage: Stage) -> None:
    for number in range(4):
        stage.pay(f"end {number}", service="shop")
    assert not Service.objects.filter(is_ai_on=True).exists()


def events(action: str) -> list[tuple[object, str]]:
    found = AuditEvent.objects.filter(action=action).select_related("actor").order_by("pk")
    return [(event.actor, event.target) for event in found]


def test_it_is_for_owners_alone(stage: Stage) -> None:
    assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)


def test_each_service_shows_its_switch_and_what_it_used_this_month(alices: Client) -> None:
    response = alices.get(URL)

    assert [(str(service), used) for service, used in response.context["rows"]] == [("desk", 50), ("shop", 100)]
    page = response.content.decode()
    assert page.count("Turn off") == 2
    assert "Turn on AI in all services" not in page


def test_its_queries_do_not_grow_with_the_services(
    stage: Stage, alices: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Service.objects.bulk_create(
        [Service(organization=stage.organization, key=f"s{n}", name=f"s{n}") for n in range(30)]
    )
    with django_assert_max_num_queries(15):
        alices.get(URL)


def test_without_a_wallet_or_a_service_it_says_so(client: Client) -> None:
    factories.organization(factories.person("Dora"), slug="empty")
    dora = User.objects.get(name="Dora")
    page = signed_in(dora).get("/o/empty/services/").content.decode()
    assert "No services yet" in page
    assert signed_in(dora).post("/o/empty/services/switch-all/").status_code == 302


def test_switching_off_refuses_every_use_in_it_and_is_recorded(stage: Stage, alices: Client) -> None:
    for _ in range(2):
        assert alices.post(SWITCH, {"service": "shop", "on": "no"}).status_code == 302

    assert events("service.ai_switched_off") == [(stage.owner, "shop")]
    with pytest.raises(SwitchedOff):
        stage.pay("more", service="shop")
    assert stage.pay("other", service="desk").credits == 50
    assert "since" in alices.get(URL).content.decode()


def test_switching_on_again_goes_on_and_is_recorded(stage: Stage, alices: Client) -> None:
    alices.post(SWITCH, {"service": "shop", "on": "no"})
    response = alices.post(SWITCH, {"service": "shop", "on": "yes"}, follow=True)

    assert "AI turned on in shop." in response.content.decode()
    assert events("service.ai_switched_on") == [(stage.owner, "shop")]
    assert stage.pay("more", service="shop").credits == 50


def test_with_nothing_left_no_switch_goes_on_and_it_says_why(stage: Stage, alices: Client) -> None:
    use_everything_up(stage)

    page = alices.get(URL).content.decode()
    assert "Add credits first" in page
    assert "Turn on" not in page
    for url, data in ((SWITCH, {"service": "shop", "on": "yes"}), (SWITCH_ALL, {})):
        refusal = alices.post(url, data)
        assert refusal.status_code == 409
        assert "Add credits first" in refusal.content.decode()
    assert events("service.ai_switched_on") == []


def test_after_buying_all_are_switched_on_at_once(stage: Stage, alices: Client) -> None:
    use_everything_up(stage)
    stage.give(100)
    assert "Turn on AI in all services" in alices.get(URL).content.decode()

    response = alices.post(SWITCH_ALL, follow=True)
    alices.post(SWITCH_ALL)

    assert "AI turned on in 2 services." in response.content.decode()
    assert sorted(events("service.ai_switched_on"), key=str) == [(stage.owner, "shop"), (stage.owner, "desk")][::-1]
    assert Service.objects.filter(is_ai_on=True).count() == 2


def test_a_service_gets_another_name_and_keeps_its_key(stage: Stage, alices: Client) -> None:
    assert "API calls keep using the key “shop”" in alices.get(RENAME, {"service": "shop"}).content.decode()
    for _ in range(2):
        response = alices.post(RENAME, {"service": "shop", "name": " Web shop "})

    assert response["Location"] == URL
    service = Service.objects.get(key="shop")
    assert service.name == "Web shop"
    (event,) = AuditEvent.objects.filter(action="service.renamed")
    assert (event.actor, event.target, event.details) == (stage.owner, "shop", {"from": "shop", "to": "Web shop"})
    stage.pay("more", service="shop")
    assert Service.objects.count() == 2


@pytest.mark.parametrize("name", ["", "   ", "x" * 151])
def test_a_name_that_is_none_or_too_long_is_refused(alices: Client, name: str) -> None:
    assert alices.post(RENAME, {"service": "shop", "name": name}).status_code == 422
    assert Service.objects.get(key="shop").name == "shop"


@pytest.mark.parametrize("wanted", [{}, {"on": "1"}])
def test_a_switch_that_does_not_say_which_way_moves_nothing(alices: Client, wanted: dict[str, str]) -> None:
    response = alices.post(SWITCH, {"service": "shop", **wanted})
    assert response.status_code == 422
    assert "on or off" in response.content.decode()
    assert Service.objects.get(key="shop").is_ai_on


@pytest.mark.parametrize("key", ["", "other", "nul\0"])
def test_a_service_that_does_not_exist_is_not_found(alices: Client, key: str) -> None:
    assert alices.post(SWITCH, {"service": key, "on": "no"}).status_code == 404
    assert alices.get(RENAME, {"service": key}).status_code == 404


def test_others_neither_switch_nor_rename_and_nobody_switches_by_a_link(stage: Stage, alices: Client) -> None:
    bob, charlie = factories.person("Bob"), factories.person("Charlie")
    factories.member(stage.organization, bob)
    data = {"service": "shop", "on": "no", "name": "mine"}
    for url in (SWITCH, SWITCH_ALL, RENAME):
        statuses = [browser.post(url, data).status_code for browser in (signed_in(bob), signed_in(charlie), Client())]
        assert statuses == [403, 404, 302]
    assert [alices.get(url).status_code for url in (SWITCH, SWITCH_ALL)] == [405, 405]
    assert Service.objects.get(key="shop").is_ai_on
