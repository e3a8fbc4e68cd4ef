"""Buying once through the hosted page: new card, declines, the bank's question, saved cards, Link, delayed methods."""

import pytest
import stripe

from tests.support.billing.payments import Payments


def open_session(sandbox: Payments, **more: object) -> stripe.checkout.Session:
    params: dict[str, object] = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 2,
                "price_data": {"currency": "usd", "unit_amount": 2500, "product_data": {"name": "1,000 credits"}},
            }
        ],
        "success_url": "https://shop.test/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.test/back",
        "client_reference_id": "purchase-1",
        "metadata": {"purchase": "1"},
        "payment_intent_data": {"metadata": {"purchase": "1"}},
        **more,
    }
    return sandbox.stripe().v1.checkout.sessions.create(params)  # type: ignore[arg-type]


def customer(sandbox: Payments) -> str:
    return sandbox.stripe().v1.customers.create({"email": "owner@example.com", "name": "Owner"}).id


def test_a_new_session_is_open_and_unpaid_and_has_no_intent_yet(sandbox: Payments) -> None:
    session = open_session(sandbox)

    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.currency, session.livemode) == (5000, "usd", False)
    assert session.id.startswith("cs_test_")


def test_paying_by_card_completes_the_session_and_goes_to_the_success_address(sandbox: Payments) -> None:
    session = open_session(sandbox)

    page = sandbox.pay(session.url or "")

    assert page.status_code == 303
    assert page.headers["location"] == f"https://shop.test/done?session={session.id}"
    paid = sandbox.stripe().v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.amount_received, intent.metadata.to_dict()) == ("succeeded", 5000, {"purchase": "1"})


def test_paying_by_card_tells_what_happened_in_stripes_order(sandbox: Payments) -> None:
    session = open_session(sandbox)
    sandbox.pay(session.url or "")
    sandbox.settle()

    assert sandbox.event_types()[-5:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.updated",
    ]
    assert sandbox.events("charge.succeeded")[0]["data"]["object"]["balance_transaction"] is None
    assert sandbox.events("charge.updated")[0]["data"]["object"]["balance_transaction"].startswith("txn_")


