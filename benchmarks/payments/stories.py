"""The stories of payments: what happens at Stripe, step by step, and how it must end."""

from benchmarks.payments.steps import (
    ALLOWANCE,
    BEFORE,
    BOUGHT,
    DISPUTE_OPENED,
    DISPUTE_REVIEWED,
    OPENED,
    PAID,
    REFUND_EVENTS,
    SPENT,
    Step,
    Story,
    checkout,
    declined,
    delayed_failed,
    dispute,
    invoiced,
    many,
    paid,
    payment,
    plan,
    processing,
    refund,
    reversal,
    subscribed,
)
from billing.models import (
    Method,
    PurchaseState,
)

STORIES = (
    Story(
        "purchase: declined, then paid",
        (
            OPENED,
            Step(declined, (payment("charge.failed"), payment("payment_intent.payment_failed"))),
            PAID,
        ),
        balance=BEFORE + BOUGHT,
    ),
    Story(
        "delayed payment: it comes",
        (
            OPENED,
            Step(processing, (payment("payment_intent.processing"), checkout("completed"))),
            Step(
                paid,
                (
                    payment("charge.succeeded"),
                    payment("payment_intent.succeeded"),
                    checkout("async_payment_succeeded"),
                ),
            ),
        ),
        balance=BEFORE + BOUGHT,
    ),
    Story(
        "delayed payment: it fails",
        (
            OPENED,
            Step(processing, (payment("payment_intent.processing"), checkout("completed"))),
            Step(
                delayed_failed,
                (
                    payment("charge.failed"),
                    payment("payment_intent.payment_failed"),
                    checkout("async_payment_failed"),
                ),
            ),
        ),
        balance=BEFORE,
        state=PurchaseState.FAILED,
    ),
    Story(
        "refund: two parts, of which one fails",
        (
            OPENED,
            PAID,
            Step(refund("re_1", "pending", 333), REFUND_EVENTS[:2]),
            Step(refund("re_2", "succeeded", 500), REFUND_EVENTS),
            Step(refund("re_1", "succeeded", 333), (reversal("refund.updated"),)),
            Step(refund("re_1", "failed", 333), (reversal("refund.failed"),)),
        ),
        balance=BEFORE + BOUGHT - 25,
    ),
    Story(
        "refund: all of it in parts, after some was spent",
        (
            Step(paid, ()),
            Step(refund("re_1", "succeeded", 1), REFUND_EVENTS[:2]),
            Step(refund("re_2", "succeeded", 1_332), REFUND_EVENTS[:2]),
            Step(refund("re_3", "pending", 667), (reversal("refund.created"),)),
            Step(refund("re_3", "succeeded", 667), (reversal("refund.updated"), reversal("charge.refunded"))),
        ),
        balance=-SPENT,
        debt=SPENT,
        begins_paid=True,
    ),
    Story(
        "dispute: lost, after some was spent and a part refunded",
        (
            Step(paid, ()),
            Step(refund("re_1", "succeeded", 700), REFUND_EVENTS[:2]),
            DISPUTE_OPENED,
            DISPUTE_REVIEWED,
            Step(dispute("lost"), (reversal("charge.dispute.closed"),)),
        ),
        balance=-SPENT,
        debt=SPENT,
        begins_paid=True,
    ),
    Story(
        "dispute: opened before we knew of the payment, and won",
        (
            OPENED,
            PAID,
            DISPUTE_OPENED,
            DISPUTE_REVIEWED,
            Step(
                dispute("won"),
                (reversal("charge.dispute.closed"), reversal("charge.dispute.funds_reinstated")),
            ),
        ),
        balance=BEFORE + BOUGHT,
    ),
    Story(
        "dispute: lost, and won after all",
        (
            Step(paid, ()),
            DISPUTE_OPENED,
            Step(dispute("lost"), (reversal("charge.dispute.closed"),)),
            Step(dispute("won"), (reversal("charge.dispute.updated"), reversal("charge.dispute.funds_reinstated"))),
        ),
        balance=BOUGHT - SPENT,
        begins_paid=True,
    ),
    Story(
        "renewal: declined, then paid",
        (
            Step(
                many(subscribed("active", -1), invoiced("in_1", "paid", -1)),
                (plan("customer.subscription.created"), plan("invoice.paid")),
            ),
            Step(
                many(subscribed("active", 0), invoiced("in_2", "open", 0)),
                (plan("customer.subscription.updated"), plan("invoice.finalized")),
            ),
            Step(subscribed("past_due", 0), (plan("invoice.payment_failed"), plan("customer.subscription.updated"))),
            Step(
                many(subscribed("active", 0), invoiced("in_2", "paid", 0)),
                (plan("invoice.paid"), plan("invoice.payment_succeeded"), plan("customer.subscription.updated")),
            ),
        ),
        balance=BEFORE + ALLOWANCE,
        state=PurchaseState.OPEN,
    ),
    Story(
        "off-session charge: the answer got lost",
        (
            Step(lambda stripe: stripe.payment("processing"), (payment("payment_intent.created"),)),
            Step(
                lambda stripe: stripe.payment("succeeded"),
                (
                    payment("charge.succeeded"),
                    payment("payment_intent.succeeded"),
                    payment("charge.updated"),
                ),
            ),
        ),
        balance=BEFORE + BOUGHT,
        method=Method.AUTO_RECHARGE,
    ),
)
