"""The owners' notices on the dashboard, until they are dismissed or over."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.dashboard.events import GRANT_EXPIRING
from billing.recharge.events import RECHARGE_FAILED
from credits.ledger.thresholds.events import DEPLETED, LOW, RESTORED
from domain_events.declarations import DomainEvent
from notices import queries
from notices.models import NoticeSetting
from organizations.models import Organization, User
from tests.support import factories
from tests.support.occasions import NOW, given
from tests.support.pages.owner_pages import signed_in
from tests.support.usage.usage_stage import Stage, set_up
from usage.limits.events import LIMIT_THRESHOLD
from usage.models import Service
from usage.pricing import Measures

pytestmark = pytest.mark.django_db


def kinds(organization: Organization) -> list[str]:
    return [each.notice.kind for each in queries.shown(organization, now=NOW)]


class TestWhatIsShown:
    def test_the_newest_first_and_only_a_few(
        self, acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(queries.MOST_SHOWN + 2):
            given(acme, LIMIT_THRESHOLD, key=f"limit:{number}", limit_id=number, now=NOW - timedelta(hours=number))

        with django_assert_num_queries(1):
            found = queries.shown(acme, now=NOW)
        assert [each.notice.key for each in found] == [f"limit:{number}" for number in range(queries.MOST_SHOWN)]

    def test_not_what_is_for_one_person_or_another_organization(
        self, acme: Organization, bob: User, charlie: User
    ) -> None:
        given(acme, LIMIT_THRESHOLD, user=bob)
        given(Organization.objects.get(slug="globex"))

        assert kinds(acme) == []

    def test_not_what_owners_do_not_want_there(self, acme: Organization) -> None:
        NoticeSetting.objects.create(organization=acme, kind=GRANT_EXPIRING.name, on_dashboard=False)
        given(acme, GRANT_EXPIRING)

        assert kinds(acme) == []

    def test_not_what_time_has_made_idle(self, acme: Organization) -> None:
        given(acme, GRANT_EXPIRING, key="then", expires_at=NOW)
        given(acme, GRANT_EXPIRING, key="later", expires_at=NOW + timedelta(seconds=1))
        given(acme, LIMIT_THRESHOLD, key="last month", month_on=date(2026, 2, 1))
        given(acme, LIMIT_THRESHOLD, key="this month", month_on=date(2026, 3, 1))

        assert sorted(each.notice.key for each in queries.shown(acme, now=NOW)) == ["later", "this month"]

    def test_a_month_ends_on_the_organizations_clocks(self, acme: Organization) -> None:
        given(acme, LIMIT_THRESHOLD)
        # Acme is in Tokyo, nine hours ahead.
        midnight = NOW.replace(month=3, day=31, hour=15, minute=0)

        assert queries.shown(acme, now=midnight - timedelta(seconds=1))
        assert not queries.shown(acme, now=midnight)

    def test_not_what_the_caller_knows_to_be_over(self, acme: Organization) -> None:
        given(acme)
        given(acme, GRANT_EXPIRING)

        assert [each.notice.kind for each in queries.shown(acme, over=[LOW.name], now=NOW)] == [GRANT_EXPIRING.name]

    @pytest.mark.parametrize(("event", "tone"), [(DEPLETED, "danger"), (LOW, "warning"), (RESTORED, "")])
    def test_what_hurries_looks_like_it(self, acme: Organization, event: DomainEvent[Any], tone: str) -> None:
        given(acme, event)

        assert [each.tone for each in queries.shown(acme, now=NOW)] == [tone]


class TestThePage:
    @pytest.fixture
    def stage(self, db: None) -> Iterator[Stage]:
        with time_machine.travel(NOW, tick=False):
            yield set_up()

    @pytest.fixture
    def alices(self, stage: Stage) -> Client:
        return signed_in(stage.owner)

    def test_a_notice_stands_there_until_it_is_dismissed(self, stage: Stage, alices: Client) -> None:
        notice = given(stage.organization, RECHARGE_FAILED)

        page = alices.get("/o/acme/").content.decode()
        assert "Auto-recharge stopped" in page
        assert f'action="/o/acme/notices/{notice.pk}/dismiss/"' in page

        response = alices.post(f"/o/acme/notices/{notice.pk}/dismiss/", {"next": "/o/acme/"}, follow=True)
        assert response.redirect_chain == [("/o/acme/", 302)]
        assert "Auto-recharge stopped" not in response.content.decode()

    def test_a_balance_that_is_not_low_any_more_is_not_said_to_be(self, stage: Stage, alices: Client) -> None:
        assert stage.wallet.low_since is None
        given(stage.organization)

        assert "Your balance is low" not in alices.get("/o/acme/").content.decode()

    def test_dismissing_leads_back_to_it_from_the_answer_to_another_form_too(
        self, stage: Stage, alices: Client
    ) -> None:
        given(stage.organization, RECHARGE_FAILED)
        stage.pay("all", "enrich", measures=Measures(quantity=stage.balance()), now=NOW)
        Service.objects.update(is_ai_on=False)

        refused = alices.post("/o/acme/switch-on/", {"service": "main"})

        assert refused.status_code == 409
        assert 'name="next" value="/o/acme/"' in refused.content.decode()

    def test_an_organization_without_a_wallet_has_its_page(self, stage: Stage) -> None:
        owner = factories.person("Dora")
        factories.organization(owner, slug="new")

        assert signed_in(owner).get("/o/new/").status_code == 200
