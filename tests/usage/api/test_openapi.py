"""The OpenAPI document is true: requests made from it get only the answers that it names."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from config.wsgi import application
from credits.models import Operation, Reservation
from tests.support.usage import usage_stage
from tests.support.usage.api_caller import new_key
from usage.api import spending
from usage.metering import meter, reservations

# Ways to use what acme's program prices, so that most requests come as far as the meter and some to the end.
PRICED: tuple[dict[str, Any], ...] = (
    {"feature": "report"},
    {"feature": "query", "credits": 20},
    {"feature": "enrich", "quantity": 2},
)

Case: TypeAlias = schemathesis.Case[Any]

api = schemathesis.openapi.from_wsgi("/api/openapi.json", application)


@pytest.fixture
def key(transactional_db: None) -> Iterator[str]:
    """The key of acme's own product server; acme has a use and an open reservation."""
    stage = usage_stage.set_up()
    meter.meter([stage.use("first")])
    reservations.reserve(stage.use("reserved", "query"), credits=20)
    yield new_key(stage.owner, stage.organization)
    spending.close_connection()


def make_real(case: Case) -> None:
    """Put names that exist in the place of made-up ones."""
    if isinstance(case.body, dict) and "organization" in case.body:
        made_up = ("user", "occurred_at", "credits", "quantity")
        kept = {name: value for name, value in case.body.items() if name not in made_up}
        case.body = {**kept, "organization": "acme", **PRICED[len(case.body) % len(PRICED)]}
    used, reserved = Operation.objects.filter(kind="usage").first(), Reservation.objects.first()
    assert used is not None
    assert reserved is not None
    real = {"organization": "acme", "usage": f"use_{used.pk.hex}", "reservation": f"res_{reserved.pk.hex}"}
    case.path_parameters.update({name: real[name] for name in case.path_parameters})
    if "organization" in case.query:
        case.query["organization"] = "acme"


@api.parametrize()
@settings(max_examples=30, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented_and_none_is_a_fault(case: Case, key: str) -> None:
    if case.meta is not None and case.meta.generation.mode.is_positive:
        make_real(case)
    # What a feature is priced by, and that 1.0 is no whole number here, are rules that a schema can't say.
    excluded = [positive_data_acceptance]
    if case.path.endswith("/batch"):
        # A batch is accepted whatever its items are: they are refused one by one.
        excluded.append(negative_data_rejection)
    case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=excluded)
