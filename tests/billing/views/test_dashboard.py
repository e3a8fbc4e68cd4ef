"""The dashboard, as Alice sees it, and the switch that turns AI on again."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from credits.models import AtZero, Source
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage.metering.meter import meter
from usage.models import Service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/"
SWITCH = "/o/acme/switch-on/"
DAY = timedelta(days=1)


@pytest.fixture
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up(at_zero=AtZero.SWITCH_OFF)


@pytest.fixture
def alices(stage: Stage) -> Client:
    return signed_in(stage.owner)


def shown(client: Client) -> str:
    response = client.get(URL)
    assert response.status_code == 200
    return response.content.decode()


def empty_the_wallet(stage: Stage) -> None:
    meter([stage.use(f"u{n}") for n in range(200)], now=NOW)
    assert stage.balance() == 0


class TestThePage:
    def test_it_is_for_owners_alone(self, stage: Stage) -> None:
        meter([stage.use("a")], now=NOW)

        assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)

    @pytest.mark.parametrize("has_wallet", [False, True])
    def test_the_first_minute_is_honest(self, stage: Stage, has_wallet: bool) -> None:
        owner = factories.person("Dora")
        organization = factories.organization(owner, slug="new")
        if has_wallet:
            factories.wallet(organization, stage.program)

        page = signed_in(owner).get("/o/new/").content.decode()

        assert "No credits yet" in page
        assert "Balance over time" not in page

    def test_what_is_left_leaves_out_what_expires_this_very_second(self, stage: Stage, alices: Client) -> None:
        driver = WalletDriver(stage.wallet, NOW - DAY)
        driver.wallet.refresh_from_db()
        driver.now = NOW
        driver.grant(500, days=1)
        with time_machine.travel(NOW + DAY - timedelta(microseconds=1), tick=False):
            assert signed_in(stage.owner).get(URL).context["balance"].available == 10_500
        with time_machine.travel(NOW + DAY, tick=False):
            response = signed_in(stage.owner).get(URL)
            assert response.context["balance"].available == 10_000
            assert response.context["chart"]["rows"][0][-1] == "10,000"
        assert stage.balance() == 10_500

    def test_what_is_reserved_is_said_beside_it(self, stage: Stage, alices: Client) -> None:
        WalletDriver(stage.wallet, NOW).reserve(40)

        page = shown(alices)

        assert "9,960" in page
        assert "40 more reserved for work in progress" in page
        assert "40 of it reserved" in page

    def test_debt_is_said_plainly(self, stage: Stage, alices: Client) -> None:
        stage.program.overdraft_limit = 100
        stage.program.save()
        driver = WalletDriver(stage.wallet, NOW)
        driver.settle(driver.reserve(10_000), 10_070)

        page = shown(alices)

        assert "Your balance is negative." in page
        assert "You used 70 credits more than you had." in page

    def test_used_this_month_stands_against_last_month_by_this_time(self, stage: Stage, alices: Client) -> None:
        for key, days in (("now", 0), ("before", 29), ("later last month", 27)):
            meter([stage.use(key, occurred_at=NOW - days * DAY - timedelta(minutes=1))], now=NOW)

        response = alices.get(URL)

        assert response.context["used"].credits == 50
        assert response.context["used"].before == 50
        assert "0%, from 50 at this point last month" in response.content.decode()

    def test_what_expires_within_14_days_is_named_with_its_day(self, stage: Stage, alices: Client) -> None:
        driver = WalletDriver(stage.wallet, NOW)
        driver.grant(30, days=13)
        driver.grant(20, days=5)
        driver.grant(10, days=15)

        response = alices.get(URL)

        assert response.context["balance"].expiring_credits == 50
        assert "Mar 15, 2026" in response.content.decode()
        assert "Mar 23, 2026" in response.content.decode()

    def test_grants_stand_in_the_order_in_which_they_will_be_used(self, stage: Stage, alices: Client) -> None:
        driver = WalletDriver(stage.wallet, NOW)
        driver.grant(10, source=Source.CARD, cost_minor=1_000, cost_currency="JPY", days=30)
        driver.grant(10, source=Source.PLAN, days=20)
        driver.grant(10, source=Source.PROMOTION, priority=10, features=frozenset({"report"}))

        page = shown(alices)
        table = page[page.index("Listed in the order in which they are used.") :]

        places = [table.index(source) for source in ["Promotion", "Plan subscription", "Card purchase", "Goodwill"]]
        assert places == sorted(places)
        assert "only for report" in table
        assert "¥1,000" in table
        assert "10,030" in table

    def test_it_forecasts_at_the_pace_of_late(self, stage: Stage, alices: Client) -> None:
        meter([stage.use(f"u{n}", occurred_at=NOW - n * DAY) for n in range(29)], now=NOW)

        response = alices.get(URL)

        assert response.context["forecast"].state == "until"
        assert "Based on the last 28 days (1,400 used), without new credits." in response.content.decode()

    def test_it_says_when_it_is_too_early_to_forecast(self, stage: Stage, alices: Client) -> None:
        assert "Not enough data yet." in shown(alices)

    def test_it_says_where_this_months_credits_went(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a"), stage.use("b"), stage.use("c", user=None)], now=NOW)

        response = alices.get(URL)

        assert [(line.name, line.credits) for line in response.context["top"]["user"]] == [
            ("Alice", 100),
            ("no user", 50),
        ]
        assert [line.name for line in response.context["top"]["feature"]] == ["Report"]

    def test_the_picture_ends_with_what_is_there_now(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a")], now=NOW)

        chart = alices.get(URL).context["chart"]

        assert len(chart["rows"]) == 90
        assert chart["rows"][0] == ["Mar 10, 2026", "+10,000", "", "9,950"]
        assert chart["rows"][1][-1] == "0"

    def test_it_asks_as_few_questions_for_much_as_for_little(
        self, stage: Stage, alices: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        meter([stage.use(f"u{n}", service=f"service-{n}") for n in range(30)], now=NOW)
        driver = WalletDriver(stage.wallet, NOW)
        for days in range(1, 70):
            driver.grant(10, days=days)

        # The ledger's and the meter's own reads run on the driver's cursor: five more, as many as ever.
        with django_assert_num_queries(12):
            page = shown(alices)
        assert "and 20 more" in page


class TestSwitchingOn:
    def test_services_that_went_off_are_listed_and_can_not_be_switched_on_for_nothing(
        self, stage: Stage, alices: Client
    ) -> None:
        empty_the_wallet(stage)

        page = shown(alices)

        assert "You're out of credits." in page
        assert "AI is turned off" in page
        assert "Turn on" not in page
        refusal = alices.post(SWITCH, {"service": "main"})
        assert refusal.status_code == 409
        assert "You have no credits left." in refusal.content.decode()
        assert not Service.objects.get(key="main").is_ai_on
        assert not AuditEvent.objects.filter(action="service.ai_switched_on").exists()

    def test_with_credits_again_alice_switches_each_on(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("shop", service="shop")], now=NOW)
        meter([stage.use(f"u{n}") for n in range(199)], now=NOW)
        stage.give(100)
        assert shown(alices).count("Turn on") == 2

        response = alices.post(SWITCH, {"service": "main"}, follow=True)

        assert "AI turned on in main." in response.content.decode()
        assert Service.objects.get(key="main").is_ai_on
        assert not Service.objects.get(key="shop").is_ai_on
        event = AuditEvent.objects.get(action="service.ai_switched_on")
        assert (event.actor, event.target) == (stage.owner, "main")

    def test_twice_is_once(self, stage: Stage, alices: Client) -> None:
        empty_the_wallet(stage)
        stage.give(100)

        for _ in range(2):
            assert alices.post(SWITCH, {"service": "main"}).status_code == 302

        assert AuditEvent.objects.filter(action="service.ai_switched_on").count() == 1

    @pytest.mark.parametrize("key", ["", "other", "nul\0", "x" * 5_000])
    def test_a_service_that_does_not_exist_is_not_found(self, alices: Client, key: str) -> None:
        assert alices.post(SWITCH, {"service": key}).status_code == 404

    def test_others_can_not_switch(self, stage: Stage) -> None:
        empty_the_wallet(stage)
        stage.give(100)
        bob, charlie = factories.person("Bob"), factories.person("Charlie")
        factories.member(stage.organization, bob)

        assert signed_in(bob).post(SWITCH, {"service": "main"}).status_code == 403
        assert signed_in(charlie).post(SWITCH, {"service": "main"}).status_code == 404
        assert Client().post(SWITCH, {"service": "main"}).status_code == 302
        assert signed_in(stage.owner).get(SWITCH).status_code == 405
        assert not Service.objects.get(key="main").is_ai_on
