"""The pages of what was used: Alice's of all of it, and each member's own."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db.models import Sum
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from credits.models import Operation
from organizations.models import User
from tests.support import factories
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage.metering.meter import meter
from usage.metering.usage_refunds import refund
from usage.pricing import Measures
from usage.uses import Metered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/usage/"


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

        for expected in ["By feature", "By user", "By service", "Report", "Bob", "shop", "150", "33%", "66%"]:
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

        # The sums run on the driver's own cursor and are two more.
        with django_assert_num_queries(14):
            alices.get(URL)

    def test_what_does_not_fit_a_table_is_added_up_in_one_line(self, stage: Stage, alices: Client) -> None:
        meter([stage.use(f"u{n}", service=f"service-{n}") for n in range(105)], now=NOW)

        (services,) = [table for table in alices.get(URL).context["tables"] if table["id"] == "by-service"]

        others = services["rows"][-1].line
        assert len(services["rows"]) == 101
        assert (others.name, others.credits) == ("5 others", 250)

    def test_a_link_keeps_days_filters_and_comparison(self, stage: Stage, alices: Client, bob: User) -> None:
        chat = Measures(model="small", input_tokens=10, output_tokens=2)
        meter(
            [stage.use("a"), stage.use("b", "chat", measures=chat, user=bob.email), stage.use("c", user=None)], now=NOW
        )
        query = f"?range=last_7_days&feature=chat&user={bob.public_id}&service=main&model=small&compare=no"

        response = alices.get(URL + query)

        page = response.content.decode()
        assert response.context["report"].total.credits == 60
        assert "User: Bob" in page
        kept = f"feature=chat&amp;user={bob.public_id}&amp;service=main&amp;model=small"
        assert f'href="?range=last_month&amp;{kept}&amp;compare=no"' in page
        assert f'href="/o/acme/usage.csv?range=last_7_days&amp;{kept}"' in page
        assert 'href="?range=last_7_days&amp;compare=no"' in page
        assert used(alices, "?feature=report&user=-") == 50
        assert used(alices, "?team=-&model=-") == 100

    def test_each_row_leads_to_its_part_of_the_same_days(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a"), stage.use("b", service="a shop & more")], now=NOW)

        page = alices.get(URL, {"range": "today"}).content.decode()

        assert 'href="?range=today&amp;service=a+shop+%26+more"' in page
        assert used(alices, "?range=today&service=a+shop+%26+more") == 50

    def test_users_open_to_their_features_without_a_script(self, stage: Stage, alices: Client) -> None:
        chat = Measures(model="small", input_tokens=10, output_tokens=2)
        meter([stage.use("a"), stage.use("b", "chat", measures=chat)], now=NOW)

        page = alices.get(URL).content.decode()
        opened = page[page.index("<summary>Alice</summary>") :]

        assert opened.index("Chat") < opened.index("Report") < opened.index("</details>")
        assert f"user={stage.owner.public_id}" in opened
        assert "12 tokens" in opened

    def test_it_compares_with_the_range_before_unless_that_is_declined(self, stage: Stage, alices: Client) -> None:
        for key, days in (("a", 0), ("b", 1), ("c", 8), ("d", 8), ("e", 8)):
            meter([stage.use(key, service=key[0], occurred_at=NOW - timedelta(days=days))], now=NOW)

        response = alices.get(URL, {"range": "last_7_days"})
        page = response.content.decode()

        assert (response.context["report"].total.before, response.context["before"].first) == (150, date(2026, 2, 25))
        for expected in ["−33%", "−50, from 150", "new", "−100%", 'href="?range=last_7_days&amp;compare=no"']:
            assert expected in page
        alone = alices.get(URL, {"range": "last_7_days", "compare": "no"})
        assert alone.context["report"].total.before is None
        assert "−33%" not in alone.content.decode()

    def test_with_nothing_before_there_is_nothing_to_compare_with(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a")], now=NOW)

        page = alices.get(URL).content.decode()

        assert "No usage to compare with" in page
        assert "Compared with the previous period" not in page

    def test_today_is_shown_apart(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a"), stage.use("b", occurred_at=NOW - timedelta(days=2))], now=NOW)

        page = " ".join(alices.get(URL).content.decode().split())

        unit = '<span class="figure-unit">credits</span>'
        assert f'<p class="figure-label">Through yesterday</p> <p class="figure-value"> 50 {unit} </p>' in page
        assert '<p class="figure-note">so far, not final</p>' in page
        assert "so far, not final" not in alices.get(URL, {"range": "last_month"}).content.decode()

    def test_what_was_refunded_is_said(self, stage: Stage, alices: Client) -> None:
        answer = stage.pay("a")
        refund(answer.event_id, credits=12, key="r", reason="", within=None, now=NOW)

        assert "refunded 12" in alices.get(URL).content.decode()

    def test_today_is_drawn_as_unfinished(self, stage: Stage, alices: Client) -> None:
        meter([stage.use("a"), stage.use("b", occurred_at=NOW - timedelta(days=2))], now=NOW)

        bars = alices.get(URL).context["chart"]["bars"]

        assert ["unfinished" in bar["kind"] for bar in bars] == [False, True]

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ({"range": "for ever"}, "Select a valid choice."),
            ({"since": "2026-03-01"}, "Enter both dates."),
            ({"until": "2026-03-01"}, "Enter both dates."),
            ({"since": "2026-03-02", "until": "2026-03-01"}, "The end date is before the start date."),
            ({"since": "0001-01-01", "until": "9999-12-31"}, "Enter a date between the years 2000 and 2100."),
            ({"since": "\0", "until": "'"}, "Enter a valid date."),
            ({"user": "usr_nobody"}, "Select a valid choice."),
            ({"feature": "\0"}, "Select a valid choice."),
            ({"model": "\0"}, "Select a valid choice."),
            ({"compare": "perhaps"}, "Select a valid choice."),
        ],
    )
    def test_nonsense_is_refused_with_a_sentence(self, alices: Client, query: dict[str, str], sentence: str) -> None:
        response = alices.get(URL, query)

        assert response.status_code == 422
        assert sentence in response.content.decode()

    def test_nothing_used_is_said_in_words(self, alices: Client) -> None:
        assert "No usage in this period" in alices.get(URL).content.decode()

    def test_an_organization_without_a_wallet_is_told_so(self) -> None:
        owner = factories.person("Dora")
        factories.organization(owner, slug="new")

        assert "No credits yet" in signed_in(owner).get("/o/new/usage/").content.decode()
        assert signed_in(owner).get("/o/new/my-usage/").status_code == 200
