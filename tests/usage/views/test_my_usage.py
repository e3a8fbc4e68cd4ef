"""Each member's own page: what they used, and what is left of their own limit."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from organizations.models import User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in
from tests.support.usage.usage_stage import NOW, Stage, set_up
from usage import limits
from usage.metering.meter import meter

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_at_noon")]

MINE = "/o/acme/my-usage/"


@pytest.fixture
def _at_noon() -> object:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def stage(db: None) -> Stage:
    return set_up()


@pytest.fixture
def bob(stage: Stage) -> User:
    user = factories.person("Bob")
    factories.member(stage.organization, user)
    return user


class TestAMembersOwnPage:
    def test_bob_sees_what_he_used_and_what_is_left_of_his_limit(self, stage: Stage, bob: User) -> None:
        meter([stage.use("a"), stage.use("b", user=bob.email)], now=NOW)
        limits.set_limit(organization=stage.organization, user=bob, credits=120, actor=stage.owner, now=NOW)
        meter([stage.use("c", user=bob.email)], now=NOW)

        response = signed_in(bob).get(MINE)

        page = response.content.decode()
        assert response.context["report"].total.credits == 100
        assert response.context["limit"].left == 20
        assert "Remaining of your own limit" in page
        assert "100 of 120 credits used or reserved this month" in page
        assert "Alice" not in page

    def test_it_is_about_this_month_unless_other_days_are_asked_for(self, stage: Stage) -> None:
        meter([stage.use("a", occurred_at=NOW - timedelta(days=12))], now=NOW)
        alices = signed_in(stage.owner)

        assert "You have no usage in this period" in alices.get(MINE).content.decode()
        assert alices.get(MINE, {"range": "last_month"}).context["report"].total.credits == 50
        assert alices.get(MINE, {"range": "for ever"}).status_code == 422

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

        with django_assert_num_queries(8):
            client.get(MINE)
