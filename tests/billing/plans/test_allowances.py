"""What the months of plans bring that are not billed through Stripe: once, in order, day by day, and in races."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from billing import stripe_gateway
from billing.models import Allowance, PlanCheckout, Subscription, SubscriptionState
from billing.plans import changes, invoiced, renewals
from credits.ledger import sweep_expired
from credits.models import Grant
from organizations.models import AuditEvent
from tests.support.billing.plan_stage import DAY, START, PlanStage, set_up
from tests.support.credits.reference.invariants import check_wallet
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> PlanStage:
    return set_up()


def actions(stage: PlanStage) -> list[str]:
    rows = AuditEvent.objects.filter(organization=stage.organization, action__regex="^(subscription|allowance)")
    return list(rows.order_by("created_at", "pk").values_list("action", flat=True))


class TestTheLifeOfAPlanDayByDay:
    def test_a_year_of_an_invoiced_plan_of_the_31st(self) -> None:
        stage = set_up(time_zone="Asia/Seoul")
        seoul = ZoneInfo("Asia/Seoul")
        anchor = datetime(2027, 10, 31, 9, 30, tzinfo=seoul)
        stage.put_on("basic", at=anchor)
        bought = WalletDriver(stage.wallet, anchor).grant(500)
        for day in range(1, 366):
            # Every morning the sweeps run, twice over.
            now = anchor + day * DAY
            for _twice in range(2):
                renewals.renew_due(now=now)
                sweep_expired(now=now)
        begun = [
            (row.period_start.astimezone(seoul).month, row.period_start.astimezone(seoul).day)
            for row in Allowance.objects.order_by("period_start")
        ]
        assert begun == [
            (10, 31), (11, 30), (12, 31), (1, 31), (2, 29), (3, 31), (4, 30), (5, 31), (6, 30), (7, 31), (8, 31),
            (9, 30),
        ]  # fmt: skip
        assert stage.amounts().count(1_000) == 12
        assert Grant.objects.get(pk=bought).remaining == 500
        stage.wallet.refresh_from_db()
        assert stage.wallet.balance == 1_500
        check_wallet(stage.wallet.pk)

    def test_put_on_raised_lowered_and_ended(self, stage: PlanStage) -> None:
        stage.put_on("basic", at=START)
        middle = START + timedelta(days=14)  # half of the 28 days to 28 February

        stage.put_on("pro", at=middle)
        assert stage.amounts() == [1_000, 1_500]
        assert {expiry for _, _, expiry in stage.grants()} == {datetime(2026, 2, 28, 9, 30, tzinfo=UTC)}

        stage.put_on("basic", at=middle + DAY)
        row = stage.row()
        assert (row.plan.key, row.next_plan and row.next_plan.key) == ("pro", "basic")
        renewals.renew_due(now=datetime(2026, 2, 28, 9, 30, tzinfo=UTC))
        assert (stage.row().plan.key, stage.row().next_plan, stage.amounts()[2:]) == ("basic", None, [1_000])

        invoiced.end_invoiced(
            organization=stage.organization, actor=stage.owner, reason="Left", now=datetime(2026, 3, 2, tzinfo=UTC)
        )
        assert stage.row().state == SubscriptionState.ACTIVE
        assert renewals.renew_due(now=datetime(2026, 3, 31, 9, 30, tzinfo=UTC))["renewed"] == 1
        assert stage.row().state == SubscriptionState.CANCELED
        assert renewals.renew_due(now=datetime(2027, 3, 31, tzinfo=UTC))["renewed"] == 0
        assert len(stage.amounts()) == 3
        assert actions(stage)[-2:] == ["subscription.cancel", "subscription.ended"]


class TestWhatAMonthBrings:
    def test_it_is_the_plans_used_first_and_gone_with_the_month(self, stage: PlanStage) -> None:
        stage.put_on("basic", at=START)
        grant = Grant.objects.get()
        assert (grant.source, grant.priority, grant.cost_minor) == ("plan", 10, 0)
        assert grant.expires_at == datetime(2026, 2, 28, 9, 30, tzinfo=UTC)

    def test_it_comes_in_as_bank_transfer_where_the_program_says_so_of_invoiced_customers(self) -> None:
        stage = set_up(invoiced_as_transfer=True)
        stage.put_on("basic", at=START)
        assert Grant.objects.get().source == "bank_transfer"

    def test_a_free_plan_is_not_invoiced_and_brings_plan_credits(self) -> None:
        stage = set_up(invoiced_as_transfer=True)
        stage.choose("free", now=START)
        assert Grant.objects.get().source == "plan"
        assert stage.row().stripe_id is None

    def test_a_plan_without_allowance_grants_nothing(self, stage: PlanStage) -> None:
        stage.program.plans.update(allowance=0)
        stage.put_on("basic", at=START)
        assert stage.amounts() == []

    def test_raising_lowering_and_raising_again_within_a_month_brings_the_difference_once(
        self, stage: PlanStage
    ) -> None:
        stage.put_on("basic", at=START)
        for hours in range(1, 9):
            stage.put_on("pro" if hours % 2 else "basic", at=START + timedelta(days=7, hours=hours))
        assert len(stage.amounts()) == 2
        assert 1_000 + 2_200 < sum(stage.amounts()) < 4_000

    def test_months_that_nobody_saw_are_noted_and_only_the_running_one_is_granted(self, stage: PlanStage) -> None:
        stage.put_on("basic", at=START)
        renewals.renew_due(now=datetime(2026, 5, 15, tzinfo=UTC))
        assert stage.amounts() == [1_000, 1_000]
        rows = Allowance.objects.order_by("period_start")
        assert [(row.period_start.month, row.operation_id is None) for row in rows] == [
            (1, False),
            (2, True),
            (3, True),
            (4, False),
        ]
        assert actions(stage).count("allowance.missed") == 2

    def test_leaving_and_returning_to_a_free_plan_brings_nothing_more(self, stage: PlanStage) -> None:
        stage.choose("free", now=START)
        changes.cancel(organization=stage.organization, actor=stage.owner, form_token="a", now=START + DAY)
        assert stage.row().ends_at_period_end
        stage.choose("free", now=START + 2 * DAY)
        assert not stage.row().ends_at_period_end
        assert stage.amounts() == [100]

    def test_a_free_plan_that_ended_may_be_chosen_again(self, stage: PlanStage) -> None:
        stage.choose("free", now=START)
        changes.cancel(organization=stage.organization, actor=stage.owner, form_token="a", now=START + DAY)
        renewals.renew_due(now=START + 40 * DAY)
        stage.choose("free", now=START + 41 * DAY)
        assert stage.amounts() == [100, 100]
        assert stage.row().period_start == START + 41 * DAY


class TestRefusals:
    def test_an_owner_does_not_change_an_invoiced_plan(self, stage: PlanStage) -> None:
        stage.put_on("basic", at=START)
        with pytest.raises(changes.PlanRefused, match="Contact support to change it"):
            stage.choose("pro", now=START + DAY)
        with pytest.raises(changes.PlanRefused, match="Contact support to cancel it"):
            changes.cancel(organization=stage.organization, actor=stage.owner, form_token="a")

    def test_a_plan_that_is_off_sale_or_of_another_program(self, stage: PlanStage) -> None:
        stage.program.plans.filter(key="pro").update(is_sold=False)
        with pytest.raises(changes.PlanRefused, match="is not available"):
            stage.choose("pro", now=START)

    def test_nothing_to_cancel(self, stage: PlanStage) -> None:
        with pytest.raises(changes.PlanRefused, match="no plan to cancel"):
            changes.cancel(organization=stage.organization, actor=stage.owner, form_token="a")

    def test_one_organizations_error_does_not_stop_the_others(
        self, stage: PlanStage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.put_on("basic", at=START)
        monkeypatch.setattr(renewals, "renew", lambda *_a, **_k: 1 / 0)
        assert renewals.renew_due(now=START + 40 * DAY) == {"renewed": 0, "failed": 1}

    def test_what_stripe_does_not_answer_is_counted(self, stage: PlanStage, monkeypatch: pytest.MonkeyPatch) -> None:
        row = stage.put_on("basic", at=START)
        Subscription.objects.update(is_invoiced=False, stripe_id="sub_1")
        PlanCheckout.objects.create(
            organization=stage.organization, plan=row.plan, currency="JPY", begun_by=stage.owner, created_at=START
        )

        def silent(*_asked: object, **_options: object) -> None:
            raise stripe_gateway.Unavailable

        monkeypatch.setattr("billing.plans.subscriptions.settle", silent)
        monkeypatch.setattr("billing.plans.checkouts.settle_checkout", silent)
        assert renewals.ask_stripe(now=START + 2 * DAY) == {"asked": 0, "failed": 2}
