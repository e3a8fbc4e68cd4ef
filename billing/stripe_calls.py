"""A call that moves money at Stripe, made once although its answer may get lost.

The caller commits a row for the call first; the idempotency key is made of the row's id, and what the call says never
changes after that. `send` makes the call outside any transaction, and the outcome is written into the row. Without a
clear answer the row is marked unknown, and blocks further calls of its kind until `resolve` has asked Stripe.

No table, amount or state is known here. Calls that move no money need none of this: a page to pay on, a customer or a
plan's price is simply asked for again under the same key.
"""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import ClassVar, Generic, TypeVar

from billing.stripe_gateway import OutcomeUnknown, Refused

Answer = TypeVar("Answer")

# After this a call is over, whatever became of its worker; by then Stripe's search knows what it made, too.
SETTLES_AFTER = timedelta(minutes=2)


class NeverArrived(Refused):
    """The call did not reach Stripe, and its key is no longer good: nothing was done, and nothing will be."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} never reached Stripe.", code="never_arrived")


class StripeCall(ABC, Generic[Answer]):
    """One call, with its committed row. Every method may be run twice, and at once by several workers.

    what: what the call makes, for error messages. key_lasts: how long after the row's commit the call may be made
    again under its key; less than a day, because Stripe forgets keys after that and would act a second time.
    """

    what: ClassVar[str]
    key_lasts: ClassVar[timedelta]

    @property
    @abstractmethod
    def committed_at(self) -> datetime:
        """When the row was committed."""

    @abstractmethod
    def make(self) -> Answer:
        """Make the call under the row's key. Raises the gateway's Refused and OutcomeUnknown."""

    @abstractmethod
    def find(self) -> Answer | None:
        """Ask Stripe for what the call made; None: nothing is known there. Raises Refused and Unavailable."""

    def find_for_sure(self) -> Answer | None:
        """Ask again before the call is given up, where `find` may lag behind. Raises as `find` does."""
        return None

    def is_wanted(self, now: datetime) -> bool:  # noqa: ARG002 - for those that can be outdated
        """Whether a call that has not arrived should still be made."""
        return True

    @abstractmethod
    def follow(self, answer: Answer) -> None:
        """Write down what Stripe did."""

    @abstractmethod
    def fail(self, refused: Refused) -> None:
        """Write down that nothing was done, and undo what was done for it here."""

    @abstractmethod
    def mark_unknown(self, why: str) -> None:
        """Write down that the fate is unknown, unless the row is past that."""


def send(call: StripeCall[Answer]) -> None:
    """Make a call and write down what came of it. Outside any transaction; its row is committed.

    The same call again, within its key's life, does nothing more at Stripe.
    """
    try:
        answer = call.make()
    except OutcomeUnknown as unknown:
        call.mark_unknown(str(unknown))
    except Refused as refused:
        call.fail(refused)
    else:
        call.follow(answer)


def resolve(call: StripeCall[Answer], *, now: datetime) -> None:
    """Find out what became of a call that was left under way for SETTLES_AFTER. Outside any transaction.

    One of which Stripe knows nothing is made again while its key is good and it is wanted, and fails after that. Any
    number of calls, at once, lead to the same. Raises the gateway's Refused and Unavailable; then nothing has changed.
    """
    answer = call.find()
    if answer is None and now >= call.committed_at + call.key_lasts:
        answer = call.find_for_sure()
        if answer is None:
            call.fail(NeverArrived(call.what))
            return
    if answer is not None:
        call.follow(answer)
    elif call.is_wanted(now):
        send(call)
    else:
        call.mark_unknown("no answer")
