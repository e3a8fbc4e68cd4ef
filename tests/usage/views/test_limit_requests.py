"""The pages of requests for higher limits: the owners' answer, and what a member sees and asks."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in
from tests.support.usage.limit_pages import limit, said, text, use
from tests.support.usage.usage_stage import NOW, Stage
from usage import limits
from usage.models import Feature, Limit, LimitRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

URL = "/o/acme/limits/"
MINE = "/o/acme/my-usage/"


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
