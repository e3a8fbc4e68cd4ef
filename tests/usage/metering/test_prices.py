"""Prices by instant, bounds of time, and services that come into being with the first use."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from organizations.models import Organization
from tests.support import factories
from tests.support.usage.usage_stage import ALWAYS, NOW, Stage, give, price, prove_books, set_up
from usage import uses
from usage.models import MAX_SERVICES, Feature, Service
from usage.pricing import Measures
from usage.uses import Metered

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SECOND_HALF = datetime(2026, 3, 16, tzinfo=UTC)


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield set_up()
    prove_books()


class TestPrices:
    def test_a_price_that_changes_in_mid_month_holds_from_its_instant_on(self, stage: Stage) -> None:
        price(stage.program, "report", pricing="fixed", credits=70, effective_at=SECOND_HALF)

        before = stage.pay("a", now=SECOND_HALF - timedelta(microseconds=1))
        after = stage.pay("b", now=SECOND_HALF)

        assert (before.credits, after.credits) == (50, 70)
        assert stage.event(before).rate.credits == 50
        assert stage.event(after).rate.credits == 70

    def test_a_late_event_is_priced_by_its_own_time(self, stage: Stage) -> None:
        price(stage.program, "report", pricing="fixed", credits=70, effective_at=SECOND_HALF)

        late = stage.pay("a", occurred_at=SECOND_HALF - MINUTE, now=SECOND_HALF + DAY)

        assert late.credits == 50
        event = stage.event(late)
        assert (event.occurred_at, event.written_at) == (SECOND_HALF - MINUTE, SECOND_HALF + DAY)

    def test_a_price_of_tomorrow_is_not_todays(self, stage: Stage) -> None:
        price(stage.program, "report", pricing="fixed", credits=70, effective_at=NOW + DAY)

        assert stage.pay("a").credits == 50

    def test_before_its_first_price_a_feature_can_not_be_used(self, stage: Stage) -> None:
        price(stage.program, "fresh", pricing="fixed", credits=5, effective_at=NOW)

        assert stage.pay("a", "fresh").credits == 5
        with pytest.raises(uses.Invalid, match="no price at that time") as refused:
            stage.pay("b", "fresh", occurred_at=NOW - timedelta(microseconds=1))
        assert refused.value.field == "feature"

    def test_a_feature_without_any_price_can_not_be_used(self, stage: Stage) -> None:
        Feature.objects.create(program=stage.program, key="bare", name="Bare")

        with pytest.raises(uses.Invalid, match="no price"):
            stage.pay("a", "bare")

    def test_each_model_has_its_own_price(self, stage: Stage) -> None:
        price(stage.program, "chat", pricing="per_token", model="large", input_credits=30, output_credits=150)
        tokens = {"input_tokens": 2, "output_tokens": 1}

        small = stage.pay("a", "chat", measures=Measures(model="small", **tokens))
        large = stage.pay("b", "chat", measures=Measures(model="large", **tokens))

        assert (small.credits, large.credits) == (21, 210)

    def test_a_sum_is_rounded_up_once(self, stage: Stage) -> None:
        price(stage.program, "fine", pricing="per_token", model="m", input_credits=1, output_credits=1, per=1_000)

        paid = stage.pay("a", "fine", measures=Measures(model="m", input_tokens=1, output_tokens=1_000))

        assert paid.credits == 2

    def test_another_programs_feature_is_unknown(self, stage: Stage) -> None:
        price(factories.program("other"), "theirs", pricing="fixed", credits=1)

        with pytest.raises(uses.Invalid, match="no feature"):
            stage.pay("a", "theirs")


class TestTime:
    def test_what_happened_up_to_35_days_ago_is_taken(self, stage: Stage) -> None:
        assert stage.pay("a", occurred_at=NOW - timedelta(days=35)).credits == 50

    def test_a_clock_may_be_five_minutes_ahead(self, stage: Stage) -> None:
        assert stage.pay("a", occurred_at=NOW + timedelta(minutes=5)).credits == 50

    def test_an_import_may_be_of_any_age(self, stage: Stage) -> None:
        paid = stage.pay("a", occurred_at=ALWAYS, any_age=True)

        assert stage.event(paid).occurred_at == ALWAYS

    def test_an_import_may_not_be_of_the_future(self, stage: Stage) -> None:
        with pytest.raises(uses.Invalid, match="in the future"):
            stage.pay("a", occurred_at=NOW + DAY, any_age=True)

    def test_a_late_event_is_paid_from_what_can_be_spent_when_it_is_written(self, stage: Stage) -> None:
        stage.pay("a", "enrich", measures=Measures(quantity=10_000))
        give(stage.wallet, 50, key="fresh", now=NOW + DAY)

        assert stage.pay("b", occurred_at=NOW, now=NOW + 2 * DAY).available == 0


class TestServices:
    def test_a_service_comes_into_being_with_its_first_use_and_once(self, stage: Stage) -> None:
        stage.meter(stage.use("a", service="shop"), stage.use("b", service="shop"))
        stage.pay("c", service="shop")

        service = Service.objects.get()
        assert (service.organization, service.key, service.name, service.is_ai_on) == (
            stage.organization,
            "shop",
            "shop",
            True,
        )

    def test_a_use_that_names_no_service_belongs_to_the_main_one(self, stage: Stage) -> None:
        assert stage.event(stage.pay("a")).service.key == "main"

    def test_a_refused_use_brings_no_service_into_being(self, stage: Stage) -> None:
        stage.meter(
            stage.use("a", "enrich", service="shop", measures=Measures(quantity=10_001)),
            stage.use("b", "nothing", service="shop"),
        )

        assert not Service.objects.exists()

    def test_a_caller_that_invents_services_is_stopped_within_one_batch_too(self, stage: Stage) -> None:
        stage.pay("first", service="first")

        answers = stage.meter(*[stage.use(f"{n}", service=f"service {n}") for n in range(1, MAX_SERVICES + 1)])

        *paid, refused = answers
        assert all(isinstance(answer, Metered) for answer in paid)
        assert isinstance(refused, uses.Invalid)
        assert refused.field == "service"
        assert Service.objects.count() == MAX_SERVICES
        stage.give(100)
        assert stage.pay("known", service="first").credits == 50
        with pytest.raises(uses.Invalid, match="already has"):
            stage.pay("new", service="new")

    def test_one_that_invents_services_stops_no_other_organization(self, stage: Stage) -> None:
        dora = factories.person("Dora")
        give(factories.wallet(factories.organization(dora, slug="other"), stage.program, now=ALWAYS), 100)
        made = [Service(organization=stage.organization, key=f"{n}", name=f"{n}") for n in range(MAX_SERVICES)]
        Service.objects.bulk_create(made)

        mine, theirs = stage.meter(
            stage.use("a", service="new"), stage.use("a", organization="other", user=dora.email, service="new")
        )

        assert isinstance(mine, uses.Invalid)
        assert isinstance(theirs, Metered)
        assert Organization.objects.get(slug="other").services.get().key == "new"
