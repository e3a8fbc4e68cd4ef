"""What the people of an organization do in the stories of the programs, by domain verbs and on the sandbox's pages."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from django.utils import timezone

from billing.customers import payment_methods
from billing.models import Plan, PlanCheckout, Purchase, Subscription
from billing.plans import changes, checkouts
from billing.purchases import settlement
from billing.purchases.orders import begin_checkout
from billing.purchases.quotes import Choice
from credits import audit
from credits.balance.queries import balance_of
from credits.models import Grant
from organizations.models import Organization
from tests.support.billing.payments import Payments
from tests.support.billing.shop import Shop, prove_books
from usage.metering.audit import EVENTS
from usage.metering.meter import meter
from usage.pricing import Measures
from usage.uses import Metered, Use, UseRefusal


@dataclass
class Story:
    """An organization under a shipped program, and what its people do. Amounts in smallest and minor units."""

    shop: Shop
    payments: Payments
    _numbers: Any = field(default_factory=lambda: count(1))

    def now(self) -> datetime:
        """The time at the sandbox."""
        return datetime.fromtimestamp(self.payments.state()["now"], UTC)

    def buy(self, choice: Choice, *, method: str = "card", save: bool = False, **terms: Any) -> Purchase:
        """Order, pay on the payment page, come back."""
        order = self.shop.order(choice, now=None, **terms)
        assert self.payments.pay(begin_checkout(order), method=method, save=save).status_code == 303
        paid = settlement.settle(order.pk)
        assert paid.state == "paid"
        return paid

    def subscribe(self, key: str) -> Subscription:
        """Choose a plan, pay it on Stripe's page if it costs something, come back."""
        plan = Plan.objects.get(program=self.shop.program, key=key)
        page = changes.choose(
            organization=self.shop.organization, plan=plan, actor=self.shop.owner, form_token=uuid4().hex
        )
        if page is not None:
            self.payments.pay(page)
            checkouts.settle_checkout(PlanCheckout.objects.get(url=page))
        # What the rules read was read before.
        self.shop.organization = Organization.objects.get(pk=self.shop.organization.pk)
        return Subscription.objects.select_related("plan").get(organization=self.shop.organization)

    def put_card_on_file(self) -> None:
        page = payment_methods.open_setup(self.shop.organization, form_token=uuid4().hex)
        self.payments.pay(page)
        assert len(payment_methods.refresh(self.shop.organization)) == 1

    def use(self, feature: str, *, service: str = "app", times: int = 1, **measures: Any) -> Metered:
        """Have uses by the owner metered, in one batch; the last one's answer, or raise what it was refused for."""
        uses = [
            Use(
                organization=self.shop.organization.slug,
                key=f"use-{next(self._numbers)}",
                feature=feature,
                user=self.shop.owner.email,
                service=service,
                resource={"project": "atlas", "session": "s-1"},
                measures=Measures(**measures),
            )
            for _time in range(times)
        ]
        answer = meter(uses)[-1]
        if isinstance(answer, UseRefusal):
            raise answer
        return answer

    def use_up(self, feature: str, *, service: str = "app", price: int) -> None:
        """Use a feature as often as it can be paid for."""
        self.use(feature, service=service, times=self.left() // price)

    def costs(self, feature: str, **measures: Any) -> int:
        return self.use(feature, **measures).credits

    def left(self, at: datetime | None = None) -> int:
        return balance_of(self.shop.wallet, at or timezone.now()).available

    def grants(self) -> list[tuple[str, int, int]]:
        """Every grant in the order in which they came: source, amount, what is left."""
        return [(grant.source, grant.amount, grant.remaining) for grant in self.shop.grants()]

    def grant_of(self, purchase: Purchase) -> Grant:
        return Grant.objects.get(purchase=purchase)

    def taken(self) -> list[tuple[int, str]]:
        """The sandbox's own list of what was paid for credits: minor units and currency, the first payment first."""
        listed = self.payments.stripe().v1.payment_intents.list({"limit": 100}).data
        paid = [each for each in reversed(listed) if each.status == "succeeded" and "purchase_id" in each.metadata]
        return [(each.amount_received, each.currency.upper()) for each in paid]

    def end(self) -> None:
        """What must be true of every story."""
        booked = Purchase.objects.filter(state="paid", stripe_payment_intent_id__isnull=False).order_by("paid_at")
        assert self.taken() == list(booked.values_list("amount_minor", "currency"))
        prove_books()
        assert audit.prove(EVENTS, audit.Scope(now=timezone.now())) == []
