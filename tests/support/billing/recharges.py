"""What tests of auto-recharge share: an organization of Enrich with a card on file and a rule that is on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from billing.models import AutoRecharge, PaymentMethod, Purchase, RechargeAttempt
from billing.purchases.orders import customer_of
from billing.recharge import charges, consent
from billing.recharge import sweep as recharge_sweep
from billing.recharge.rules import consent_text, make_rule
from credits.balance.queries import balance_of
from tests.support.billing.gateway_acts import save_card
from tests.support.billing.payments import Payments
from tests.support.billing.shop import Shop, open_shop
from tests.support.credits.wallet_driver import WalletDriver

GOOD_CARD = "4242424242424242"
# It is put on file without trouble; every charge of it is declined.
DECLINING_CARD = "4000000000000341"
# The bank wants the customer present at every charge.
ASKING_CARD = "4000002760003184"

THRESHOLD = 500_000
LOT = 2_500_000
LIMIT = 5_000
LOT_MINOR = 1_000

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass
class Recharging:
    """The shop, its card at the sandbox, and a clock of its own that begins now."""

    shop: Shop
    payments: Payments
    now: datetime

    @property
    def wallet_id(self) -> int:
        return self.shop.wallet.pk

    @property
    def row(self) -> AutoRecharge:
        return AutoRecharge.objects.get(organization=self.shop.organization)

    def put_card_on_file(self, card: str = GOOD_CARD) -> PaymentMethod:
        """Put a card on file at the sandbox, as the default."""
        organization = self.shop.organization
        PaymentMethod.objects.filter(organization=organization).update(is_default=False)
        return PaymentMethod.objects.create(
            organization=organization,
            stripe_id=save_card(self.payments, customer_of(organization), card),
            kind="card",
            last4=card[-4:],
            is_default=True,
            attached_at=self.now,
        )

    def agree(self, *, threshold: int = THRESHOLD, limit: int = LIMIT, pack: str = "standard") -> AutoRecharge:
        """Have the owner consent to a rule."""
        organization = self.shop.organization
        rule = make_rule(organization, pack_key=pack, threshold=threshold, monthly_limit_minor=limit)
        shown = consent.digest(consent_text(organization, rule))
        return consent.turn_on(organization=organization, rule=rule, shown=shown, actor=self.shop.owner, now=self.now)

    def spend(self, credits: int) -> None:
        self.driver.spend(credits)

    @property
    def driver(self) -> WalletDriver:
        self.shop.driver.now = self.now
        return self.shop.driver

    def recharge(self) -> RechargeAttempt | None:
        return charges.recharge(self.wallet_id, now=self.now)

    def sweep(self, after: timedelta = timedelta(0)) -> dict[str, int]:
        """Let time pass, then sweep as the schedule does."""
        self.now += after
        return recharge_sweep.sweep(now=self.now)

    def available(self) -> int:
        return balance_of(self.shop.wallet, self.now).available

    def attempts(self) -> list[RechargeAttempt]:
        return list(RechargeAttempt.objects.select_related("purchase").order_by("created_at", "id"))

    def states(self) -> list[str]:
        return [attempt.state for attempt in self.attempts()]

    def charges(self) -> list[Any]:
        """Every payment that the sandbox was asked for, off-session."""
        with self.payments.sandbox.account.lock:
            return list(self.payments.sandbox.account.all("payment_intent"))

    def taken_minor(self) -> int:
        """The money that the sandbox took."""
        return sum(payment["amount_received"] for payment in self.charges())

    def granted_minor(self) -> int:
        """The money for which credits were granted."""
        return sum(purchase.amount_minor for purchase in Purchase.objects.filter(state="paid"))


def set_up(payments: Payments, *, card: str | None = GOOD_CARD, credits: int = 600_000, **fields: Any) -> Recharging:
    """Enrich's organization on a paid plan with so many credits; its rule buys Standard below 500,000 tokens."""
    shop = open_shop("enrich", **fields)
    shop.subscribe("team")
    found = Recharging(shop, payments, timezone.now().astimezone(UTC))
    if card is not None:
        found.put_card_on_file(card)
        found.agree()
    if credits:
        found.driver.grant(credits)
    return found


def killed(*_: Any, **__: Any) -> Any:
    """What a worker does that is killed."""
    raise Killed


class Killed(BaseException):
    """The process died: nothing of ours catches this."""


def after(call: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    """A call that does what it does, and then something else."""

    def both(*arguments: Any, **named: Any) -> Any:
        call(*arguments, **named)
        return then()

    return both
