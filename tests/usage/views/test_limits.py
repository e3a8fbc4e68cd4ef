"""The pages of limits: the owners' list and forms, the answer to a request, and what a member sees and asks."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from credits import ledger
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.owner_pages import assert_for_owners_alone, signed_in
from tests.support.usage_stage import NOW, Stage, set_up
from usage import limits
from usage.limits import requests
from usage.metering import reservations
from usage.models import Feature, Limit, LimitRequest
from usage.pricing import Measures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/limits/"
WHOLE = f"{URL}organization/~all/"
MINE = "/o/acme/my-usage/"


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


def limit(stage: Stage, credits: int, **terms: Any) -> Limit:
    return limits.set_limit(organization=stage.organization, credits=credits, actor=stage.owner, now=NOW, **terms)


def use(stage: Stage, credits: int, **fields: Any) -> None:
    stage.pay(f"{credits}", "enrich", measures=Measures(quantity=credits), **fields)


def said(response: Any) -> str:
    """What the next page says above everything else."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


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


class TestAnswering:
    def page(self, request: LimitRequest) -> str:
        return f"{URL}requests/{request.public_id}/"

    def test_it_is_for_owners_alone(self, stage: Stage, alices: Client, bobs: Client, asked: LimitRequest) -> None:
        url = self.page(asked)
        assert alices.get(url).status_code == 200
        assert alices.post(url).status_code == 405
        assert bobs.get(url).status_code == 403
        assert signed_in(factories.person("Charlie")).get(url).status_code == 404
        for act in ("grant", "decline"):
            assert alices.get(f"{url}{act}/").status_code == 405
            assert bobs.post(f"{url}{act}/").status_code == 403
        assert alices.get(f"{URL}requests/lrq_nope/").status_code == 404

    def test_it_says_who_asks_for_what_and_what_was_used(self, alices: Client, asked: LimitRequest) -> None:
        response = alices.get(self.page(asked))

        for expected in ("Bob requested a higher limit", "A big report", "Requested: 300 credits per month", "100"):
            assert expected in text(response)
        form = response.context["grant_form"]
        assert (form["credits"].value(), form["how_long"].value()) == (300, "month")

    @pytest.mark.parametrize(
        ("data", "until"),
        [
            ({"how_long": "month"}, datetime(2026, 4, 1, tzinfo=UTC)),
            ({"how_long": "day", "day": "2026-03-20"}, datetime(2026, 3, 21, tzinfo=UTC)),
            ({"how_long": "good"}, None),
        ],
    )
    def test_more_is_allowed_for_the_month_for_a_time_or_for_good(
        self, alices: Client, asked: LimitRequest, data: dict[str, str], until: datetime | None
    ) -> None:
        response = alices.post(f"{self.page(asked)}grant/", {"credits": "300", **data}, follow=True)

        assert "Answered by Alice" in text(response)
        assert "New limit: 300 credits per month" in text(response)
        made = Limit.objects.get()
        assert made.raised_until == until
        assert (made.raised_credits or made.credits) == 300

    def test_it_is_declined_with_a_sentence(self, alices: Client, asked: LimitRequest) -> None:
        assert alices.post(f"{self.page(asked)}decline/", {"sentence": ""}).status_code == 422

        response = alices.post(f"{self.page(asked)}decline/", {"sentence": "Not this month"}, follow=True)

        assert "Declined" in text(response)
        assert "Not this month" in text(response)

    def test_a_second_answer_says_what_was_decided_by_whom(self, alices: Client, asked: LimitRequest) -> None:
        alices.post(f"{self.page(asked)}grant/", {"credits": "300", "how_long": "good"})

        again = alices.post(f"{self.page(asked)}decline/", {"sentence": "No"})

        assert "Alice already answered this request: approved." in said(again)
        assert AuditEvent.objects.filter(action__startswith="limit.request_").count() == 1

    @pytest.mark.parametrize(
        ("data", "status", "sentence"),
        [
            ({"credits": "300", "how_long": "day"}, 422, "Enter the day."),
            ({"credits": "300", "how_long": "century"}, 422, "Select a valid choice."),
            ({"credits": "100", "how_long": "good"}, 409, "Enter more than the current limit, or decline the request."),
            ({"credits": "300", "how_long": "day", "day": "2026-03-01"}, 409, "Choose a time in the future."),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_a_sentence(
        self, alices: Client, asked: LimitRequest, data: dict[str, str], status: int, sentence: str
    ) -> None:
        response = alices.post(f"{self.page(asked)}grant/", data)

        assert response.status_code == status
        assert sentence in text(response)
        assert LimitRequest.objects.get().state == "open"

    def test_whoever_follows_the_mail_after_the_limit_is_gone_is_told_so(
        self, stage: Stage, alices: Client, asked: LimitRequest
    ) -> None:
        limits.clear_limit(limit=asked.limit, actor=stage.owner, now=NOW)

        follow: list[Callable[[], Any]] = [
            lambda: alices.get(self.page(asked)),
            lambda: alices.post(f"{self.page(asked)}grant/"),
            lambda: alices.post(f"{self.page(asked)}decline/"),
        ]
        for response in [step() for step in follow]:
            assert response["Location"] == URL
            assert "has been removed" in said(response)


class TestAMember:
    def test_bob_sees_his_own_figures_and_of_the_others_only_whether_they_are_near(
        self, stage: Stage, bobs: Client, bob: User
    ) -> None:
        team = factories.team(stage.organization)
        stage.organization.memberships.filter(user=bob).update(team=team)
        limit(stage, 7_771)
        limit(stage, 1_003, team=team)
        limit(stage, 50, user=bob, feature=Feature.objects.get(key="report"))
        use(stage, 940, user=bob.email)

        response = bobs.get(MINE)

        page = text(response)
        assert [row.title for row in response.context["own_limits"]] == [
            "Bob",
            "Team Research",
            "The whole organization",
        ]
        for expected in ("50 credits left: 0 of 50 used", "Team Research", "nearly reached", "enough left"):
            assert expected in page
        assert "7,771" not in page
        assert "1,003" not in page

    def test_bob_asks_for_more_and_sees_that_he_has(self, stage: Stage, bobs: Client, bob: User) -> None:
        limit(stage, 100, user=bob)
        url = f"{MINE}limits/{bob.public_id}/~all/ask/"
        assert url in text(bobs.get(MINE))
        assert bobs.get(url).status_code == 200

        assert "Request sent to the owners." in said(bobs.post(url, {"credits": "", "message": "Please"}))

        assert "You already requested a higher limit." in said(bobs.post(url, {"message": "Please"}))
        assert LimitRequest.objects.get().message == "Please"
        assert "You requested a higher limit on" in text(bobs.get(MINE))
        assert "not answered yet" in text(bobs.get(url))

    def test_less_than_he_has_is_refused_with_a_sentence(self, stage: Stage, bobs: Client, bob: User) -> None:
        limit(stage, 100, user=bob)

        response = bobs.post(f"{MINE}limits/{bob.public_id}/~all/ask/", {"credits": "100"})

        assert response.status_code == 422
        assert "Request more than the current limit." in text(response)

    def test_limits_that_are_not_about_him_are_not_there(self, stage: Stage, bobs: Client) -> None:
        limit(stage, 100, user=stage.owner)

        assert bobs.get(f"{MINE}limits/{stage.owner.public_id}/~all/ask/").status_code == 404
        assert bobs.get(f"{MINE}limits/organization/~all/ask/").status_code == 404
        stranger = signed_in(factories.person("Charlie"))
        assert stranger.get(f"{MINE}limits/organization/~all/ask/").status_code == 404
