"""Crossings: a balance that fell below its mark, came to its end, or got credits again, told once each.

What is told is a mark on the wallet (`low_since`, `depleted_since`), judged on the locked wallet whenever a book is
left: so also what time alone did is found, by the next book or by `sweeps.sweep_marks`. Only a top-up takes a mark
away, so a refund around the mark tells nothing twice; a fall between two allowances of a plan waits for the second.
Other marks belong in `marks`.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from typing import Any

from credits.ledger.book import Book
from credits.ledger.state import WalletState
from credits.ledger.thresholds import rows
from credits.ledger.thresholds.allowance_gap import awaits_allowance
from credits.models import AtZero, Wallet
from credits.signals import depleted
from notices import notices
from notices.models import Kind
from webhooks import events
from webhooks.models import EventType


class Crossing(StrEnum):
    """What has just come true of a balance."""

    LOW = "low"
    DEPLETED = "depleted"
    RESTORED = "restored"


KINDS = {Crossing.LOW: Kind.LOW_BALANCE, Crossing.DEPLETED: Kind.DEPLETED, Crossing.RESTORED: Kind.RESTORED}
EVENTS = {
    Crossing.LOW: EventType.BALANCE_LOW,
    Crossing.DEPLETED: EventType.BALANCE_DEPLETED,
    Crossing.RESTORED: EventType.BALANCE_RESTORED,
}


def judge(wallet: WalletState) -> list[Crossing]:
    """Move the marks to where the balance is, and return what that means. Touches nothing but the two marks.

    What reservations hold may come back, so it counts as left. A wallet that never held credits crosses nothing.
    """
    left = wallet.left
    if left == 0 and wallet.last_number == sum(grant.effective_at > wallet.now for grant in wallet.grants.values()):
        return []  # All that was ever written are grants still to begin.
    crossed = []
    if wallet.depleted_since is None:
        if left == 0:
            wallet.depleted_since = wallet.now
            crossed.append(Crossing.DEPLETED)
    elif wallet.available > 0 and wallet.was_topped_up_since(wallet.depleted_since):
        wallet.depleted_since = None
        crossed.append(Crossing.RESTORED)
    if wallet.low_since is None:
        if left < wallet.low_below:
            wallet.low_since = wallet.now
            crossed.append(Crossing.LOW)
    elif left >= wallet.low_below and wallet.was_topped_up_since(wallet.low_since):
        wallet.low_since = None
    return crossed


def find(book: Book, fresh: set[int]) -> list[tuple[WalletState, Crossing]]:
    """Judge the wallets of a book that is about to be written; have moved marks written too; return what to tell.

    fresh: wallets that held nothing before this book: first credits that are fewer than the mark are no fall.
    """
    moved: list[WalletState] = []
    told: list[tuple[WalletState, Crossing]] = []
    for wallet in book.wallets.values():
        before = wallet.low_since, wallet.depleted_since
        crossed = judge(wallet)
        if wallet.id not in fresh and {Crossing.DEPLETED, Crossing.LOW} & set(crossed):
            crossed = _put_off(wallet, crossed) if awaits_allowance(book, wallet) else crossed
        if (wallet.low_since, wallet.depleted_since) != before:
            moved.append(wallet)
            told += [(wallet, each) for each in crossed if each != Crossing.LOW or wallet.id not in fresh]
    if moved:
        book.marked = len(moved)
        book.write_too(partial(rows.set_marks, moved))
    return told


def _put_off(wallet: WalletState, crossed: list[Crossing]) -> list[Crossing]:
    """Take back the marks of a fall, so that a later book judges again; return what else has come true."""
    if Crossing.DEPLETED in crossed:
        wallet.depleted_since = None
    if Crossing.LOW in crossed:
        wallet.low_since = None
    return [crossing for crossing in crossed if crossing == Crossing.RESTORED]


def tell(crossed: Iterable[tuple[WalletState, Crossing]]) -> None:
    """Give notice to owners, tell the product's servers, and let the rooms above act, all in the book's transaction."""
    pairs = list(crossed)
    known = Wallet.objects.select_related("organization", "program").in_bulk([state.id for state, _ in pairs])
    for state, crossing in pairs:
        _tell(known[state.id], state, crossing)


def _tell(wallet: Wallet, state: WalletState, crossing: Crossing) -> None:
    organization, program = wallet.organization, wallet.program
    # A freeze and a thaw cross without an entry, so the number alone does not name the occasion.
    key = f"{crossing}:{state.last_number}:{state.now.isoformat()}"
    shown = {"decimals": program.decimals, "unit": program.unit}
    switched_off = program.at_zero == AtZero.SWITCH_OFF
    details: dict[Crossing, dict[str, Any]] = {
        Crossing.LOW: {"available": state.available, "below": state.low_below},
        Crossing.DEPLETED: {"switched_off": switched_off},
        Crossing.RESTORED: {"available": state.available, "switched_off": switched_off},
    }
    # Where a balance falls through its mark to its end, people are told the end alone.
    if crossing != Crossing.LOW or state.left:
        notices.give_notice(
            organization=organization,
            kind=KINDS[crossing],
            key=key,
            details={**details[crossing], **shown},
            now=state.now,
        )
    balance = {"available": state.available, "reserved": state.reserved, "threshold": state.low_below}
    events.emit(
        organization=organization,
        event_type=EVENTS[crossing],
        key=key,
        data={"organization": organization.slug, **balance, **shown},
        now=state.now,
    )
    if crossing == Crossing.DEPLETED and switched_off:
        depleted.send(sender=None, organization_id=organization.pk, now=state.now)
