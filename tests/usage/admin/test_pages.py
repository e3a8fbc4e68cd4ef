"""The staff's pages about the meter: what Stella can do there, what she can't, and the trace of each thing."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from organizations.models import AuditEvent
from tests.support import factories
from tests.support.usage import usage_stage
from tests.support.usage.usage_stage import Stage
from usage.limits import set_limit
from usage.metering.meter import meter
from usage.models import Feature, Limit, Rate, Service, UsageEvent

pytestmark = pytest.mark.django_db

EMPTY_RATE = {"pricing": "", "model": "", "per": "1", "effective_at_0": "", "effective_at_1": ""}


@pytest.fixture
def acme() -> Stage:
    """Acme, which has used a report in its service "main" a moment ago."""
    set_up = usage_stage.set_up()
    meter([set_up.use("one")])
    return set_up


@pytest.fixture
def stellas() -> Client:
    client = Client()
    client.force_login(factories.staff())
    return client


@pytest.mark.parametrize("model", ["service", "feature", "limit", "limitrequest", "usageevent"])
class TestEveryList:
    def test_opens_and_can_be_searched(self, stellas: Client, acme: Stage, model: str) -> None:
        assert stellas.get(f"/admin/usage/{model}/?q=acme").status_code == 200

    def test_deletes_nothing(self, stellas: Client, acme: Stage, model: str) -> None:
        assert "delete_selected" not in stellas.get(f"/admin/usage/{model}/").content.decode()

    def test_is_for_staff_alone(self, acme: Stage, model: str) -> None:
        owner = Client()
        owner.force_login(acme.owner)

        assert owner.get(f"/admin/usage/{model}/").status_code in {302, 403}


class TestServices:
    @pytest.fixture
    def main(self, acme: Stage) -> Service:
        return Service.objects.get(organization=acme.organization, key="main")

    def post(self, client: Client, service: Service, **data: str) -> Any:
        return client.post(f"/admin/usage/service/{service.pk}/change/", data)

    def test_ai_is_switched_off_with_a_reason(self, stellas: Client, acme: Stage, main: Service) -> None:
        self.post(stellas, main, name="main", reason="Runaway script")

        main.refresh_from_db()
        assert not main.is_ai_on
        assert main.switched_at
        event = AuditEvent.objects.get(action="service.ai_switched_off")
        assert (event.organization, event.target, event.reason) == (acme.organization, "main", "Runaway script")
        (answer,) = meter([acme.use("two")])
        assert type(answer).__name__ == "SwitchedOff"

    def test_and_on_again(self, stellas: Client, acme: Stage, main: Service) -> None:
        Service.objects.update(is_ai_on=False)

        self.post(stellas, main, name="main", is_ai_on="on", reason="Fixed")

        assert AuditEvent.objects.filter(action="service.ai_switched_on").count() == 1
        assert Service.objects.get(pk=main.pk).is_ai_on

    def test_nothing_happens_without_a_reason(self, stellas: Client, main: Service) -> None:
        page = self.post(stellas, main, name="main", reason="")

        assert "This field is required." in page.content.decode()
        assert Service.objects.get(pk=main.pk).is_ai_on

    def test_renaming_leaves_the_switch_alone(self, stellas: Client, main: Service) -> None:
        self.post(stellas, main, name="Shop", is_ai_on="on", reason="Asked for")

        main.refresh_from_db()
        assert (main.name, main.is_ai_on, main.switched_at) == ("Shop", True, None)
        assert AuditEvent.objects.get(action="service.changed_by_staff").details == {
            "name": {"from": "main", "to": "Shop"}
        }

    def test_none_is_added(self, stellas: Client) -> None:
        assert stellas.get("/admin/usage/service/add/").status_code == 403


class TestRates:
    @pytest.fixture
    def report(self, acme: Stage) -> Feature:
        return Feature.objects.get(key="report")

    def post(self, client: Client, feature: Feature, rates: list[dict[str, Any]], *, coming: int = 0) -> str:
        data = {"name": feature.name, "position": "0", "reason": "New prices"}
        data |= {"rates-TOTAL_FORMS": "0", "rates-INITIAL_FORMS": "0"}
        data |= {"rates-2-TOTAL_FORMS": str(len(rates)), "rates-2-INITIAL_FORMS": str(coming)}
        for number, rate in enumerate(rates):
            data |= {f"rates-2-{number}-{name}": str(value) for name, value in {**EMPTY_RATE, **rate}.items()}
        return client.post(f"/admin/usage/feature/{feature.pk}/change/", data, follow=True).content.decode()

    @pytest.fixture
    def coming(self, report: Feature) -> Rate:
        return usage_stage.price(
            report.program, "report", pricing="fixed", credits=70, effective_at=timezone.now() + timedelta(days=9)
        )

    def test_a_new_rate_holds_from_now_on(self, stellas: Client, report: Feature) -> None:
        before = timezone.now()

        self.post(stellas, report, [{"pricing": "fixed", "credits": 60}])

        old, new = Rate.objects.filter(feature=report).order_by("effective_at")
        assert (old.credits, new.credits) == (50, 60)
        assert before <= new.effective_at <= timezone.now()
        event = AuditEvent.objects.get(action="feature.rate_created")
        assert (event.reason, event.details["credits"]) == ("New prices", "60")

    def test_a_new_rate_may_name_a_later_time(self, stellas: Client, report: Feature) -> None:
        later = {"effective_at_0": "2090-01-01", "effective_at_1": "00:00:00"}

        self.post(stellas, report, [{"pricing": "fixed", "credits": 60, **later}])

        assert Rate.objects.filter(feature=report, effective_at=datetime(2090, 1, 1, tzinfo=UTC)).exists()

    def test_a_rate_that_has_been_in_force_is_only_shown(self, stellas: Client, report: Feature) -> None:
        page = stellas.get(f"/admin/usage/feature/{report.pk}/change/").content.decode()

        assert "Jan. 1, 2000" in page
        assert 'name="rates-0-credits"' not in page

    def test_a_rate_that_has_been_in_force_is_not_edited_by_a_forged_form(
        self, stellas: Client, report: Feature
    ) -> None:
        old = Rate.objects.get(feature=report)

        self.post(stellas, report, [{"id": old.pk, "pricing": "fixed", "credits": 1}], coming=1)

        old.refresh_from_db()
        assert old.credits == 50

    def test_a_rate_to_come_may_change(self, stellas: Client, report: Feature, coming: Rate) -> None:
        later = {"effective_at_0": "2090-01-01", "effective_at_1": "00:00:00"}

        self.post(stellas, report, [{"id": coming.pk, "pricing": "fixed", "credits": 80, **later}], coming=1)

        coming.refresh_from_db()
        assert coming.credits == 80
        assert AuditEvent.objects.filter(action="feature.rate_changed").count() == 1

    @pytest.mark.parametrize(
        ("rate", "sentence"),
        [
            ({"pricing": "fixed"}, "This pricing needs it."),
            ({"pricing": "fixed", "credits": 1, "min_credits": 1}, "This pricing doesn’t use it."),
            ({"pricing": "fixed", "credits": 1, "model": "m"}, "This pricing doesn’t use it."),
            ({"pricing": "fixed", "credits": 1, "per": 5}, "Leave 1."),
            ({"pricing": "range", "min_credits": 5, "max_credits": 1}, "Less than “at least”."),
            ({"pricing": "fixed", "credits": -1}, "Must be from 0 to 1000000000000."),
            (
                {"pricing": "fixed", "credits": 1, "effective_at_0": "2020-01-01", "effective_at_1": "00:00:00"},
                "This is in the past",
            ),
            (
                {"pricing": "per_token", "model": "m", "input_credits": 1, "output_credits": 1},
                "priced per token or otherwise, not both",
            ),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, stellas: Client, report: Feature, rate: dict[str, Any], sentence: str
    ) -> None:
        page = self.post(stellas, report, [rate])

        assert sentence in page.replace("&#x27;", "’")
        assert Rate.objects.filter(feature=report).count() == 1


class TestLimits:
    def post(self, client: Client, acme: Stage, **data: Any) -> str:
        terms = {"organization": acme.organization.pk, "team": "", "user": "", "credits": 500, "reason": "Asked for"}
        return client.post("/admin/usage/limit/add/", {**terms, **data}, follow=True).content.decode()

    def test_a_limit_counts_what_was_used_before(self, stellas: Client, acme: Stage) -> None:
        self.post(stellas, acme, user=acme.owner.pk)

        limit = Limit.objects.get()
        assert (limit.scope, limit.user, limit.credits) == ("user", acme.owner, 500)
        assert limit.uses.get().credits == 50
        event = AuditEvent.objects.get(action="limit.set")
        assert (event.organization, event.target, event.reason) == (
            acme.organization,
            acme.owner.public_id,
            "Asked for",
        )

    def test_it_may_be_of_one_feature_with_its_own_thresholds(self, stellas: Client, acme: Stage) -> None:
        report = Feature.objects.get(key="report")

        self.post(stellas, acme, feature=report.pk, thresholds="80, 95")

        limit = Limit.objects.get()
        assert (limit.feature, limit.thresholds, limit.uses.get().credits) == (report, [80, 95, 100], 50)
        page = stellas.get(f"/admin/usage/limit/{limit.pk}/change/").content.decode()
        assert "50, reserved 0" in page

    def test_a_feature_of_another_program_is_refused(self, stellas: Client, acme: Stage) -> None:
        foreign = Feature.objects.create(program=factories.program("other"), key="report", name="Report")

        assert "no such feature" in self.post(stellas, acme, feature=foreign.pk)
        assert "errorlist" in self.post(stellas, acme, thresholds="0")
        assert not Limit.objects.exists()

    def test_only_how_much_changes_later(self, stellas: Client, acme: Stage) -> None:
        limit = set_limit(organization=acme.organization, credits=500, actor=acme.owner)

        stellas.post(
            f"/admin/usage/limit/{limit.pk}/change/", {"credits": 700, "user": acme.owner.pk, "reason": "More"}
        )

        limit.refresh_from_db()
        assert (limit.credits, limit.scope, limit.user) == (700, "organization", None)
        assert "Further use is refused" in self.post(stellas, acme, user=acme.owner.pk, credits=50)
        assert AuditEvent.objects.filter(action="limit.set", details={"credits": 700, "before": 500}).count() == 1

    @pytest.mark.parametrize("credits", [-1, 10**12 + 1, "many"])
    def test_an_amount_out_of_bounds_is_refused(self, stellas: Client, acme: Stage, credits: object) -> None:
        assert "errorlist" in self.post(stellas, acme, credits=credits)
        assert not Limit.objects.exists()

    def test_strangers_and_other_organizations_teams_are_refused(self, stellas: Client, acme: Stage) -> None:
        charlie = factories.person("Charlie")
        globex = factories.organization(charlie, slug="globex")

        assert "This is not a member of the organization." in self.post(stellas, acme, user=charlie.pk)
        assert "another organization" in self.post(stellas, acme, team=factories.team(globex).pk)
        both = self.post(stellas, acme, user=acme.owner.pk, team=factories.team(acme.organization).pk)
        assert "A limit is for a team or for a user, not for both." in both
        assert "The organization has no wallet." in self.post(stellas, acme, organization=globex.pk)
        assert not Limit.objects.exists()

    def test_taking_it_away_asks_why_first(self, stellas: Client, acme: Stage) -> None:
        limit = set_limit(organization=acme.organization, credits=500, actor=acme.owner)
        chosen = {"action": "clear", "_selected_action": limit.pk}
        assert "Reason" in stellas.post("/admin/usage/limit/", chosen).content.decode()
        assert Limit.objects.exists()

        stellas.post("/admin/usage/limit/", {**chosen, "reason": "Not needed", "token": str(uuid4())})

        assert not Limit.objects.exists()
        assert AuditEvent.objects.get(action="limit.cleared").reason == "Not needed"


class TestUsageEvents:
    def test_they_are_read_only(self, stellas: Client, acme: Stage) -> None:
        url = f"/admin/usage/usageevent/{UsageEvent.objects.get().pk}/change/"

        assert stellas.get(url).status_code == 200
        assert stellas.post(url, {}).status_code == 403
        assert stellas.get("/admin/usage/usageevent/add/").status_code == 403

    def test_an_event_is_found_by_its_identifier(self, stellas: Client, acme: Stage) -> None:
        event = UsageEvent.objects.get()

        page = stellas.get(f"/admin/usage/usageevent/?q={event.pk}").content.decode()
        assert f"/admin/usage/usageevent/{event.pk}/change/" in page
