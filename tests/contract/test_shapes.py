"""What the sandbox knows of Stripe's types is what the installed package says."""

import re
from pathlib import Path

import stripe

from stripe_sandbox.front import api
from stripe_sandbox.front.shapes import API_VERSION, PATH
from tests.contract import shapes
from tests.contract.contract import installed

OURS = re.compile(r"^/v1/payment_pages/")  # Stripe's own page, not its published API


def test_the_file_is_up_to_date() -> None:
    assert Path(PATH).read_text() == shapes.text(), "run: python -m tests.contract.shapes"


def test_the_sandbox_speaks_the_librarys_version() -> None:
    assert stripe.api_version == API_VERSION


def test_every_route_of_the_sandbox_is_an_operation_of_stripe() -> None:
    types = installed().types
    unknown = [each.name for each in api.ROUTES if not OURS.match(each.path) and not types.find(each.verb, each.path)]

    assert unknown == []
