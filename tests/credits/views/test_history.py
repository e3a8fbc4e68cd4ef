"""The change history, as Alice reads it: every operation, filtered, page by page, and one opened."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from credits.models import Operation, Source
from organizations.members.membership import remove_member
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage.usage_stage import NOW, Stage, give, set_up
from usage.metering.meter import meter
from usage.metering.usage_refunds import refund
from usage.pricing import Measures
from usage.uses import Metered

pytestmark = pytest.mark.django_db

URL = "/o/acme/history/"


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up()


@pytest.fixture
def alices(stage: Stage) -> Client:
    return signed_in(stage.owner)


def spend(stage: Stage, key: str, feature: str = "report", *, now: datetime = NOW, **fields: object) -> Metered:
    (answer,) = meter([stage.use(key, feature, **fields)], now=now)
    assert isinstance(answer, Metered)
    return answer


def shown(client: Client, query: str = "") -> str:
    response = client.get(URL + query)
    assert response.status_code == 200
    return response.content.decode()


def rows(page: str) -> int:
    return page.count('<th scope="row">')


class TestTheList:
    def test_it_is_for_owners_alone(self, stage: Stage) -> None:
        assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)

    def test_it_names_operations_in_the_owners_words(self, stage: Stage, alices: Client) -> None:
        driver = WalletDriver(stage.wallet, NOW)
        driver.grant(100, source=Source.CARD, days=1)
        driver.grant(100, source=Source.BANK_TRANSFER)
        driver.void(driver.grant(100, source=Source.PROMOTION))
        spend(stage, "u")
        driver.now = NOW + timedelta(days=2)
        driver.grant(1)

        page = shown(alices)

        for word in ["Card purchase", "Bank transfer", "Promotion", "Void", "Usage", "Expiry", "Goodwill"]:
            assert word in page
        assert "+100" in page
        assert "−50" in page
        assert "10,150" in page

    def test_newest_first(self, stage: Stage, alices: Client) -> None:
        spend(stage, "u", resource={"project": "Spring catalogue"})

        page = shown(alices)

        assert page.index("project: Spring catalogue") < page.index("for the test")

    def test_what_was_written_much_later_shows_both_clocks(self, stage: Stage, alices: Client) -> None:
        spend(stage, "soon", occurred_at=NOW - timedelta(minutes=5))
        assert "recorded" not in shown(alices)

        spend(stage, "late", occurred_at=NOW - timedelta(days=20))
        page = shown(alices)
        assert "Feb 18, 2026" in page
        assert "recorded" in page

    def test_it_asks_as_few_questions_for_many_operations_as_for_one(
        self, stage: Stage, alices: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        meter([stage.use(f"u{n}") for n in range(40)], now=NOW)

        with django_assert_num_queries(7):
            shown(alices)

    def test_an_organization_without_a_wallet_is_told_so(self) -> None:
        owner = factories.person("Dora")
        factories.organization(owner, slug="new")

        assert "No operations yet" in signed_in(owner).get("/o/new/history/").content.decode()

    def test_text_is_text_and_never_markup(self, stage: Stage, alices: Client) -> None:
        spend(stage, "u", resource={"<b>x</b>": "<script>alert(1)</script>"})

        page = shown(alices)

        assert "<script>alert" not in page
        assert "<b>x" not in page


class TestPages:
    def test_older_and_newer_lead_through_everything_once(self, stage: Stage, alices: Client) -> None:
        meter([stage.use(f"u{n}", resource={"n": f"<{n:03}>"}) for n in range(119)], now=NOW)
        response = alices.get(URL)
        seen = [response.context["page"].operations]
        while response.context["older_url"]:
            response = alices.get(response.context["older_url"])
            seen.append(response.context["page"].operations)

        assert [len(page) for page in seen] == [50, 50, 20]
        everything = list(Operation.objects.order_by("-number", "-id"))
        assert [operation for page in seen for operation in page] == everything

        response = alices.get(response.context["newer_url"])
        assert response.context["page"].operations == seen[1]
        response = alices.get(response.context["newer_url"])
        assert response.context["page"].operations == seen[0]
        assert response.context["newer_url"] is None

    def test_a_page_stays_while_new_operations_are_written(self, stage: Stage, alices: Client) -> None:
        meter([stage.use(f"u{n}") for n in range(60)], now=NOW)
        older = alices.get(URL).context["older_url"]
        before = alices.get(older).context["page"].operations
        meter([stage.use(f"v{n}") for n in range(7)], now=NOW)

        assert alices.get(older).context["page"].operations == before

    def test_uses_that_cost_nothing_are_not_lost_between_pages(self, stage: Stage, alices: Client) -> None:
        driver = WalletDriver(stage.wallet, NOW)
        for _ in range(70):
            driver.spend(0)

        first = alices.get(URL)
        second = alices.get(first.context["older_url"])

        found = first.context["page"].operations + second.context["page"].operations
        assert len({operation.pk for operation in found}) == 71

    def test_the_filters_go_along(self, stage: Stage, alices: Client) -> None:
        meter([stage.use(f"u{n}") for n in range(60)], now=NOW)

        older = alices.get(URL + "?kind=usage&feature=report").context["older_url"]

        assert "kind=usage&feature=report&before=" in older
        assert rows(alices.get(older).content.decode()) == 10

    @pytest.mark.parametrize("place", ["x", "1", "1_x", "-1_" + "0" * 32, "²_" + "0" * 32, "9" * 30 + "_" + "0" * 32])
    def test_a_place_that_makes_no_sense_is_refused(self, alices: Client, place: str) -> None:
        for name in ("before", "after"):
            response = alices.get(URL, {name: place})

            assert response.status_code == 422
            assert "This page of the history no longer exists." in response.content.decode()


class TestFilters:
    def test_by_type_source_feature_and_person(self, stage: Stage, alices: Client) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        give(stage.wallet, 500, key="second")
        spend(stage, "a", "report")
        spend(stage, "b", "enrich", user=bob.email, measures=Measures(quantity=7))

        assert rows(shown(alices)) == 4
        assert rows(shown(alices, "?kind=grant")) == 2
        assert rows(shown(alices, "?kind=usage")) == 2
        assert rows(shown(alices, "?source=goodwill")) == 2
        assert "No operations match these filters." in shown(alices, "?source=card")
        assert rows(shown(alices, "?feature=enrich")) == 1
        assert rows(shown(alices, f"?user={bob.public_id}")) == 1

    def test_by_days_on_the_organizations_clocks(self, stage: Stage, alices: Client) -> None:
        stage.organization.time_zone = "Asia/Tokyo"
        stage.organization.save()
        spend(stage, "before", occurred_at=datetime(2026, 3, 8, 14, 59, 59, tzinfo=UTC))
        spend(stage, "first", occurred_at=datetime(2026, 3, 8, 15, tzinfo=UTC))
        spend(stage, "last", occurred_at=datetime(2026, 3, 9, 14, 59, 59, tzinfo=UTC))
        spend(stage, "after", occurred_at=datetime(2026, 3, 9, 15, tzinfo=UTC))

        assert rows(shown(alices, "?since=2026-03-09&until=2026-03-09")) == 2
        assert rows(shown(alices, "?until=2026-03-08")) == 1

    def test_the_sum_is_of_the_filtered_whole(self, stage: Stage, alices: Client) -> None:
        meter([stage.use(f"u{n}") for n in range(60)], now=NOW)

        page = shown(alices, "?kind=usage")

        assert "Net change of the filtered operations" in page
        assert "−3,000" in page
        assert "Sum of all" not in shown(alices)

    def test_whoever_left_can_still_be_asked_for(self, stage: Stage, alices: Client) -> None:
        bob = factories.person("Bob")
        factories.member(stage.organization, bob)
        spend(stage, "b", user=bob.email)
        remove_member(organization=stage.organization, user=bob, actor=stage.owner)

        assert rows(shown(alices, f"?user={bob.public_id}")) == 1

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ({"kind": "x"}, "Select a valid choice."),
            ({"source": "'; DROP TABLE"}, "Select a valid choice."),
            ({"feature": "nul\0"}, "Select a valid choice."),
            ({"user": "1"}, "Select a valid choice."),
            ({"since": "yesterday"}, "Enter a valid date."),
            ({"since": "2026-02-30"}, "Enter a valid date."),
            ({"since": "0001-01-01"}, "Enter a date between the years 2000 and 2100."),
            ({"until": "9999-12-31"}, "Enter a date between the years 2000 and 2100."),
            ({"since": "2026-03-02", "until": "2026-03-01"}, "The end date is before the start date."),
        ],
    )
    @pytest.mark.parametrize("url", [URL, "/o/acme/history.csv"])
    def test_nonsense_is_refused_with_a_sentence(
        self, alices: Client, url: str, query: dict[str, str], sentence: str
    ) -> None:
        response = alices.get(url, query)

        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert "No results." in response.content.decode()


class TestOneOperation:
    def test_it_is_for_owners_alone(self, stage: Stage) -> None:
        url = f"{URL}{Operation.objects.get().pk}/"

        assert_for_owners_alone(url, organization=stage.organization, owner=stage.owner)

    def test_it_shows_each_grant_that_it_touched(self, stage: Stage, alices: Client) -> None:
        driver = WalletDriver(stage.wallet, NOW)
        driver.grant(30, source=Source.PLAN, days=5)
        used = spend(stage, "u-key", resource={"project": "Spring"}, via="Product server")

        page = alices.get(f"{URL}{used.event_id}/").content.decode()

        for expected in ["Plan subscription", "−30", "Goodwill", "−20", "usage:u-key", "Spring", "Product server"]:
            assert expected in page

    def test_a_return_leads_to_the_use_that_it_gives_back(self, stage: Stage, alices: Client) -> None:
        used = spend(stage, "u")
        back = refund(used.event_id, credits=20, key="r", reason="It failed.", within=None, now=NOW)

        page = alices.get(f"{URL}{back.refund_id}/").content.decode()

        assert f"{URL}{used.event_id}/" in page
        assert "It failed." in page

    def test_a_use_that_cost_nothing_says_so(self, stage: Stage, alices: Client) -> None:
        free = WalletDriver(stage.wallet, NOW).spend(0)

        assert "moved no credits" in alices.get(f"{URL}{free.id}/").content.decode()

    def test_that_of_another_organization_does_not_exist(self, stage: Stage, alices: Client) -> None:
        other = factories.wallet(factories.organization(factories.person("Dora"), slug="dora"), stage.program)
        theirs = give(other, 5)

        assert alices.get(f"{URL}{theirs.id}/").status_code == 404
        assert alices.get(f"{URL}{uuid4()}/").status_code == 404
