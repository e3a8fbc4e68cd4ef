"""The contract tells right from wrong: what Stripe takes and gives passes, what it does not is named."""

import pytest
import stripe

from tests.contract.contract import installed
from tests.contract.skeletons import skeleton

GOOD = [
    ("POST", "/v1/customers", "email=a%40b.c&metadata[organization]=7"),
    ("POST", "/v1/customers/cus_1", "invoice_settings[default_payment_method]=pm_1&name="),
    ("POST", "/v1/payment_intents", "amount=2000&currency=usd&off_session=true&confirm=true&expand[0]=latest_charge"),
    ("POST", "/v1/payment_intents", "amount=2000&currency=usd&metadata[0]=first"),
    ("POST", "/v1/refunds", "payment_intent=pi_1&amount=500&reason=requested_by_customer"),
    ("POST", "/v1/subscriptions/sub_1", "billing_cycle_anchor[type]=now&items[0][id]=si_1&items[0][price]=price_1"),
    ("GET", "/v1/events", "types[0]=charge.refunded&created[gte]=1&limit=100"),
    ("GET", "/v1/customers/search", "query=email%3A%27a%27"),
    (
        "POST",
        "/v1/checkout/sessions",
        (
            "mode=payment&line_items[0][quantity]=1&line_items[0][price_data][currency]=jpy"
            "&line_items[0][price_data][unit_amount]=10000&line_items[0][price_data][product_data][name]=Credits"
            "&saved_payment_method_options[allow_redisplay_filters][]=always&success_url=https://x.test/"
        ),
    ),
]
BAD = [
    ("POST", "/v1/payment_intents", "currency=usd", "'amount' is a required property"),
    ("POST", "/v1/payment_intents", "amount=ten&currency=usd", "'ten' is not of type 'integer'"),
    ("POST", "/v1/payment_intents", "amount=1&currency=usd&payment_method_types[0]=card", "payment_method_types"),
    ("POST", "/v1/refunds", "payment_intent=pi_1&reason=because", "'because' is not one of"),
    ("POST", "/v1/checkout/sessions", "mode=paymnt", "'paymnt' is not one of"),
    ("POST", "/v1/checkout/sessions", "linee_items[0][price]=x", "'linee_items' was unexpected"),
    ("POST", "/v1/nowhere", "", "no such operation"),
]


@pytest.mark.parametrize(("verb", "path", "sent"), GOOD)
def test_a_good_request_passes(verb: str, path: str, sent: str) -> None:
    query, body = (sent, "") if verb == "GET" else ("", sent)

    assert installed().request(verb, path, query=query, body=body) == []


@pytest.mark.parametrize(("verb", "path", "sent", "complaint"), BAD)
def test_a_bad_request_is_named(verb: str, path: str, sent: str, complaint: str) -> None:
    found = installed().request(verb, path, body=sent)

    assert any(complaint in each for each in found), found


def test_the_most_literal_operation_is_meant() -> None:
    operation = installed().types.find("GET", "/v1/customers/search")

    assert operation is not None
    assert operation.path == "/v1/customers/search"


@pytest.mark.parametrize(
    "name",
    [
        "charge",
        "checkout.session",
        "customer",
        "dispute",
        "event",
        "invoice",
        "payment_intent",
        "refund",
        "subscription",
    ],
)
def test_a_skeleton_is_the_smallest_valid_object(name: str) -> None:
    contract = installed()
    smallest = skeleton(contract.types.resource(name), contract.types)

    assert contract.types.resource(name)["$ref"]
    assert smallest["object"] == name
    assert contract.resource(smallest) == []


def test_a_field_too_many_too_few_or_of_another_type_is_named() -> None:
    contract = installed()
    refund = skeleton(contract.types.resource("refund"), contract.types)

    assert "'invoice' was unexpected" in contract.resource({**refund, "invoice": "in_1"})[0]
    assert "'amount' is a required property" in contract.resource({k: v for k, v in refund.items() if k != "amount"})[0]
    assert "amount: 1.5 is not of type 'integer'" in contract.resource({**refund, "amount": 1.5})[0]


def test_an_expandable_field_is_an_identifier_or_the_object() -> None:
    contract = installed()
    refund = skeleton(contract.types.resource("refund"), contract.types)
    charge = skeleton(contract.types.resource("charge"), contract.types)

    assert contract.resource({**refund, "charge": "ch_1"}) == []
    assert contract.resource({**refund, "charge": charge}) == []
    assert contract.resource({**refund, "charge": {"id": "ch_1"}}) != []


def test_an_event_is_checked_with_the_object_inside_it() -> None:
    contract = installed()
    event = skeleton(contract.types.resource("event"), contract.types)
    refund = skeleton(contract.types.resource("refund"), contract.types)
    event["data"] = {"object": refund}

    assert contract.event({**event, "type": "refund.created"}) == []
    assert contract.event({**event, "type": "refund.made"}) != []
    assert contract.event({**event, "type": "refund.created", "data": {"object": {**refund, "amount": "1"}}}) != []


def test_a_deleted_object_is_an_answer_too() -> None:
    deleted = {"id": "cus_1", "object": "customer", "deleted": True}

    assert installed().answer("DELETE", "/v1/customers/cus_1", deleted) == []


def test_an_error_has_only_fields_that_the_library_reads() -> None:
    contract = installed()

    assert contract.error("POST", "/v1/refunds", {"error": {"type": "invalid_request_error", "message": "No"}}) == []
    assert contract.error("POST", "/v1/refunds", {"error": {"type": "card_error", "reason": "No"}}) != []
    assert contract.error("POST", "/v1/refunds", {"message": "No"}) != []


def test_every_operation_can_be_read() -> None:
    types = installed().types

    assert len(types.operations) > 500
    for operation in types.operations:
        if operation.path.startswith(("/v1/checkout", "/v1/refunds", "/v1/subscriptions", "/v1/billing_portal")):
            assert types.parameters(operation)
            assert types.answer(operation)


def test_it_speaks_of_the_pinned_version() -> None:
    assert stripe.api_version == "2026-10-28.endive", "read what changed: python -m tests.contract.diff OLD NEW"
