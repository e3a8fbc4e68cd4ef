"""Each test card does what Stripe's page of test cards says."""

import pytest
import stripe

from stripe_sandbox.payments.cards import CARDS, passes_checksum
from tests.support.billing.payments import Payments
from tests.support.billing.sandbox_calls import charge_off_session, customer, paid, saved_card, set_up_card

DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
]


def test_every_number_passes_the_checksum() -> None:
    assert [card.number for card in CARDS if not passes_checksum(card.number)] == []
    assert not passes_checksum("4242424242424241")


@pytest.mark.parametrize("name", ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_bypassPending"])
def test_a_good_card_pays(sandbox: Payments, name: str) -> None:
    assert paid(sandbox, name).status == "succeeded"


@pytest.mark.parametrize(("name", "code", "decline_code"), DECLINES)
def test_a_declining_card_declines_with_its_codes(
    sandbox: Payments, name: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        paid(sandbox, name)

    error = declined.value.error
    assert error is not None
    assert (declined.value.http_status, error.type, error.code) == (402, "card_error", code)
    assert getattr(error, "decline_code", None) == decline_code
    intent = sandbox.stripe().v1.payment_intents.retrieve(error.payment_intent.id)  # type: ignore[union-attr]
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == code


def test_the_card_of_the_failing_customer_saves_and_declines_every_charge(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner, "pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError):
        charge_off_session(sandbox, owner, method)
    assert sandbox.event_types()[-3:] == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_a_declining_card_can_not_be_saved(sandbox: Payments) -> None:
    with pytest.raises(stripe.CardError):
        saved_card(sandbox, customer(sandbox).id, "pm_card_visa_chargeDeclined")


def test_a_card_that_asks_until_set_up_is_charged_afterwards_without_the_customer(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = set_up_card(sandbox, owner, "pm_card_authenticationRequiredOnSetup")

    assert charge_off_session(sandbox, owner, method).status == "succeeded"


@pytest.mark.parametrize("name", ["pm_card_authenticationRequiredOnSetup", "pm_card_authenticationRequired"])
def test_a_card_that_was_not_set_up_is_refused_without_the_customer(sandbox: Payments, name: str) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner, name)

    with pytest.raises(stripe.CardError, match="This transaction requires authentication") as declined:
        charge_off_session(sandbox, owner, method)

    error = declined.value.error
    assert error is not None
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    failed = sandbox.events("charge.failed")[0]["data"]["object"]
    assert (failed["failure_code"], failed["outcome"]["type"]) == ("authentication_required", "issuer_declined")


def test_a_card_that_always_asks_asks_even_after_it_was_set_up(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = set_up_card(sandbox, owner, "pm_card_authenticationRequired")

    with pytest.raises(stripe.CardError):
        charge_off_session(sandbox, owner, method)


def test_a_card_set_up_elsewhere_pays_without_the_customer_and_asks_the_customer_who_is_there(
    sandbox: Payments,
) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner, "pm_card_authenticationRequiredSetupForOffSession")

    assert charge_off_session(sandbox, owner, method).status == "succeeded"
    assert paid(sandbox, "pm_card_authenticationRequiredSetupForOffSession").status == "requires_action"


def test_the_refused_payment_is_recovered_with_the_customer(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as declined:
        charge_off_session(sandbox, owner, method)
    assert declined.value.error is not None
    assert declined.value.error.payment_intent is not None
    intent = declined.value.error.payment_intent.id

    again = sandbox.stripe().v1.payment_intents.confirm(
        intent, {"payment_method": method, "return_url": "https://shop.test/"}
    )
    assert again.status == "requires_action"
    assert again.next_action is not None
    assert again.next_action.redirect_to_url is not None
    sandbox.answer_bank(again.next_action.redirect_to_url.url or "")

    assert sandbox.stripe().v1.payment_intents.retrieve(intent).status == "succeeded"


@pytest.mark.parametrize(
    "name",
    [
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "pm_card_threeDSecureRequiredChargeDeclined",
    ],
)
def test_a_card_may_be_declined_after_the_bank_knows_the_customer(sandbox: Payments, name: str) -> None:
    intent = paid(sandbox, name)
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None

    sandbox.answer_bank(intent.next_action.redirect_to_url.url or "")

    assert sandbox.stripe().v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    assert sandbox.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_an_expired_card_is_declined(sandbox: Payments) -> None:
    owner = customer(sandbox).id
    method = saved_card(sandbox, owner)
    sandbox.control("expire_card", payment_method=method)

    with pytest.raises(stripe.CardError) as declined:
        charge_off_session(sandbox, owner, method)
    assert declined.value.code == "expired_card"


def test_an_issuer_may_renew_a_saved_card_by_itself(sandbox: Payments) -> None:
    method = saved_card(sandbox, customer(sandbox).id)
    sandbox.control("update_card", payment_method=method)

    event = sandbox.events("payment_method.automatically_updated")[0]["data"]
    assert event["object"]["card"]["exp_year"] == event["previous_attributes"]["card"]["exp_year"] + 5


def test_one_card_warns_of_fraud_before_any_dispute(sandbox: Payments) -> None:
    paid(sandbox, "pm_card_createIssuerFraudRecord")
    sandbox.settle()

    assert sandbox.event_types()[-1] == "radar.early_fraud_warning.created"
