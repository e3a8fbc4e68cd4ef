"""Metering: a use of an AI feature takes credits and becomes a usage event, or is refused and writes nothing.

Checked under the wallet's lock, in this order: the key (a replay), the AI switch, the price, the limits, the balance.
Any number of uses, for any wallets, share one transaction and a fixed number of statements; each is decided by itself.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from credits import ledger
from usage import limits
from usage.limits import Limits
from usage.metering import events, rows
from usage.metering.bounds import check_use
from usage.metering.events import NewEvent
from usage.metering.rates import cost_of, find_terms
from usage.metering.rows import Found, Payer, Person
from usage.models import MAX_SERVICES
from usage.pricing import RateTerms
from usage.rollups import late_uses
from usage.uses import KEY_WAS_USED, Conflict, Insufficient, Invalid, Metered, NotFound, SwitchedOff, Use, UseRefusal

# What happened longer ago than this must be imported by staff.
OLDEST = timedelta(days=35)
# Clocks differ by less; what is further in the future is a mistake of the caller.
NEWEST = timedelta(minutes=5)
NOBODY = Person(user_id=None, team_id=None)


def meter(uses: Sequence[Use], *, now: datetime | None = None) -> list[Metered | UseRefusal]:
    """Pay for uses; each is answered by itself, in order, and a refused one harms no other.

    now: the instant to judge by (aware), for tests and imports; None: the database's clock, read after the lock. A
    replay is answered as the first call was, and writes nothing.

    Raises only Django's database errors. Then nothing was written, unless the connection broke during the commit: the
    same call again returns what is true.
    """
    if not uses:
        return []
    answers: list[Metered | UseRefusal | None] = [_invalid(use) for use in uses]
    found = rows.find([use for use, refused in zip(uses, answers, strict=True) if not refused])
    accepted: list[tuple[int, Use, Payer]] = []
    for position, use in enumerate(uses):
        if answers[position] is None:
            try:
                accepted.append((position, use, payer_of(use, found)))
            except NotFound as refusal:
                answers[position] = refusal
    if accepted:
        keys = {(payer.wallet_id, ledger_key(use)) for _, use, payer in accepted}
        with ledger.open_book(keys=keys, now=now) as book:
            payers = [payer for _, _, payer in accepted]
            session = Session(book, found, payers, found.people.values(), found.features.values())
            for position, use, payer in accepted:
                try:
                    answers[position] = session.meter(use, payer)
                except UseRefusal as refusal:
                    answers[position] = refusal
            session.write()
    return [answer for answer in answers if answer is not None]


def _invalid(use: Use) -> Invalid | None:
    try:
        check_use(use)
    except Invalid as refusal:
        return refusal
    return None


def payer_of(use: Use, found: Found) -> Payer:
    """Return the organization that pays for a use. Raises NotFound, also where the caller may not act for it."""
    payer = found.payers.get(use.organization)
    if payer is None or use.within not in {None, payer.organization_id}:
        raise NotFound("The organization doesn't exist, or this key can't access it.")
    return payer


def ledger_key(use: Use) -> str:
    """Return the ledger's idempotency key of a use, distinct from those of other kinds of calls."""
    return f"usage:{use.key}"


def content_hash(use: Use) -> bytes:
    """Return the SHA-256 of a use's content, whatever the order of its fields and the zone of its instant."""
    occurred_at = use.occurred_at and use.occurred_at.astimezone(UTC)
    asked = [use.user, use.feature, use.service, use.measures, use.resource, occurred_at]
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).digest()


