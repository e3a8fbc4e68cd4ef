"""What the tests about money share."""

from typing import Any

import pytest
import stripe

from tests.payments import Payments


@pytest.fixture
def at_stripe(sandbox: Payments, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Payments:
    """A payments sandbox that the product's gateway speaks to, with no pauses between retries."""
    settings.PAYMENTS_SANDBOX_URL = sandbox.url
    settings.STRIPE_SECRET_KEY = sandbox.key
    settings.STRIPE_WEBHOOK_SECRET = sandbox.secret
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0)
    return sandbox
