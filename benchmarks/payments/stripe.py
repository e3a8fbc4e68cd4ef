"""A Stripe in memory for going through orders of events: objects that a story changes, and the reads that show them.

It answers the gateway's reads and nothing else; what the product does with the answers is the product as it ships.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from billing import stripe_gateway as gateway
from billing.stripe_gateway import client

CUSTOMER, CHECKOUT, PAYMENT, SUBSCRIPTION, PRICE = "cus_1", "cs_1", "pi_1", "sub_1", "price_1"
AMOUNT, CURRENCY = 2_000, "JPY"
READS = (
    "read_checkout",
    "read_payment",
    "find_payments_of",
    "read_refunds",
    "read_disputes",
    "read_subscription",
    "find_invoices",
    "read_invoice",
)


@dataclass
class Stripe:
    """What Stripe has now. `at` is when all of it was made."""

    at: datetime
    purchase_id: UUID
    checkouts: dict[str, gateway.CheckoutState] = field(default_factory=dict)
    payments: dict[str, gateway.PaymentState] = field(default_factory=dict)
    refunds: dict[str, gateway.RefundState] = field(default_factory=dict)
    disputes: dict[str, gateway.DisputeState] = field(default_factory=dict)
    subscriptions: dict[str, gateway.SubscriptionState] = field(default_factory=dict)
    invoices: dict[str, gateway.InvoiceState] = field(default_factory=dict)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer the gateway's reads; as there, never inside a transaction of the product's."""
        with ExitStack() as stack:
            for name in READS:
                stack.enter_context(patch.object(gateway, name, self._guarded(name)))
            yield

    def _guarded(self, name: str) -> Any:
        def read(*args: Any) -> Any:
            client._refuse_inside_transaction()  # noqa: SLF001 - its own rule, not a copy of it
            return getattr(self, name)(*args)

        return read

    # Reads

    def read_checkout(self, identifier: str) -> gateway.CheckoutState:
        return self.checkouts[identifier]

    def read_payment(self, identifier: str) -> gateway.PaymentState:
        back = sum(each.amount_minor for each in self.refunds.values() if each.status in {"pending", "succeeded"})
        return replace(self.payments[identifier], refunded_minor=back, is_disputed=bool(self.disputes))

    def find_payments_of(self, purchase_id: UUID) -> list[gateway.PaymentState]:
        return [payment for payment in self.payments.values() if payment.purchase_id == purchase_id]

    def read_refunds(self, _payment_id: str) -> list[gateway.RefundState]:
        return list(reversed(self.refunds.values()))

    def read_disputes(self, _payment_id: str) -> list[gateway.DisputeState]:
        return list(reversed(self.disputes.values()))

    def read_subscription(self, identifier: str) -> gateway.SubscriptionState:
        return self.subscriptions[identifier]

    def find_invoices(self, _subscription_id: str) -> list[gateway.InvoiceState]:
        return list(reversed(self.invoices.values()))

    def read_invoice(self, identifier: str) -> gateway.InvoiceState:
        return self.invoices[identifier]

    # What happens there

    def checkout(self, status: str, payment_status: str, *, payment_id: str | None = PAYMENT) -> None:
        self.checkouts[CHECKOUT] = gateway.CheckoutState(
            session_id=CHECKOUT,
            status=status,
            payment_status=payment_status,
            mode="payment",
            url="" if status != "open" else "https://checkout.example/",
            customer=CUSTOMER,
            purchase_id=self.purchase_id,
            payment_id=payment_id,
            setup_id=None,
            subscription_id=None,
            invoice_id=None,
            amount_minor=AMOUNT,
            currency=CURRENCY,
            expires_at=None,
        )

    def payment(self, status: str, *, failure: str = "") -> None:
        self.payments[PAYMENT] = gateway.PaymentState(
            id=PAYMENT,
            status=status,
            amount_minor=AMOUNT,
            received_minor=AMOUNT if status == "succeeded" else 0,
            refunded_minor=0,
            currency=CURRENCY,
            customer=CUSTOMER,
            purchase_id=self.purchase_id,
            charge_id="ch_1",
            receipt_url="",
            is_disputed=False,
            failure_code="",
            failure_message=failure,
            payment_method="pm_1",
            created_at=self.at,
        )

    def refund(self, identifier: str, status: str, amount_minor: int) -> None:
        self.refunds[identifier] = gateway.RefundState(
            id=identifier,
            payment_id=PAYMENT,
            charge_id="ch_1",
            amount_minor=amount_minor,
            currency=CURRENCY,
            status=status,
            failure_reason="",
            refund_id=None,
            created_at=self.at + timedelta(seconds=len(self.refunds)),
        )

    def dispute(self, status: str, *, amount_minor: int = AMOUNT) -> None:
        self.disputes["du_1"] = gateway.DisputeState(
            id="du_1",
            payment_id=PAYMENT,
            charge_id="ch_1",
            amount_minor=amount_minor,
            currency=CURRENCY,
            status=status,
            reason="fraudulent",
            created_at=self.at,
            evidence_due_at=None,
        )

    def subscription(self, status: str, start: datetime, end: datetime) -> None:
        self.subscriptions[SUBSCRIPTION] = gateway.SubscriptionState(
            id=SUBSCRIPTION,
            status=status,
            customer=CUSTOMER,
            organization_id=None,
            item_id="si_1",
            price_id=PRICE,
            currency=CURRENCY,
            anchor_at=start,
            period_start=start,
            period_end=end,
            cancel_at_period_end=False,
            ended_at=None,
            latest_invoice_id=None,
            created_at=self.at,
        )

    def invoice(self, identifier: str, status: str, start: datetime, end: datetime) -> None:
        is_paid = status == "paid"
        self.invoices[identifier] = gateway.InvoiceState(
            id=identifier,
            number=identifier,
            status=status,
            customer=CUSTOMER,
            subscription_id=SUBSCRIPTION,
            purchase_id=None,
            billing_reason="subscription_cycle",
            price_id=PRICE,
            currency=CURRENCY,
            total_minor=AMOUNT,
            paid_minor=AMOUNT if is_paid else 0,
            remaining_minor=0 if is_paid else AMOUNT,
            period_start=start,
            period_end=end,
            hosted_url="https://invoice.example/",
            pdf_url="",
            payment_ids=(),
            created_at=start,
        )