class Session:
    """An open book, what was read for it, and the rows that are written with its entries."""

    def __init__(
        self,
        book: ledger.Book,
        found: Found,
        payers: Sequence[Payer],
        people: Collection[Person],
        feature_ids: Collection[int],
    ) -> None:
        self.book = book
        self.found = found
        self.now = max(book.wallet(payer.wallet_id).now for payer in payers)
        self.organization_ids = {payer.organization_id for payer in payers}
        self.off = rows.read_switched_off(self.organization_ids)
        self.limits: Limits = limits.read(
            {payer.organization_id: limits.Moment.at(book.wallet(payer.wallet_id).now, payer.zone) for payer in payers},
            user_ids={person.user_id for person in people if person.user_id is not None},
            team_ids={person.team_id for person in people if person.team_id is not None},
            feature_ids=feature_ids,
        )
        self.new_events: list[tuple[NewEvent, str]] = []
        self.at_zero: set[int] = set()
        # The services of each organization, with those of this book; read once a use names one that was not found.
        self._services: dict[int, set[str]] | None = None

    def meter(self, use: Use, payer: Payer) -> Metered:
        """Decide one use. Raises UseRefusal; then nothing was taken."""
        digest = content_hash(use)
        try:
            replayed = self.book.replay(payer.wallet_id, ledger_key(use), digest)
        except ledger.IdempotencyConflict:
            raise Conflict(KEY_WAS_USED) from None
        if replayed is not None:
            return _answer(replayed)
        person, feature_id, terms, occurred_at = self.check(use, payer)
        credits = cost_of(terms, use.measures)
        self.check_limits(payer, person, feature_id=feature_id, credits=credits)
        recorded = self._take(use, payer, person, credits=credits, digest=digest, occurred_at=occurred_at)
        event = NewEvent(
            operation_id=recorded.id,
            organization_id=payer.organization_id,
            user_id=person.user_id,
            team_id=person.team_id,
            service_id=self.found.services.get((payer.organization_id, use.service), 0),
            feature_id=feature_id,
            rate_id=terms.rate_id,
            model=use.measures.model,
            input_tokens=use.measures.input_tokens,
            output_tokens=use.measures.output_tokens,
            quantity=use.measures.quantity,
            credits=credits,
            uncollected=0,
            occurred_at=recorded.occurred_at,
            written_at=recorded.written_at,
        )
        self.record(event, payer, use.service)
        return _answer(recorded)

    def check(self, use: Use, payer: Payer) -> tuple[Person, int, RateTerms, datetime]:
        """Return who used what, at which rate and when. Raises Invalid and SwitchedOff."""
        wallet_now = self.book.wallet(payer.wallet_id).now
        occurred_at = use.occurred_at or wallet_now
        if occurred_at > wallet_now + NEWEST:
            raise Invalid("occurred_at", "Must not be in the future.")
        if not use.any_age and occurred_at < wallet_now - OLDEST:
            raise Invalid("occurred_at", f"Must not be more than {OLDEST.days} days ago.")
        person = NOBODY
        if use.user is not None:
            named = self.found.people.get((use.organization, use.user))
            if named is None:
                raise Invalid("user", "The organization has no such member.")
            person = named
        feature_id = self.found.features.get((payer.program_id, use.feature))
        if feature_id is None:
            raise Invalid("feature", f"The program has no feature “{use.feature}”.")
        if (payer.organization_id, use.service) in self.off or payer.organization_id in self.at_zero:
            raise SwitchedOff(use.service, organization=payer.slug)
        self._check_service(use, payer)
        terms = find_terms(self.found.rates.get(feature_id, []), model=use.measures.model, at=occurred_at)
        return person, feature_id, terms, occurred_at

    def _check_service(self, use: Use, payer: Payer) -> None:
        if (payer.organization_id, use.service) in self.found.services:
            return
        if self._services is None:
            self._services = rows.read_services(self.organization_ids)
        known = self._services.setdefault(payer.organization_id, set())
        if use.service not in known and len(known) >= MAX_SERVICES:
            raise Invalid("service", f"The organization already has {MAX_SERVICES} services.")

    def check_limits(self, payer: Payer, person: Person, *, feature_id: int, credits: int) -> None:
        """Raise LimitReached where a limit doesn't allow `credits` more (smallest units)."""
        self.limits.check(
            payer.organization_id,
            user_id=person.user_id,
            team_id=person.team_id,
            feature_id=feature_id,
            credits=credits,
        )

    def _take(
        self, use: Use, payer: Payer, person: Person, *, credits: int, digest: bytes, occurred_at: datetime
    ) -> ledger.Recorded:
        try:
            recorded = ledger.spend(
                self.book,
                wallet_id=payer.wallet_id,
                credits=credits,
                feature=use.feature,
                key=ledger_key(use),
                content_hash=digest,
                cause=ledger.Cause(
                    actor_id=person.user_id,
                    actor_label=use.via,
                    feature=use.feature,
                    resource=use.resource,
                    occurred_at=occurred_at,
                ),
            )
        except ledger.InsufficientCredits as error:
            self.note_balance(payer)
            raise Insufficient.of(payer.slug, error) from None
        return recorded

    def record(self, event: NewEvent, payer: Payer, service: str) -> None:
        """Keep an event for writing, count it against the limits, and check whether the wallet is empty."""
        self.new_events.append((event, service))
        if self._services is not None:
            self._services.setdefault(payer.organization_id, set()).add(service)
        self.limits.count(
            event.organization_id,
            user_id=event.user_id,
            team_id=event.team_id,
            feature_id=event.feature_id,
            credits=event.credits,
        )
        self.note_balance(payer)

    def note_balance(self, payer: Payer) -> None:
        """Where the program says so, AI is off for this book's further uses when nothing is left and no plan's credits
        are waited for; the ledger then publishes that the wallet is empty, which turns AI off for all others.

        What is too little for this use may be enough for another, so that it was refused switches nothing off.
        """
        wallet = self.book.wallet(payer.wallet_id)
        if wallet.ai_off_at_zero and ledger.is_at_its_end(self.book, wallet.id):
            self.at_zero.add(payer.organization_id)

    def write(self) -> None:
        """Have everything that belongs to the book's entries written with them."""
        self._name_services()
        if self.new_events:
            written = [event for event, _ in self.new_events]
            self.book.write_too(partial(events.insert_events, written))
            self.book.write_too(partial(late_uses.record, written))
        # Here and not with the book's rows: those are sent without waiting, and notices are read back.
        limits.publish_thresholds(self.limits.reached)
        self.book.write_too(partial(limits.write, self.limits))

    def service_id(self, organization_id: int, key: str) -> int:
        """Return a service's id; one named for the first time is created."""
        known = self.found.services.get((organization_id, key))
        return known or rows.create_services({(organization_id, key)}, self.now)[organization_id, key]

    def _name_services(self) -> None:
        nameless = {(event.organization_id, key) for event, key in self.new_events if event.service_id == 0}
        if nameless:
            made = rows.create_services(nameless, self.now)
            for event, key in self.new_events:
                event.service_id = event.service_id or made[event.organization_id, key]


def _answer(recorded: ledger.Recorded) -> Metered:
    return Metered(
        event_id=recorded.id,
        credits=-recorded.credits,
        available=recorded.available_after,
        was_replayed=recorded.was_replayed,
    )
