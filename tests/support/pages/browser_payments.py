"""A shop that a person buys in: a web server on the test database, the payments sandbox that it sells through and whose
webhooks it gets, Alice signed in, and what must be true when a test ends.

One sandbox serves the whole run. The fixtures are every browser test's by `conftest`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stripe
from playwright.sync_api import Locator, Page, expect

from billing.models import Purchase, PurchaseState, StripeCustomer, StripeEvent
from billing.stripe_events import inbox
from credits import audit
from tests.support import factories
from tests.support.billing.payments import Payments, running_sandbox
from tests.support.billing.shop import Shop, open_shop, prove_books
from tests.support.pages.owner_pages import signed_in
from usage.metering.audit import EVENTS

PATIENCE_SECONDS = 20
MOST_ROUNDS = 5


@pytest.fixture(scope="session")
def one_sandbox() -> Iterator[Payments]:
    """A payments sandbox for every test of the run: each has a customer of its own there."""
    yield from running_sandbox()


@pytest.fixture
def payments(
    one_sandbox: Payments, transactional_db: None, base_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Payments]:
    """The sandbox, with the server under test selling through it and getting its webhooks."""
    settings.BASE_URL = base_url
    settings.PAYMENTS_SANDBOX_URL = one_sandbox.url
    settings.STRIPE_SECRET_KEY = one_sandbox.key
    settings.STRIPE_WEBHOOK_SECRET = one_sandbox.secret
    policy = settings.CONTENT_SECURITY_POLICY
    directives = {**policy["DIRECTIVES"], "form-action": ["'self'", one_sandbox.url]}
    settings.CONTENT_SECURITY_POLICY = {**policy, "DIRECTIVES": directives}
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    one_sandbox.control("endpoint", url=f"{base_url}/billing/webhooks/stripe/", secret=one_sandbox.secret)
    yield one_sandbox
    _deliver_all(one_sandbox)
    one_sandbox.control("endpoint", url=None)


def _deliver_all(payments: Payments) -> None:
    """Have every webhook delivered that is on its way; the sandbox may be sending one while it is asked."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        payments.settle()
        left = [each for each in payments.state()["waiting"] if each["status"] in {"waiting", "sending"}]
        if not left:
            return
    raise AssertionError(left)


