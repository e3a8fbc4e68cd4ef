"""Reservations of work whose cost is not known yet: made before it, settled or released after it.

A reservation is priced by the rate in force when it was made, whatever rates follow.
"""

import hashlib
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec

from credits import ledger
from credits.ledger import MAX_RESERVATION_SECONDS
from usage.metering import events, rows
from usage.metering.bounds import check_measures, check_use
from usage.metering.events import NewEvent, NewReservedUse
from usage.metering.meter import Session, content_hash, payer_of
from usage.metering.rates import cost_of
from usage.metering.rows import Found, Payer, Person
from usage.models import ReservedUse, UsageEvent
from usage.pricing import Measures, RateTerms
from usage.uses import KEY_WAS_USED, Closed, Conflict, Insufficient, Invalid, LimitReached, NotFound, SettledUse, Use


def reserve(
    use: Use, *, credits: int | None = None, seconds: int | None = None, now: datetime | None = None
) -> ledger.Reserved:
    """Set credits aside for a use.

    credits: smallest units; None: what `use.measures` cost. seconds: until it times out, 1 to 86,400; None: the
    program's default. Limits and the AI switch are checked now, not at the settlement. A replay returns the reservation
    and reserves nothing.

    Raises NotFound, Invalid, Conflict, SwitchedOff, LimitReached, Insufficient; then nothing was reserved.
    """
    check_use(use)
    if seconds is not None and not 1 <= seconds <= MAX_RESERVATION_SECONDS:
        raise Invalid("seconds", f"A reservation lasts 1 to {MAX_RESERVATION_SECONDS} seconds.")
    found = rows.find([use])
    payer = payer_of(use, found)
    digest = hashlib.sha256(msgspec.json.encode([content_hash(use).hex(), credits, seconds])).digest()
    key = f"reserve:{use.key}"
    refusal: Insufficient | LimitReached | None = None
    with ledger.open_book(keys=[(payer.wallet_id, key)], now=now, reservations="by key") as book:
        session = Session(book, found, [payer], found.people.values(), found.features.values())
        try:
            earlier = book.replayed_reservation(payer.wallet_id, key, digest)
        except ledger.IdempotencyConflict:
            raise Conflict(KEY_WAS_USED) from None
        if earlier is not None:
            return ledger.reserve(
                book,
                wallet_id=payer.wallet_id,
                credits=earlier.credits,
                feature=use.feature,
                key=key,
                content_hash=digest,
                cause=ledger.Cause(),
            )
        try:
            reserved = _set_aside(session, use, payer, credits=credits, seconds=seconds, key=key, digest=digest)
        except (Insufficient, LimitReached) as error:
            # Raised after the block, so that what the refusal caused is written: AI switched off, a notice.
            refusal = error
        session.write()
    if refusal is not None:
        raise refusal
    return reserved


def _set_aside(
    session: Session, use: Use, payer: Payer, *, credits: int | None, seconds: int | None, key: str, digest: bytes
) -> ledger.Reserved:
    person, feature_id, terms, _ = session.check(use, payer)
    wanted = cost_of(terms, use.measures) if credits is None else credits
    session.check_limits(payer, person, feature_id=feature_id, credits=wanted)
    try:
        reserved = ledger.reserve(
            session.book,
            wallet_id=payer.wallet_id,
            credits=wanted,
            feature=use.feature,
            key=key,
            content_hash=digest,
            cause=ledger.Cause(actor_id=person.user_id, actor_label=use.via, resource=use.resource),
            seconds=seconds,
        )
    except ledger.InsufficientCredits as error:
        session.note_balance(payer)
        raise Insufficient.of(payer.slug, error) from None
    except ValueError as error:
        raise Invalid("credits", str(error)) from None
    reserved_use = NewReservedUse(
        reservation_id=reserved.id,
        organization_id=payer.organization_id,
        user_id=person.user_id,
        team_id=person.team_id,
        service_id=session.service_id(payer.organization_id, use.service),
        feature_id=feature_id,
        rate_id=terms.rate_id,
    )
    session.book.write_too(partial(events.insert_reserved_uses, [reserved_use]))
    return reserved


