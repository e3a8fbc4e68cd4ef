"""Going through orders of a story's events, each in a savepoint that is rolled back, and looking at how each ends."""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.payments.beginnings import prepare
from benchmarks.payments.steps import Event, Story
from benchmarks.payments.stripe import PAYMENT, Stripe
from billing.audit.invariants import PURCHASES
from billing.models import Allowance, Dispute, Purchase, Refund
from billing.refunds.disputes import OPEN
from billing.stripe_events.handlers import handler_of
from credits import audit
from credits.models import Grant, Wallet

# A transaction that has seen so many sequences is given up for a new one: rolled-back rows pile up in it.
SEQUENCES_A_TRANSACTION = 200
# The auditor goes through the books of one sequence in so many.
AUDITED = 20
MOST_COPIES = 3
# All orders are gone through where there are at most so many.
MOST_ORDERS = 720

# A sequence: numbers of steps as they happen, and of events as they are delivered.
Token = tuple[str, int]


@dataclass
class Outcome:
    """What was gone through of one story. different: sequences that ended otherwise, as text."""

    name: str
    orders: int
    sequences: int = 0
    deliveries: int = 0
    audits: int = 0
    distinct: set[tuple[Token, ...]] = field(default_factory=set)
    different: list[str] = field(default_factory=list)


def run_story(story: Story, *, sequences: int, seed: int) -> Outcome:
    """Go through so many sequences of a story. The same seed, the same sequences."""
    chance = random.Random(f"{seed}:{story.name}")
    events = [(index, event) for index, step in enumerate(story.steps) for event in step.events]
    outcome = Outcome(story.name, math.factorial(len(events)))
    plan = _sequences(story, events, chance, sequences)
    while batch := list(itertools.islice(plan, SEQUENCES_A_TRANSACTION)):
        with _scratch():
            stripe = prepare(story)
            for tokens in batch:
                with _scratch():
                    _play(story, stripe, events, tokens, outcome)
                    transaction.set_rollback(True)
            transaction.set_rollback(True)
    return outcome


def _scratch() -> Any:
    """A transaction that the gateway's refusal of calls inside one lets pass, as it does a test's own."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # noqa: SLF001 - as Django does for its tests
    return block


def _sequences(
    story: Story, events: Sequence[tuple[int, Event]], chance: random.Random, wanted: int
) -> Iterator[tuple[Token, ...]]:
    """Half of what is wanted, at most, delivers everything after the end; the rest in between, with duplicates."""
    steps: list[Token] = [("step", index) for index in range(len(story.steps))]
    numbers = range(len(events))
    made = 0
    if math.factorial(len(events)) <= min(MOST_ORDERS, wanted // 2):
        orders: Iterator[Sequence[int]] = itertools.permutations(numbers)
    else:
        orders = (chance.sample(numbers, len(events)) for _ in range(wanted // 2))
    for order in orders:
        yield (*steps, *(("event", number) for number in order))
        made += 1
    for _ in range(wanted - made):
        yield tuple(_interleaved(steps, events, chance))


def _interleaved(steps: Sequence[Token], events: Sequence[tuple[int, Event]], chance: random.Random) -> list[Token]:
    tokens = list(steps)
    for number, (step, _) in enumerate(events):
        for _copy in range(chance.randint(1, MOST_COPIES)):
            tokens.insert(chance.randint(tokens.index(("step", step)) + 1, len(tokens)), ("event", number))
    return tokens


def _play(
    story: Story, stripe: Stripe, events: Sequence[tuple[int, Event]], tokens: tuple[Token, ...], outcome: Outcome
) -> None:
    there = copy(stripe)
    for name in ("checkouts", "payments", "refunds", "disputes", "subscriptions", "invoices"):
        setattr(there, name, {})
    outcome.sequences += 1
    outcome.distinct.add(tokens)
    try:
        with there.answering():
            for what, number in tokens:
                if what == "step":
                    story.steps[number].change(there)
                    continue
                kind, thing = events[number][1]
                handler = handler_of(kind)
                assert handler is not None, kind
                handler({"object": _marked(thing, there)})
                outcome.deliveries += 1
        # What a commit would check, and this never commits.
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        wrong = _differences(story, there)
        if outcome.sequences % AUDITED == 0 or wrong:
            outcome.audits += 1
            wrong += _broken(there)
    except Exception as error:  # whatever it was, it is the finding
        wrong = [f"{type(error).__name__}: {error}"]
    if wrong:
        order = " ".join(f"{what[0]}{number}" for what, number in tokens)
        outcome.different.append(f"{story.name}: {'; '.join(wrong)} after {order}")


def _marked(thing: dict[str, Any], stripe: Stripe) -> dict[str, Any]:
    """As Stripe sends it: payments and checkouts carry the order's id."""
    if thing["object"] not in {"payment_intent", "charge", "checkout.session"}:
        return thing
    return {**thing, "metadata": {"purchase_id": str(stripe.purchase_id)}}


def _differences(story: Story, stripe: Stripe) -> list[str]:
    """In what the end differs from the one that the story must have."""
    purchase = Purchase.objects.get(pk=stripe.purchase_id)
    wallet = Wallet.objects.get(organization=purchase.organization_id)
    granted = Grant.objects.filter(wallet=wallet).exclude(source="goodwill")
    is_paid = story.state == "paid"
    brought = Allowance.objects.filter(operation__isnull=False).count()
    is_open = any(each.status in OPEN for each in stripe.disputes.values())
    found = {
        "balance": (wallet.balance, story.balance),
        "debt": (wallet.debt, story.debt),
        "purchase": (purchase.state, story.state),
        "payment": (purchase.stripe_payment_intent_id, PAYMENT if is_paid else None),
        "grants": (granted.count(), (1 if is_paid else 0) + (1 if stripe.invoices else 0)),
        "months": (brought, 1 if stripe.invoices else 0),
        "frozen": (granted.filter(frozen_at__isnull=False).exists(), is_open),
        "refunds": (
            sorted(Refund.objects.filter(purchase=purchase).values_list("stripe_id", "state", "amount_minor")),
            sorted((each.id, each.status, each.amount_minor) for each in stripe.refunds.values()),
        ),
        "disputes": (
            list(Dispute.objects.filter(purchase=purchase).values_list("stripe_id", "status")),
            [(each.id, each.status) for each in stripe.disputes.values()],
        ),
    }
    return [f"{name} {is_} instead of {must}" for name, (is_, must) in found.items() if is_ != must]


def _broken(stripe: Stripe) -> list[str]:
    wallet = Wallet.objects.get(organization__purchases=Purchase.objects.get(pk=stripe.purchase_id))
    scope = audit.Scope(now=timezone.now(), wallet_id=wallet.pk)
    broken = [*audit.prove_ledger(scope), *audit.prove(PURCHASES, scope)]
    return [f"{each.invariant.name}: {each.first.what}" for each in broken]
