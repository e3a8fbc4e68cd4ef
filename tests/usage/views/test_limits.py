"""The owners' pages of limits: the list, and the forms that set, raise and remove one."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage.limit_pages import limit, said, text, use
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage.limits import requests
from usage.metering import reservations
from usage.models import Feature, Limit, LimitRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/limits/"
WHOLE = f"{URL}organization/~all/"


class TestTheList:
    def test_it_is_for_owners_alone(self, stage: Stage) -> None:
        limit(stage, 100)

        assert_for_owners_alone(URL, organization=stage.organization, owner=stage.owner)

    def test_it_shows_what_is_used_reserved_and_left_of_each(self, stage: Stage, alices: Client, bob: User) -> None:
        team = factories.team(stage.organization)
        limit(stage, 1_000)
        limit(stage, 300, team=team)
        limit(stage, 200, user=bob, feature=Feature.objects.get(key="query"))
        use(stage, 600)
        reservations.reserve(stage.use("r", "query", user=bob.email), credits=190, now=NOW)

        response = alices.get(URL)

        shown = [
            (row.title, row.about, row.state.credits, row.state.used, row.state.reserved, row.left)
            for row in response.context["rows"]
        ]
        assert shown == [
            ("The whole organization", "All features", 1_000, 600, 190, 210),
            ("Team Research", "All features", 300, 0, 0, 300),
            ("Bob", "Query", 200, 0, 190, 10),
        ]
        for expected in ("Team Research", "60% used", "nearly reached", "Reserved", "1,000"):
            assert expected in text(response)

    def test_without_limits_it_says_so(self, alices: Client) -> None:
        assert "No limits yet" in text(alices.get(URL))

    def test_an_organization_without_a_wallet_is_told_so(self) -> None:
        owner = factories.person("Dora")
        factories.organization(owner, slug="new")

        assert "No credits yet" in text(signed_in(owner).get("/o/new/limits/"))
        assert signed_in(owner).get("/o/new/limits/add/").status_code == 302

    def test_many_are_shown_page_by_page_and_found_by_name(
        self, stage: Stage, alices: Client, bob: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        limit(stage, 5, user=bob)
        people = User.objects.bulk_create(User(email=f"p{n}@example.com", name=f"Person {n:02}") for n in range(60))
        Limit.objects.bulk_create(
            Limit(organization=stage.organization, scope="user", user=person, credits=n, created_at=NOW)
            for n, person in enumerate(people)
        )

        # The figures are read on the driver's own cursor and are one more.
        with django_assert_num_queries(8):
            first = alices.get(URL)
        assert len(first.context["rows"]) == 50
        assert "inactive" in text(first)
        assert [row.title for row in alices.get(URL, {"page": 2}).context["rows"]][-1] == "Person 59"
        assert [row.title for row in alices.get(URL, {"q": "bo"}).context["rows"]] == ["Bob"]
        assert "No limits found" in text(alices.get(URL, {"q": "nobody"}))

    def test_open_requests_stand_on_top(self, stage: Stage, alices: Client, asked: LimitRequest) -> None:
        assert f"{URL}requests/{asked.public_id}/" in text(alices.get(URL))

        requests.decline(request=asked, sentence="No", actor=stage.owner, now=NOW)

        assert "Requests for higher limits" not in text(alices.get(URL))


class TestSetting:
    @pytest.mark.parametrize(
        ("whose", "address"),
        [
            ({"whose": "organization"}, "organization/~all/"),
            ({"whose": "organization", "feature": "report"}, "organization/report/"),
            ({"whose": "member", "member": "Bob@example.com"}, "{bob}/~all/"),
            ({"whose": "{team}"}, "{team}/~all/"),
        ],
    )
    def test_one_is_set_for_whom_it_is_meant(
        self, stage: Stage, alices: Client, bob: User, whose: dict[str, str], address: str
    ) -> None:
        ids = {"bob": bob.public_id, "team": factories.team(stage.organization).public_id}
        data = {name: value.format(**ids) for name, value in whose.items()}

        response = alices.post(f"{URL}add/", {**data, "credits": "100", "thresholds": "80, 50%"})

        assert response.status_code == 302
        assert response["Location"] == URL + address.format(**ids)
        assert said(response) == "Limit created."
        made = Limit.objects.get()
        assert (made.credits, made.thresholds) == (100, [50, 80, 100])
        assert alices.get(response["Location"]).status_code == 200

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            ({"whose": "organization"}, "This field is required."),
            ({"whose": "organization", "credits": "-1"}, "greater than or equal to 0"),
            ({"whose": "organization", "credits": "1.5"}, "enter a number without decimals"),
            ({"whose": "organization", "credits": "10000000000000"}, "less than or equal to"),
            ({"whose": "member", "credits": "1"}, "Enter the email address of the member."),
            ({"whose": "member", "credits": "1", "member": "x"}, "Enter a valid email address."),
            ({"whose": "member", "credits": "1", "member": "c@example.com"}, "not a member of the organization"),
            ({"whose": "tem_1", "credits": "1"}, "Select a valid choice."),
            ({"whose": "organization", "credits": "1", "feature": "nope"}, "Select a valid choice."),
            ({"whose": "organization", "credits": "1", "thresholds": "half"}, "Enter whole numbers"),
            ({"whose": "organization", "credits": "1", "thresholds": "0, 50"}, "from 1 to 100 percent"),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_a_sentence(
        self, alices: Client, data: dict[str, str], sentence: str
    ) -> None:
        response = alices.post(f"{URL}add/", data)

        assert response.status_code == 422
        assert sentence in text(response)
        assert not Limit.objects.exists()

    def test_amounts_are_in_the_programs_unit(self) -> None:
        exact = set_up(decimals=6)
        signed_in(exact.owner).post(f"{URL}add/", {"whose": "organization", "credits": "0.000001"})

        assert Limit.objects.get().credits == 1

    def test_setting_it_twice_is_setting_it_once(self, alices: Client) -> None:
        for _ in range(2):
            alices.post(f"{URL}add/", {"whose": "organization", "credits": "100"})

        assert AuditEvent.objects.filter(action="limit.set").count() == 1

    def test_a_member_may_be_named_by_the_address(self, alices: Client, bob: User) -> None:
        response = alices.get(f"{URL}add/", {"member": bob.email})

        assert response.context["form"]["whose"].value() == "member"
        assert f'<option value="{bob.email}">Bob</option>' in response.content.decode()


class TestOneLimit:
    def test_it_is_for_owners_alone(self, stage: Stage) -> None:
        limit(stage, 100)

        assert_for_owners_alone(WHOLE, organization=stage.organization, owner=stage.owner)

    def test_lowering_it_below_what_is_used_says_at_once_that_use_stops(self, stage: Stage, alices: Client) -> None:
        limit(stage, 100)
        use(stage, 80)

        response = alices.post(f"{WHOLE}change/", {"credits": "50", "thresholds": "50"}, follow=True)

        assert "Usage is 30 credits above the limit." in text(response)
        assert "reached" in text(alices.get(URL))

    def test_it_is_raised_until_the_end_of_a_day_on_the_organizations_clocks(
        self, stage: Stage, alices: Client
    ) -> None:
        limit(stage, 100)
        stage.organization.time_zone = "Asia/Tokyo"
        stage.organization.save()
        assert str(alices.get(WHOLE).context["raise_form"]["day"].value()) == "2026-03-31"

        response = alices.post(f"{WHOLE}raise/", {"credits": "150", "day": "2026-03-31"}, follow=True)

        assert Limit.objects.get().raised_until == datetime(2026, 3, 31, 15, tzinfo=UTC)
        assert "Raised from 100 to 150 credits" in text(response)
        for _ in range(2):
            alices.post(f"{WHOLE}end/")
        assert Limit.objects.get().raised_until is None
        assert AuditEvent.objects.filter(action="limit.raise_ended").count() == 1

    @pytest.mark.parametrize(
        ("act", "data", "status", "sentence"),
        [
            ("change", {"credits": "x"}, 422, "Enter a number."),
            ("raise", {"credits": "150"}, 422, "This field is required."),
            ("raise", {"credits": "100", "day": "2026-03-31"}, 409, "The raised limit must be higher than the limit."),
            ("raise", {"credits": "150", "day": "2026-03-09"}, 409, "Choose a time in the future."),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_a_sentence(
        self, stage: Stage, alices: Client, act: str, data: dict[str, str], status: int, sentence: str
    ) -> None:
        limit(stage, 100)

        response = alices.post(f"{WHOLE}{act}/", data)

        assert response.status_code == status
        assert sentence in text(response)
        assert Limit.objects.filter(credits=100, raised_until=None).exists()

    def test_taking_it_away_twice_does_no_harm(self, stage: Stage, alices: Client) -> None:
        limit(stage, 100)

        assert said(alices.post(f"{WHOLE}clear/")) == "Limit removed."
        assert "already been removed" in said(alices.post(f"{WHOLE}clear/"))
        assert alices.get(WHOLE).status_code == 404

    def test_the_limit_of_a_member_who_left_can_be_seen_and_taken_away(
        self, stage: Stage, alices: Client, bob: User
    ) -> None:
        limit(stage, 100, user=bob)
        stage.organization.memberships.filter(user=bob).delete()
        url = f"{URL}{bob.public_id}/~all/"

        assert "is no longer in the organization" in text(alices.get(url))
        assert "not a member" in text(alices.post(f"{url}change/", {"credits": "5"}))
        alices.post(f"{url}clear/")
        assert not Limit.objects.exists()

    def test_everything_that_is_done_is_posted_by_owners(self, stage: Stage, alices: Client, bobs: Client) -> None:
        limit(stage, 100)

        for act in ("change", "raise", "end", "clear"):
            assert alices.get(f"{WHOLE}{act}/").status_code == 405
            assert bobs.post(f"{WHOLE}{act}/").status_code == 403
            assert alices.post(f"{URL}organization/nope/{act}/").status_code in {302, 404}
        assert Limit.objects.exists()
