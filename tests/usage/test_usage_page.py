"""The pages of what was used: Alice's of all of it, and each member's own."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db.models import Sum
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from credits.models import Operation
from organizations.models import User
from tests import factories
from tests.owner_pages import assert_for_owners_alone, signed_in
from tests.usage.stage import NOW, Stage, set_up
from usage import limits
from usage.metering import meter
from usage.refunds import refund
from usage.uses import Metered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/usage/"
MINE = "/o/acme/my-usage/"


@pytest.fixture
def _at_noon() -> object:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up()


@pytest.fixture
def alices(stage: Stage) -> Client:
    return signed_in(stage.owner)


@pytest.fixture
def bob(stage: Stage) -> User:
    user = factories.person("Bob")
    factories.member(stage.organization, user)
    return user


def used(client: Client, query: str = "") -> int:
    response = client.get(URL + query)
    assert response.status_code == 200
    return int(response.context["report"].total.credits)


class TestTheOwnersPage:
    def test_it_is_for_owners_alone(self, stage: Stage) -> None:
        meter([stage.use("a")], now=NOW)

        assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)

    def test_it_says_who_used_what(self, stage: Stage, alices: Client, bob: User) -> None:
        meter([stage.use("a"), stage.use("b", user=bob.email), stage.use("c", service="shop")], now=NOW)

        page = alices.get(URL).content.decode()

        for expected in ["By feature", "By person", "By service", "Report", "Bob", "shop", "150", "33%", "66%"]:
            assert expected in page

    def test_presets_are_months_and_days_of_the_organizations_clocks(self, stage: Stage, alices: Client) -> None:
        for key, days in (("today", 0), ("week", 8), ("month", 20), ("older", 33)):
            meter([stage.use(key, occurred_at=NOW - timedelta(days=days))], now=NOW)

        assert used(alices) == used(alices, "?range=this_month") == 100
        assert used(alices, "?range=last_month") == 100
        assert used(alices, "?range=last_30_days") == 150

    def test_old_events_are_found_on_their_own_days(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("old", occurred_at=datetime(2023, 11, 16, 18, tzinfo=UTC), any_age=True)], now=NOW)

        assert used(alices) == 0
        assert used(alices, "?since=2023-11-16&until=2023-11-16") == 50
        assert "November 2023" in alices.get(URL + "?since=2023-01-01&until=2026-01-01").content.decode()

    def test_it_agrees_with_the_history_and_the_balance_to_the_last_unit(
        self, stage: Stage, alices: Client, bob: User
    ) -> None:
        uses = [stage.use(f"u{n}", occurred_at=NOW - timedelta(days=n), user=bob.email) for n in range(30)]
        answers = meter(uses, now=NOW)
        assert isinstance(answers[3], Metered)
        refund(answers[3].event_id, credits=17, key="r", reason="", within=None, now=NOW)

        total = used(alices, "?since=2026-01-01&until=2026-03-10")

        assert total == 30 * 50 - 17
        assert total == 10_000 - stage.balance()
        in_history = Operation.objects.filter(kind__in=["usage", "return"]).aggregate(sum=Sum("credits"))["sum"]
        assert total == -in_history

    def test_it_asks_as_few_questions_for_many_uses_as_for_one(
        self, stage: Stage, alices: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        meter([stage.use(f"u{n}", service=f"service-{n}") for n in range(40)], now=NOW)

        # The sums run on the driver's own cursor and are one more.
        with django_assert_num_queries(7):
            alices.get(URL)

    def test_what_does_not_fit_a_table_is_added_up_in_one_line(self, stage: Stage, alices: Client) -> None:
        meter([stage.use(f"u{n}", service=f"service-{n}") for n in range(105)], now=NOW)

        (services,) = [table for table in alices.get(URL).context["tables"] if table["id"] == "by-service"]

        assert len(services["lines"]) == 101
        assert (services["lines"][-1].name, services["lines"][-1].credits) == ("5 others", 250)

    def test_today_is_drawn_as_unfinished(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a"), stage.use("b", occurred_at=NOW - timedelta(days=2))], now=NOW)

        bars = alices.get(URL).context["chart"]["bars"]

        assert ["unfinished" in bar["kind"] for bar in bars] == [False, True]

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ({"range": "for ever"}, "Select a valid choice."),
            ({"since": "2026-03-01"}, "Name both days."),
            ({"until": "2026-03-01"}, "Name both days."),
            ({"since": "2026-03-02", "until": "2026-03-01"}, "This day is before the first one."),
            ({"since": "0001-01-01", "until": "9999-12-31"}, "Choose a day from the year 2000 to 2100."),
            ({"since": "\0", "until": "'"}, "Enter a valid date."),
        ],
    )
    def test_nonsense_is_refused_with_a_sentence(self, alices: Client, query: dict[str, str], sentence: str) -> None:
        response = alices.get(URL, query)

        assert response.status_code == 422
        assert sentence in response.content.decode()

    def test_nothing_used_is_said_in_words(self, alices: Client) -> None:
        assert "Nothing was used in these days." in alices.get(URL).content.decode()

    def test_an_organization_without_a_wallet_is_told_so(self) -> None:
        owner = factories.person("Dora")
        factories.organization(owner, slug="new")

        assert "There are no credits yet." in signed_in(owner).get("/o/new/usage/").content.decode()
        assert signed_in(owner).get("/o/new/my-usage/").status_code == 200


class TestAMembersOwnPage:
    def test_bob_sees_what_he_used_and_what_is_left_of_his_limit(self, stage: Stage, bob: User) -> None:
        meter([stage.use("a"), stage.use("b", user=bob.email)], now=NOW)
        limits.set_limit(organization=stage.organization, user=bob, credits=120, actor=stage.owner, now=NOW)
        meter([stage.use("c", user=bob.email)], now=NOW)

        response = signed_in(bob).get(MINE)

        page = response.content.decode()
        assert response.context["report"].total.credits == 100
        assert response.context["limit"].left == 20
        assert "Left of your own limit" in page
        assert "100 counted of 120 credits a month" in page
        assert "Alice" not in page

    def test_it_is_about_this_month_alone(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a", occurred_at=NOW - timedelta(days=12))], now=NOW)

        assert "You used nothing this month." in alices.get(MINE).content.decode()

    def test_strangers_and_the_anonymous_learn_nothing(self, stage: Stage) -> None:
        charlie = factories.person("Charlie")

        assert signed_in(charlie).get(MINE).status_code == 404
        assert Client().get(MINE).status_code == 302
        assert signed_in(stage.owner).post(MINE).status_code == 405

    def test_it_asks_a_fixed_number_of_questions(
        self, stage: Stage, bob: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        meter([stage.use(f"u{n}", user=bob.email) for n in range(20)], now=NOW)
        client = signed_in(bob)

        with django_assert_num_queries(6):
            client.get(MINE)
