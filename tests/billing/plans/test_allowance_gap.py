"""Between two months of a plan, the old credits gone and the new ones minutes away: no notice, no charge."""

from datetime import timedelta

import pytest

from billing.models import Plan, RechargeAttempt, Subscription
from billing.plans import renewals
from billing.recharge.queries import _obstacle
from credits import ledger
from credits.models import Source
from notices.models import Notice
from tests.support.billing.payments import Payments
from tests.support.billing.plan_stage import START, PlanStage, set_up
from tests.support.billing.recharges import HOUR, MINUTE, Recharging
from tests.support.billing.recharges import set_up as set_up_recharge
from tests.support.usage.usage_stage import price
from usage.metering.meter import meter
from usage.models import Service
from usage.uses import Insufficient, SwitchedOff, Use
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


class TestWhatIsTold:
    @pytest.fixture(params=[False, True], ids=["as plan credits", "as bank transfer"])
    def stage(self, request: pytest.FixtureRequest) -> PlanStage:
        """Acme is on an invoiced plan and holds nothing else; AI goes off at zero, and is on in its app."""
        stage = set_up(invoiced_as_transfer=request.param)
        stage.program.at_zero = "switch_off"
        stage.program.save()
        stage.put_on("basic", at=START)
        price(stage.program, "report", pricing="fixed", credits=50)
        Service.objects.create(organization=stage.organization, key="app", name="app", is_ai_on=True, created_at=START)
        return stage

    def use(self, stage: PlanStage, key: str) -> Use:
        return Use(organization="acme", key=key, feature="report", user=stage.owner.email, service="app", via="test")

    def emitted(self) -> list[str]:
        return list(Notice.objects.order_by("pk").values_list("kind", flat=True))

    def test_a_renewal_gives_no_notice_and_leaves_ai_on(self, stage: PlanStage) -> None:
        end = stage.row().period_end
        assert ledger.sweep_expired(now=end + SECOND) == 1
        refused = meter([self.use(stage, "a"), self.use(stage, "b")], now=end + 2 * SECOND)
        assert [type(answer) for answer in refused] == [Insufficient, Insufficient]
        assert ledger.sweep_thresholds(now=end + 3 * SECOND) == 0
        renewals.renew_due(now=end + MINUTE)

        assert (self.emitted(), WebhookEvent.objects.count()) == ([], 0)
        assert Service.objects.get().is_ai_on
        (paid,) = meter([self.use(stage, "c")], now=end + 2 * MINUTE)
        assert not isinstance(paid, Insufficient | SwitchedOff)

    def test_a_plan_that_has_ended_is_noticed_three_hours_later_and_ai_goes_off_then(self, stage: PlanStage) -> None:
        end = stage.row().period_end
        Subscription.objects.update(ends_at_period_end=True)
        renewals.renew_due(now=end)
        ledger.sweep_expired(now=end)
        assert Service.objects.get().is_ai_on

        for _twice in range(2):
            ledger.sweep_thresholds(now=end + 3 * HOUR)

        assert self.emitted() == ["balance.depleted"]
        assert not Service.objects.get().is_ai_on

    def test_a_use_after_that_finds_ai_off_though_no_sweep_ran(self, stage: PlanStage) -> None:
        end = stage.row().period_end
        meter([self.use(stage, "late")], now=end + 3 * HOUR)
        assert self.emitted() == ["balance.depleted"]
        assert not Service.objects.get().is_ai_on

    def test_credits_used_up_on_the_last_day_give_notice_at_once(self, stage: PlanStage) -> None:
        end = stage.row().period_end
        meter([self.use(stage, f"{number}") for number in range(20)], now=end - HOUR)
        assert self.emitted() == ["balance.depleted"]
        assert not Service.objects.get().is_ai_on


class TestWhatIsCharged:
    @pytest.fixture
    def here(self, at_stripe: Payments) -> Recharging:
        """An active plan whose 900,000 tokens lapsed a second ago, and a rule that buys below 500,000."""
        here = set_up_recharge(at_stripe, credits=0)
        Plan.objects.update(allowance=900_000)
        here.driver.grant(900_000, source=Source.PLAN, days=1)
        here.now += timedelta(days=1, seconds=1)
        return here

    def charged(self) -> int:
        return RechargeAttempt.objects.count()

    def test_nothing_while_the_new_months_credits_are_on_their_way(self, here: Recharging) -> None:
        assert here.recharge() is None
        here.sweep(after=HOUR)
        assert _obstacle(here.row, here.now) == "The plan's credits for the new month have not been added yet."
        here.driver.grant(900_000, source=Source.PLAN, days=30)
        here.sweep(after=MINUTE)
        assert (self.charged(), here.charges()) == (0, [])
        assert _obstacle(here.row, here.now) == ""

    def test_a_pack_where_they_do_not_come(self, here: Recharging) -> None:
        here.sweep(after=3 * HOUR - 2 * SECOND)
        assert self.charged() == 0
        here.sweep(after=SECOND)
        assert here.states() == ["succeeded"]

    def test_a_pack_once_the_new_ones_are_used(self, here: Recharging) -> None:
        here.driver.grant(900_000, source=Source.PLAN, days=30)
        here.spend(500_000)
        here.sweep()
        assert here.states() == ["succeeded"]

    @pytest.mark.parametrize("fields", [{"ends_at_period_end": True}, {"state": "past_due"}])
    def test_a_pack_where_the_plan_does_not_go_on(self, here: Recharging, fields: dict[str, object]) -> None:
        Subscription.objects.update(**fields)
        here.sweep()
        assert here.states() == ["succeeded"]

    def test_a_pack_where_the_plan_brings_no_credits(self, here: Recharging) -> None:
        Plan.objects.update(allowance=0)
        here.sweep()
        assert here.states() == ["succeeded"]