@dataclass
class Customer:
    """Alice, who owns an organization, at her browser."""

    page: Page
    payments: Payments
    shop: Shop

    # Our pages

    def open(self, address: str) -> None:
        """Go to a page of the organization, such as `buy/`."""
        self.page.goto(f"/o/{self.shop.organization.slug}/{address}")

    def press(self, label: str) -> None:
        """Press a button with the keyboard."""
        self.page.get_by_role("button", name=label, exact=True).press("Enter")

    def reads(self, heading: str) -> None:
        """Expect the page's heading."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def sees(self, text: str) -> None:
        """Expect a text on the page."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def figure(self, label: str) -> Locator:
        """The figure with this label."""
        return self.page.locator(".figure").filter(has_text=label).locator(".figure-value")

    def fact(self, label: str) -> Locator:
        """What stands beside this label in a list of facts."""
        term = self.page.get_by_role("term").filter(has_text=label)
        return self.page.locator(".facts > div").filter(has=term).get_by_role("definition").first

    def choose_pack(self, name: str, *, lots: int | None = None) -> None:
        """Choose a pack on the page of what is on sale."""
        self.open("buy/")
        pack = self.page.get_by_role("listitem").filter(has=self.page.get_by_role("heading", name=name))
        if lots is not None:
            pack.get_by_label("Quantity").fill(str(lots))
        pack.get_by_role("button").click()

    def choose_amount(self, amount: str) -> None:
        """Type an amount of one's own choice; the browser lets only what the field allows pass."""
        self.open("buy/")
        field = self.page.get_by_role("spinbutton", name="Amount in")
        field.fill(amount)
        field.press("Enter")

    def order_and_pay(self) -> None:
        """Press the button that leads from the review to the payment page."""
        self.reads("Review your order")
        self.press("Order and pay")
        self.is_at_payment("Pay")

    # The payment service's pages

    def is_at_payment(self, heading: str) -> None:
        """Expect the payment service's page with this heading."""
        expect(self.page.get_by_text("Payments sandbox — no real money")).to_be_visible()
        self.reads(heading)

    def type_card(self, number: str = "4242 4242 4242 4242", *, save: bool = False) -> None:
        """Fill in a new card."""
        self.page.get_by_label("New card").check()
        self.page.get_by_label("Card number").fill(number)
        self.page.get_by_label("Expiry").fill("12 / 40")
        self.page.get_by_label("Security code").fill("123")
        if save:
            self.page.get_by_label("Save my payment details").check()

    def submit(self, verb: str = "Pay") -> None:
        """Press the payment page's button, such as `Pay 10,000 JPY`."""
        self.page.locator("form button").filter(has_text=verb).click()

    # What must be true afterwards

    def paid(self, *, added: str, left: str) -> str:
        """Expect that the return page says what is true, and the purchase where it belongs; give its reference."""
        self.reads("Payment received, credits added")
        expect(self.figure("Added")).to_contain_text(added)
        expect(self.figure("Available now")).to_contain_text(left)
        reference = self.page.locator(".reference").inner_text()
        self.open("purchases/")
        expect(self.page.get_by_role("row").filter(has_text=reference)).to_contain_text("paid")
        self.open("history/")
        expect(self.page.get_by_role("row").filter(has_text=reference)).to_contain_text(added)
        self.open("")
        self.sees(left)
        return reference

    def work_off_webhooks(self) -> list[StripeEvent]:
        """Have all webhooks delivered and worked off as the background job does; the events.

        Working one off may cause another (the first card on file becomes the default), but not without end.
        """
        for _round in range(MOST_ROUNDS):
            _deliver_all(self.payments)
            if inbox.process_due() == 0:
                return list(StripeEvent.objects.order_by("pk"))
        raise AssertionError("Webhooks cause webhooks without end.")

    def prove(self) -> None:
        """The webhooks change nothing any more, the sandbox's payments are ours, and the books are in order."""
        before = self.shop.balance()
        events = self.work_off_webhooks()
        assert self.shop.balance() == before
        left = [(event.type, event.state, event.note) for event in events if event.state in {"received", "failed"}]
        assert not left, left
        theirs, ours = taken(self.payments, self.shop), booked(self.shop)
        assert theirs == ours, f"The sandbox took {theirs}, we booked {ours}."
        prove_books()
        scope = audit.Scope(now=self.shop.organization.created_at)
        assert audit.prove(EVENTS, scope) == []


def money(payments: Payments, shop: Shop) -> list[Any]:
    """The sandbox's own list of the organization's payments."""
    customers = StripeCustomer.objects.filter(organization=shop.organization).values_list("stripe_id", flat=True)
    client = payments.stripe()
    return [
        payment
        for customer in customers
        for payment in client.v1.payment_intents.list({"customer": customer}).auto_paging_iter()
    ]


def taken(payments: Payments, shop: Shop) -> list[tuple[str, int, str]]:
    """What the organization paid for credits, by that list: payment, minor units, currency."""
    return sorted(
        (payment.id, payment.amount_received, payment.currency.upper())
        for payment in money(payments, shop)
        if payment.status == "succeeded" and "purchase_id" in payment.metadata
    )


def booked(shop: Shop) -> list[tuple[str | None, int, str]]:
    """The same, as our purchases have it."""
    rows = Purchase.objects.filter(organization=shop.organization, state=PurchaseState.PAID, amount_minor__gt=0)
    return sorted(rows.values_list("stripe_payment_intent_id", "amount_minor", "currency"))


@pytest.fixture
def customer_of(page: Page, base_url: str, payments: Payments) -> Iterator[Any]:
    """Open a shop under a shipped program and sit its owner down at the browser; the books are proved at the end."""
    customers: list[Customer] = []

    def sit_down(program: str, **fields: Any) -> Customer:
        # Rows of their own: keys made of them name other customers at the sandbox than an earlier test's.
        shop = open_shop(program, owner=factories.person("Alice"), **fields)
        session = signed_in(shop.owner).cookies["session"].value
        page.context.add_cookies([{"name": "session", "value": session, "url": base_url}])
        page.set_default_timeout(15_000)
        customers.append(Customer(page, payments, shop))
        return customers[-1]

    yield sit_down
    for customer in customers:
        customer.prove()
