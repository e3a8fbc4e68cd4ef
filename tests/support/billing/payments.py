"""The payments sandbox for tests: a fixture, its control, and a payer who fills in its pages without a browser.

Every call of the API and every webhook that a test causes is held against Stripe's types when the test ends.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import stripe

from stripe_sandbox.server import Exchange, Sandbox
from stripe_sandbox.state.deliveries import body, signature
from tests.contract.contract import installed

KEY = "sk_test_sandbox"
SECRET = "whsec_sandbox"

Event = dict[str, Any]


@dataclass
class Payments:
    """A running sandbox as a test sees it. `url` is its address, `secret` signs its webhooks."""

    sandbox: Sandbox
    exchanges: list[Exchange] = field(default_factory=list)
    checks_contract: bool = True
    secret: str = SECRET
    key: str = KEY

    @property
    def url(self) -> str:
        return self.sandbox.url

    def stripe(self, *, retries: int = 0, timeout: float = 10) -> stripe.StripeClient:
        """The real library, speaking to the sandbox."""
        stripe.enable_telemetry = False
        addresses: Any = {"api": self.url, "files": self.url, "connect": self.url, "meter_events": self.url}
        return stripe.StripeClient(
            KEY,
            base_addresses=addresses,
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    # Control

    def control(self, action: str, **asked: Any) -> Any:
        """Do an action of the control API; its result. Raises AssertionError with what the sandbox said."""
        answer = httpx.post(f"{self.url}/sandbox/control", json={"action": action, **asked}, trust_env=False)
        assert answer.status_code == 200, answer.json()["error"]
        return answer.json()["result"]

    def state(self) -> dict[str, Any]:
        """Clock, switches and waiting deliveries."""
        state: dict[str, Any] = httpx.get(f"{self.url}/sandbox/control", trust_env=False).json()
        return state

    def advance(self, *, days: int = 0, hours: int = 0, seconds: int = 0) -> None:
        """Move the sandbox's clock forward."""
        self.control("advance", seconds=days * 86_400 + hours * 3_600 + seconds)

    def settle(self) -> None:
        """Let happen what is due by now, such as charge.updated after a charge, and send waiting webhooks."""
        self.control("settle")

    # Events

    def events(self, *kinds: str) -> list[Event]:
        """Every event so far, oldest first; of these types if any are named."""
        with self.sandbox.account.lock:
            found = [json.loads(json.dumps(each)) for each in self.sandbox.account.all("event")]
        return [each for each in found if not kinds or each["type"] in kinds]

    def event_types(self) -> list[str]:
        """The types of every event so far, in the order in which they were made."""
        return [each["type"] for each in self.events()]

    def signed(self, event: Event, *, secret: str = SECRET, at: int | None = None) -> tuple[bytes, str]:
        """A webhook's body and its Stripe-Signature header, for handing it to a view without a server."""
        payload = body(self.sandbox.account, event)
        return payload, signature(payload, secret, int(time.time()) if at is None else at)

    # The payer

    def pay(
        self,
        session_url: str,
        card: str = "4242424242424242",
        *,
        method: str = "card",
        expiry: str = "12 / 40",
        cvc: str = "123",
        email: str = "payer@example.com",
        save: bool = False,
    ) -> httpx.Response:
        """Fill in the checkout page and press its button; the page's answer, not followed.

        method: card, link, konbini, us_bank_account, or the id of a saved method. 303 leads to the success address or
        to the bank's question; 402 shows why the bank declined.
        """
        form = {"method": method, "number": card, "expiry": expiry, "cvc": cvc, "email": email, "name": "A. Payer"}
        if save:
            form["save"] = "yes"
        return httpx.post(session_url, data=form, trust_env=False)

    def answer_bank(self, page: str | httpx.Response, *, confirm: bool = True) -> httpx.Response:
        """Answer the bank's question (3-D Secure), at its address or at the end of what `pay` gave."""
        address = page.headers["location"] if isinstance(page, httpx.Response) else page
        assert urlsplit(address).path.startswith("/3ds/"), f"no question of a bank: {address}"
        return httpx.post(address, data={"answer": "confirm" if confirm else "refuse"}, trust_env=False)

    def session_id(self, session_url: str) -> str:
        """The identifier in a checkout page's address."""
        return urlsplit(session_url).path.rpartition("/")[2]

    # Proof

    def contract_errors(self) -> list[str]:
        """Everything in which calls, answers and events differ from Stripe's types."""
        contract = installed()
        found: list[str] = []
        for exchange in self.exchanges:
            request, response = exchange.request, exchange.response
            if request.path.startswith("/v1/payment_pages/"):  # Stripe's own page, not its published API
                continue
            if response.status == 200:
                if request.headers.get("stripe-version") == stripe.api_version:
                    found += contract.request(request.verb, request.path, query=request.query, body=request.body)
                found += contract.answer(request.verb, request.path, response.body)
            else:
                found += contract.error(request.verb, request.path, response.body)
        for event in self.events():
            found += contract.event(event)
        return sorted(set(found))


def running_sandbox() -> Iterator[Payments]:
    """A new, empty payments sandbox; at the end everything that was said is held against Stripe's types."""
    exchanges: list[Exchange] = []
    running = Sandbox(watch=exchanges.append).start()
    payments = Payments(running, exchanges)
    try:
        yield payments
        errors = payments.contract_errors() if payments.checks_contract else []
        assert not errors, "Not as Stripe's types have it:\n" + "\n".join(errors)
    finally:
        running.stop()


@pytest.fixture
def sandbox() -> Iterator[Payments]:
    """A payments sandbox for one test."""
    yield from running_sandbox()


@pytest.fixture
def at_stripe(sandbox: Payments, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Payments:
    """A payments sandbox that the product's gateway speaks to, with no pauses between retries."""
    settings.PAYMENTS_SANDBOX_URL = sandbox.url
    settings.STRIPE_SECRET_KEY = sandbox.key
    settings.STRIPE_WEBHOOK_SECRET = sandbox.secret
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0)
    return sandbox
