"""Stripe's rules that its types don't tell: idempotency, errors, lists, expand, metadata, amounts, keys."""

import threading
from typing import Any

import httpx
import pytest
import stripe

from tests.support.billing.payments import Payments
from tests.support.billing.sandbox_calls import charge_off_session, customer, paid, saved_card

KEY: Any = {"idempotency_key": "order-1"}


def test_the_same_key_gives_the_same_answer_and_acts_once(sandbox: Payments) -> None:
    client = sandbox.stripe()
    first = client.v1.customers.create({"email": "a@example.com"}, KEY)
    second = client.v1.customers.create({"email": "a@example.com"}, KEY)

    assert second.id == first.id
    assert second.last_response is not None
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert len(client.v1.customers.list().data) == 1


def test_the_same_key_with_other_parameters_is_refused(sandbox: Payments) -> None:
    client = sandbox.stripe()
    client.v1.customers.create({"email": "a@example.com"}, KEY)

    with pytest.raises(stripe.IdempotencyError, match="Try using a key other than 'order-1'"):
        client.v1.customers.create({"email": "b@example.com"}, KEY)


def test_a_decline_is_kept_under_its_key(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner, "pm_card_chargeCustomerFail")
    intents = []
    for _ in range(2):
        params: Any = {
            "amount": 2000,
            "currency": "usd",
            "customer": owner,
            "payment_method": method,
            "off_session": True,
            "confirm": True,
        }
        with pytest.raises(stripe.CardError) as declined:
            sandbox.stripe().v1.payment_intents.create(params, KEY)
        assert declined.value.error is not None
        assert declined.value.error.payment_intent is not None
        intents.append(declined.value.error.payment_intent.id)

    assert intents[0] == intents[1]
    assert len(sandbox.events("charge.failed")) == 1


def test_a_refused_parameter_is_not_kept(sandbox: Payments) -> None:
    client = sandbox.stripe()
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 1, "currency": "usd"}, KEY)

    assert client.v1.payment_intents.create({"amount": 100, "currency": "usd"}, KEY).amount == 100


def test_two_calls_with_one_key_at_once_conflict(sandbox: Payments) -> None:
    sandbox.control("switch", replies={"delay": 0.4})
    outcomes: list[object] = []

    def create() -> None:
        try:
            outcomes.append(sandbox.stripe().v1.customers.create({"email": "a@example.com"}, KEY).id)
        except stripe.APIError as conflict:
            outcomes.append(conflict.http_status)

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 409 in outcomes
    assert len(sandbox.events("customer.created")) == 1


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 1000, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": 10, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": 1000, "currency": "usd", "customer": "cus_x"}, "resource_missing", "customer"),
        ({"amount": 1000, "currency": "usd", "payment_method": "pm_x"}, "resource_missing", "payment_method"),
        (
            {"amount": 1000, "currency": "usd", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
    ],
)
def test_a_wrong_parameter_is_named(sandbox: Payments, params: Any, code: str, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe().v1.payment_intents.create(params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)


def test_what_is_not_there_is_404(sandbox: Payments) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent: 'pi_x'") as refused:
        sandbox.stripe().v1.payment_intents.retrieve("pi_x")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert refused.value.request_id


@pytest.mark.parametrize("key", ["sk_live_0000", "pk_test_0000", ""])
def test_only_test_keys_open_it(sandbox: Payments, key: str) -> None:
    answer = httpx.get(
        f"{sandbox.url}/v1/customers", headers={"Authorization": f"Bearer {key}".strip()}, trust_env=False
    )

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_paid_intent_is_neither_confirmed_nor_canceled_again(sandbox: Payments) -> None:
    intent = paid(sandbox)
    client = sandbox.stripe()

    for again in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            again(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"


def test_lists_come_newest_first_in_pages(sandbox: Payments) -> None:
    client = sandbox.stripe()
    made = [client.v1.customers.create({"name": str(number)}).id for number in range(12)]

    first = client.v1.customers.list()
    rest = client.v1.customers.list({"starting_after": first.data[-1].id})

    assert [each.id for each in [*first.data, *rest.data]] == made[::-1]
    assert (first.has_more, rest.has_more) == (True, False)
    assert [each.id for each in client.v1.customers.list({"limit": 5}).auto_paging_iter()] == made[::-1]


def test_expand_shows_objects_in_full_up_to_four_levels(sandbox: Payments) -> None:
    intent = paid(sandbox)
    sandbox.settle()

    found = sandbox.stripe().v1.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction", "latest_charge.refunds", "payment_method"]}
    )
    charge = found.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.net == 2000 - 58 - 30
    assert charge.refunds is not None
    assert charge.refunds.data == []


def test_an_unexpandable_field_is_refused(sandbox: Payments) -> None:
    intent = paid(sandbox)

    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        sandbox.stripe().v1.payment_intents.retrieve(intent.id, {"expand": ["colour"]})


def test_search_finds_by_metadata_and_status(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner)
    wanted = charge_off_session(sandbox, owner, method, metadata={"purchase": "7"})
    charge_off_session(sandbox, owner, method, metadata={"purchase": "8"})

    found = sandbox.stripe().v1.payment_intents.search(
        {"query": "metadata['purchase']:'7' AND status:'succeeded' AND amount>1000"}
    )

    assert [each.id for each in found.data] == [wanted.id]


def test_metadata_is_merged_and_an_empty_value_removes(sandbox: Payments) -> None:
    owner = customer(sandbox, metadata={"a": "1", "b": "2"})

    changed = sandbox.stripe().v1.customers.update(owner.id, {"metadata": {"a": "", "c": "3"}})

    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}


