"""Refunds of uses: a failed AI operation's credits go back, all or a part, each amount once."""

import hashlib
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from credits import ledger
from organizations.calendar import month_of
from usage import limits
from usage.metering import events
from usage.models import UsageEvent
from usage.rollups import late_uses
from usage.uses import KEY_WAS_USED, Conflict, Invalid, NotFound, RefundedUse, RefundTooLarge


def refund(
    event_id: UUID,
    *,
    credits: int | None,
    key: str,
    reason: str,
    within: int | None,
    via: str = "",
    actor_id: int | None = None,
    now: datetime | None = None,
) -> RefundedUse:
    """Return credits of a usage event to the grants that they came from.

    credits: smallest units; None: all that was charged and not refunded yet. key: idempotency key, 1 to 200
    characters. What is refunded no longer counts against the limits of the month in which it was charged. A replay
    returns what the first call did and moves nothing.

    Raises NotFound, Invalid, Conflict, RefundTooLarge; then nothing was written.
    """
    event = UsageEvent.objects.select_related("organization__wallet", "feature").filter(pk=event_id).first()
    if event is None or within not in {None, event.organization_id}:
        raise NotFound("The usage event doesn't exist.")
    wallet_id = event.organization.wallet.pk
    ledger_key = f"refund:{key}"
    digest = hashlib.sha256(msgspec.json.encode([event_id, credits, reason])).digest()
    with ledger.open_book(keys=[(wallet_id, ledger_key)], now=now) as book:
        try:
            replayed = book.replay(wallet_id, ledger_key, digest)
            if replayed is not None:
                return _answer(event_id, replayed)
            event.refresh_from_db(fields=["refunded"])
            left = event.credits - event.refunded
            if left == 0:
                raise RefundTooLarge(asked=credits or 0, refundable=0)
            wanted = left if credits is None else credits
            recorded = ledger.return_usage(
                book,
                wallet_id=wallet_id,
                usage_id=event_id,
                credits=wanted,
                key=ledger_key,
                content_hash=digest,
                cause=ledger.Cause(actor_id=actor_id, actor_label=via, feature=event.feature.key, memo=reason),
            )
        except ledger.IdempotencyConflict:
            raise Conflict(KEY_WAS_USED) from None
        except ledger.ReturnTooLarge as error:
            raise RefundTooLarge(asked=error.asked, refundable=error.returnable) from None
        except ValueError as error:
            raise Invalid("credits", str(error)) from None
        zone = ZoneInfo(event.organization.time_zone)
        moment = limits.Moment(book.wallet(wallet_id).now, month_of(event.written_at, zone), zone)
        counted = limits.read(
            {event.organization_id: moment},
            user_ids=[event.user_id] if event.user_id else [],
            team_ids=[event.team_id] if event.team_id else [],
            feature_ids=[event.feature_id],
        )
        counted.count(
            event.organization_id,
            user_id=event.user_id,
            team_id=event.team_id,
            feature_id=event.feature_id,
            credits=-wanted,
        )
        book.write_too(partial(limits.write, counted))
        book.write_too(partial(events.add_refund, event_id, wanted))
        changed = late_uses.Changed(event.organization_id, event.occurred_at, recorded.written_at)
        book.write_too(partial(late_uses.record, [changed]))
    return _answer(event_id, recorded)


def _answer(event_id: UUID, recorded: ledger.Recorded) -> RefundedUse:
    return RefundedUse(
        refund_id=recorded.id,
        event_id=event_id,
        credits=recorded.credits,
        available=recorded.available_after,
        was_replayed=recorded.was_replayed,
    )