def settle(
    reservation_id: UUID, *, measures: Measures, within: int | None, via: str = "", now: datetime | None = None
) -> SettledUse:
    """End a reservation with what the work cost, as a usage event.

    measures: `credits` is the cost itself (smallest units, 0 or more); without it, tokens or quantity are priced by the
    reservation's rate. What was set aside and not used goes back. A replay returns what the first call did.

    Raises NotFound, Invalid, Conflict (settled before with other content), Closed (released or timed out).
    """
    check_measures(measures)
    kept = _find(reservation_id, within)
    credits = measures.credits if measures.credits is not None else _cost(kept, measures)
    wallet_id, payer = kept.reservation.wallet_id, _payer(kept)
    key = f"settle:{reservation_id.hex}"
    with ledger.open_book(keys=[(wallet_id, key)], now=now) as book:
        session = Session(book, Found(), [payer], [Person(kept.user_id, kept.team_id)], [kept.feature_id])
        try:
            settled = ledger.settle(
                book,
                wallet_id=wallet_id,
                reservation_id=reservation_id,
                credits=credits,
                key=key,
                content_hash=hashlib.sha256(msgspec.json.encode(measures)).digest(),
                cause=ledger.Cause(
                    actor_id=kept.user_id,
                    actor_label=via,
                    feature=kept.feature.key,
                    resource=kept.reservation.resource,
                ),
            )
        except ledger.IdempotencyConflict:
            raise Conflict("The reservation was already settled with a different cost.") from None
        except ledger.ReservationClosed as closed:
            raise Closed(closed.state) from None
        except ValueError as error:
            raise Invalid("credits", str(error)) from None
        recorded, uncollected = settled.operation, settled.uncollected
        if uncollected is None:  # a replay
            uncollected = UsageEvent.objects.values_list("uncollected", flat=True).get(pk=recorded.id)
        else:
            session.record(_event(kept, measures, settled), payer, kept.service.key)
            session.write()
    return SettledUse(
        event_id=recorded.id,
        reservation_id=reservation_id,
        credits=settled.charged,
        uncollected=uncollected,
        released=max(0, kept.reservation.credits - settled.charged),
        available=recorded.available_after,
        was_replayed=recorded.was_replayed,
    )


def _cost(kept: ReservedUse, measures: Measures) -> int:
    if kept.rate.model and measures.model not in {"", kept.rate.model}:
        raise Invalid("model", f"The reservation was priced for the model “{kept.rate.model}”.")
    return cost_of(_terms(kept), measures)


def _payer(kept: ReservedUse) -> Payer:
    organization = kept.organization
    return Payer(
        organization_id=organization.pk,
        slug=organization.slug,
        wallet_id=kept.reservation.wallet_id,
        program_id=kept.feature.program_id,
        time_zone=organization.time_zone,
    )


def _event(kept: ReservedUse, measures: Measures, settled: ledger.Settled) -> NewEvent:
    return NewEvent(
        operation_id=settled.operation.id,
        organization_id=kept.organization_id,
        user_id=kept.user_id,
        team_id=kept.team_id,
        service_id=kept.service_id,
        feature_id=kept.feature_id,
        rate_id=kept.rate_id,
        model=measures.model or kept.rate.model,
        input_tokens=measures.input_tokens,
        output_tokens=measures.output_tokens,
        quantity=measures.quantity,
        credits=settled.charged,
        uncollected=settled.uncollected or 0,
        occurred_at=settled.operation.occurred_at,
        written_at=settled.operation.written_at,
    )


def release(reservation_id: UUID, *, within: int | None, now: datetime | None = None) -> ledger.Reserved:
    """End a reservation without a charge. A replay, also after the time-out, returns it and does nothing.

    Raises NotFound, Closed (it was settled).
    """
    kept = _find(reservation_id, within)
    try:
        with ledger.open_book(keys=[(kept.reservation.wallet_id, "")], now=now) as book:
            return ledger.release(book, wallet_id=kept.reservation.wallet_id, reservation_id=reservation_id)
    except ledger.ReservationClosed as closed:
        raise Closed(closed.state) from None


def _find(reservation_id: UUID, within: int | None) -> ReservedUse:
    kept = (
        ReservedUse.objects.select_related("reservation", "organization", "feature", "rate", "service")
        .filter(pk=reservation_id)
        .first()
    )
    if kept is None or within not in {None, kept.organization_id}:
        raise NotFound("The reservation doesn't exist.")
    return kept


def _terms(kept: ReservedUse) -> RateTerms:
    rate = kept.rate
    return RateTerms(
        rate_id=rate.pk,
        pricing=rate.pricing,
        model=rate.model,
        credits=rate.credits,
        min_credits=rate.min_credits,
        max_credits=rate.max_credits,
        input_credits=rate.input_credits,
        output_credits=rate.output_credits,
        per=rate.per,
        effective_at=rate.effective_at,
    )