def test_a_decline_is_shown_and_the_same_intent_is_paid_with_another_card(sandbox: Payments) -> None:
    session = open_session(sandbox)

    declined = sandbox.pay(session.url or "", "4000000000009995")
    assert declined.status_code == 402
    assert "Your card has insufficient funds." in declined.text
    after = sandbox.stripe().v1.checkout.sessions.retrieve(session.id)
    assert (after.status, after.payment_status) == ("open", "unpaid")
    assert sandbox.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]

    sandbox.pay(session.url or "")

    assert len(sandbox.events("payment_intent.created")) == 1
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_the_bank_asks_on_a_page_of_its_own(sandbox: Payments) -> None:
    session = open_session(sandbox)

    question = sandbox.pay(session.url or "", "4000002760003184")
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).status == "open"
    answered = sandbox.answer_bank(question)

    assert answered.headers["location"] == f"https://shop.test/done?session={session.id}"
    assert "payment_intent.requires_action" in sandbox.event_types()
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_whoever_the_bank_does_not_know_comes_back_to_the_form(sandbox: Payments) -> None:
    session = open_session(sandbox)

    answered = sandbox.answer_bank(sandbox.pay(session.url or "", "4000002760003184"), confirm=False)

    assert answered.headers["location"] == session.url
    failure = sandbox.events("payment_intent.payment_failed")[0]["data"]["object"]
    assert failure["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).status == "open"


@pytest.mark.parametrize(
    ("card", "expiry", "cvc", "sentence"),
    [
        ("4242424242424241", "12 / 40", "123", "Your card number is incorrect."),
        ("4242424242424242", "12 / 20", "123", "Your card&#x27;s expiration year is invalid."),
        ("4242424242424242", "13 / 40", "123", "Your card&#x27;s expiration month is invalid."),
        ("4242424242424242", "12 / 40", "1", "Your card&#x27;s security code is invalid."),
        ("5105105105105100", "12 / 40", "123", "used a card that is not a test card"),
    ],
)
def test_a_mistyped_card_is_refused_before_anything_is_made(
    sandbox: Payments, card: str, expiry: str, cvc: str, sentence: str
) -> None:
    session = open_session(sandbox)

    page = sandbox.pay(session.url or "", card, expiry=expiry, cvc=cvc)

    assert sentence in page.text
    assert sandbox.events("payment_intent.created") == []


def test_a_ticked_box_saves_the_card_for_the_next_time(sandbox: Payments) -> None:
    owner = customer(sandbox)
    options = {"payment_method_save": "enabled"}
    first = open_session(sandbox, customer=owner, saved_payment_method_options=options)
    sandbox.pay(first.url or "", save=True)

    saved = sandbox.stripe().v1.customers.payment_methods.list(owner, {"type": "card"}).data
    assert [(each.allow_redisplay, each.card and each.card.last4) for each in saved] == [("always", "4242")]
    second = open_session(sandbox, customer=owner)
    sandbox.pay(second.url or "", method=saved[0].id)
    assert sandbox.stripe().v1.checkout.sessions.retrieve(second.id).payment_status == "paid"


def test_setting_up_for_later_saves_without_asking(sandbox: Payments) -> None:
    owner = customer(sandbox)
    session = open_session(sandbox, customer=owner, payment_intent_data={"setup_future_usage": "off_session"})
    sandbox.pay(session.url or "")

    saved = sandbox.stripe().v1.customers.payment_methods.list(owner).data
    assert [each.allow_redisplay for each in saved] == ["limited"]
    types = sandbox.event_types()
    assert types.index("payment_method.attached") < types.index("checkout.session.completed")


def test_link_pays_with_an_email_and_no_card(sandbox: Payments) -> None:
    session = open_session(sandbox)
    sandbox.pay(session.url or "", method="link", email="link@example.com")

    paid = sandbox.stripe().v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.payment_method"]})
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert intent.payment_method.type == "link"


@pytest.mark.parametrize("method", ["konbini", "us_bank_account"])
def test_a_delayed_payment_completes_unpaid_and_is_paid_later(sandbox: Payments, method: str) -> None:
    session = open_session(sandbox)
    sandbox.pay(session.url or "", method=method)
    waiting = sandbox.stripe().v1.checkout.sessions.retrieve(session.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")

    sandbox.control("pay_delayed", payment_intent=waiting.payment_intent)

    types = sandbox.event_types()
    later = types[types.index("checkout.session.completed") + 1 :][:3]
    assert later == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.async_payment_succeeded"]
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


@pytest.mark.parametrize(("method", "what"), [("us_bank_account", "fail_delayed"), ("konbini", "expire_delayed")])
def test_a_delayed_payment_may_never_come(sandbox: Payments, method: str, what: str) -> None:
    session = open_session(sandbox)
    sandbox.pay(session.url or "", method=method)
    waiting = sandbox.stripe().v1.checkout.sessions.retrieve(session.id)

    sandbox.control(what, payment_intent=waiting.payment_intent)

    assert sandbox.event_types()[-2:] == ["payment_intent.payment_failed", "checkout.session.async_payment_failed"]
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_a_session_expires_by_itself_after_a_day(sandbox: Payments) -> None:
    session = open_session(sandbox)
    sandbox.advance(days=1, seconds=1)

    assert sandbox.event_types()[-1] == "checkout.session.expired"
    expired = sandbox.stripe().v1.checkout.sessions.retrieve(session.id)
    assert (expired.status, expired.url) == ("expired", None)


def test_only_an_open_session_can_be_expired(sandbox: Payments) -> None:
    session = open_session(sandbox)
    sandbox.stripe().v1.checkout.sessions.expire(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions with a status in"):
        sandbox.stripe().v1.checkout.sessions.expire(session.id)