def test_yen_have_no_decimals(sandbox: Payments) -> None:
    session = sandbox.stripe().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 3,
                    "price_data": {"currency": "jpy", "unit_amount": 10_000, "product_data": {"name": "Credits"}},
                }
            ],
            "success_url": "https://shop.test/",
        }
    )

    assert session.amount_total == 30_000
    assert "30,000 JPY" in httpx.get(session.url or "", trust_env=False).text


def test_a_removed_card_can_not_be_used_again(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner)
    sandbox.stripe().v1.payment_methods.detach(method)

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        sandbox.stripe().v1.payment_methods.attach(method, {"customer": owner})
    detached = sandbox.events("payment_method.detached")[0]["data"]
    assert (detached["object"]["customer"], detached["previous_attributes"]) == (None, {"customer": owner})


def test_one_customers_card_does_not_pay_for_another(sandbox: Payments) -> None:
    method = saved_card(sandbox, customer(sandbox).id)

    with pytest.raises(stripe.InvalidRequestError, match="does not belong to the Customer"):
        charge_off_session(sandbox, customer(sandbox).id, method)


def test_the_library_tries_again_after_a_500_with_the_same_key(sandbox: Payments) -> None:
    sandbox.control("switch", replies={"refuse": {"status": 500, "count": 1}})

    made = sandbox.stripe(retries=2).v1.customers.create({"email": "a@example.com"})

    assert made.email == "a@example.com"


def test_too_many_requests_are_429(sandbox: Payments) -> None:
    sandbox.control("switch", replies={"refuse": {"status": 429, "count": 1, "path": "/v1/customers"}})

    with pytest.raises(stripe.RateLimitError):
        sandbox.stripe().v1.customers.create({})


def test_a_dropped_reply_has_done_its_work_and_its_key_finds_it(sandbox: Payments) -> None:
    sandbox.control("switch", replies={"drop": 1})
    with pytest.raises(stripe.APIConnectionError):
        sandbox.stripe().v1.customers.create({"email": "a@example.com"}, KEY)
    assert len(sandbox.events("customer.created")) == 1

    found = sandbox.stripe().v1.customers.create({"email": "a@example.com"}, KEY)

    assert found.id == sandbox.events("customer.created")[0]["data"]["object"]["id"]


def test_a_request_dropped_on_its_way_has_done_nothing(sandbox: Payments) -> None:
    sandbox.control("switch", replies={"drop_before": 1})

    with pytest.raises(stripe.APIConnectionError):
        sandbox.stripe().v1.customers.create({})
    assert sandbox.events() == []
