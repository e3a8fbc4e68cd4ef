"""Stripe's own command line plays its official scenarios against the sandbox.

It comes from npm and serves development only: `.ci/run` installs it below `.local`. Where it is missing these tests are
skipped, except in CI. Set STRIPE_CLI to use another one.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stage import IN_CI
from tests.support.billing.payments import Payments, running_sandbox

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".local" / "stripe-cli" / "node_modules" / ".bin" / "stripe"
PATIENCE_SECONDS = 60

TRIGGERS = (
    *("payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed"),
    *("payment_intent.requires_action", "payment_intent.canceled", "payment_intent.amount_capturable_updated"),
    *("charge.succeeded", "charge.failed", "charge.captured", "charge.refunded", "charge.refund.updated"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("checkout.session.completed", "checkout.session.expired"),
    *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
    *("customer.created", "customer.updated", "customer.deleted", "customer.subscription.created"),
    *("customer.subscription.updated", "customer.subscription.deleted"),
    *("invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_failed", "invoice.payment_succeeded"),
    *("invoice.payment_action_required", "invoice.sent", "invoice.voided", "invoice.marked_uncollectible"),
    *("payment_method.attached", "payment_method.detached", "payment_method.updated"),
    *("setup_intent.created", "setup_intent.succeeded", "setup_intent.setup_failed", "setup_intent.canceled"),
    *("product.created", "price.created", "billing_portal.session.created", "billing_portal.configuration.updated"),
)
# What the command line knows and the sandbox does not, and why. Tried too, so that the list stays true.
BEYOND = {
    "account.updated": "connected accounts: we have none",
    "cash_balance.funds_available": "bank transfers into a customer's balance at Stripe: ours go to our own bank",
    "coupon.created": "coupons: promotions are ours, Stripe sees the price after them",
    "credit_note.created": "credit notes: refunds go through charges",
    "customer.source.created": "sources: replaced by payment methods",
    "identity.verification_session.created": "identity checks: not ours",
    "issuing_card.created": "issued cards: not ours",
    "payment_intent.partially_funded": "bank transfers into a customer's balance at Stripe",
    "payment_link.created": "payment links: buying starts from our pages",
    "payout.created": "payouts: the company's bank, not its customers",
    "plan.created": "plans: replaced by prices",
    "promotion_code.created": "promotion codes: ours",
    "quote.created": "quotes: not ours",
    "reporting.report_run.succeeded": "reports: not ours",
    "subscription_schedule.created": "schedules: a change of plan at the period's end is ours to make",
    "tax_rate.created": "tax rates: prices are as shown",
    "transfer.created": "transfers: connected accounts",
}


@pytest.fixture(scope="module")
def command_line() -> Path:
    named = os.environ.get("STRIPE_CLI")
    found = Path(named) if named else INSTALLED if INSTALLED.exists() else shutil.which("stripe")
    if found:
        return Path(found)
    sentence = f"Stripe's command line is not installed at {INSTALLED.relative_to(ROOT)}; .ci/run says how."
    if IN_CI:
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="module")
def account() -> Iterator[Payments]:
    """One sandbox for all scenarios: starting the command line takes long enough."""
    yield from running_sandbox()


def trigger(command_line: Path, account: Payments, event: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}},
        "HOME": str(home),
        "STRIPE_API_KEY": "sk_test_1234567890abcdefghij",
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
    }
    command = [str(command_line), "trigger", event, "--api-base", account.url]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


@pytest.mark.parametrize("event", TRIGGERS)
def test_an_official_scenario_plays_and_brings_its_event(
    command_line: Path, account: Payments, event: str, tmp_path: Path
) -> None:
    before = len(account.events(event))

    played = trigger(command_line, account, event, tmp_path)
    account.settle()
    # A debit bank pays or fails a moment later.
    account.advance(hours=1)

    assert played.returncode == 0, played.stdout + played.stderr
    assert len(account.events(event)) > before


@pytest.mark.parametrize("event", BEYOND)
def test_a_scenario_beyond_ours_is_refused_clearly(
    command_line: Path, account: Payments, event: str, tmp_path: Path
) -> None:
    played = trigger(command_line, account, event, tmp_path)

    assert played.returncode != 0, f"{event} plays now: move it to TRIGGERS"
    assert "500" not in played.stdout


def test_at_least_twenty_scenarios_are_played() -> None:
    assert len(TRIGGERS) >= 20
