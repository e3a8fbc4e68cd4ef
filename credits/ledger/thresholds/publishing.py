"""Publishing what a book did to its balances, in the book's transaction and under its locks, once it is written.

Which balances changed is decided in `changes`; a wallet that is empty or fell below its watch is found here.
"""

from collections.abc import Iterable, Sequence

from credits.ledger.book import Book
from credits.ledger.state import WalletState
from credits.ledger.thresholds.allowance_gap import awaits_allowance
from credits.ledger.thresholds.changes import Change
from credits.ledger.thresholds.events import DEPLETED, LOW, RESTORED, Balance, WalletFact
from credits.models import Wallet
from domain_events.declarations import DomainEvent
from domain_events.publishing import publish

EVENTS = {Change.LOW: LOW, Change.DEPLETED: DEPLETED, Change.RESTORED: RESTORED}
Changes = Sequence[tuple[WalletState, Change]]


def publish_changes(changes: Changes) -> None:
    """Publish that balances are low, depleted or restored."""
    if not changes:
        return
    wallets = Wallet.objects.select_related("organization", "program").in_bulk([state.id for state, _ in changes])
    for state, change in changes:
        organization, program = wallets[state.id].organization, wallets[state.id].program
        payload = Balance(
            organization=organization.slug,
            available=state.available,
            reserved=state.reserved,
            threshold=state.low_below or None,
            ai_off_at_zero=state.ai_off_at_zero,
            unit=program.unit,
            decimals=program.decimals,
        )
        # A freeze and a thaw change a balance without an entry, so the number alone does not name the occasion.
        key = f"{change}:{state.last_number}:{state.now.isoformat()}"
        publish(EVENTS[change], payload, organization_id=state.organization_id, key=key, now=state.now)


def emptied(book: Book, changes: Changes) -> list[WalletState]:
    """Return the wallets whose program turns AI off and which this book emptied, or found empty when asked for credits.

    Before the book is written. Nothing is reserved in them and no allowance of a plan is awaited.
    """
    depleted = {state.id for state, change in changes if change == Change.DEPLETED}
    return [
        wallet
        for wallet in book.wallets.values()
        if wallet.ai_off_at_zero
        and wallet.left == 0
        and (wallet.was_short or wallet.id in depleted or book.drew_on(wallet))
        and not awaits_allowance(book, wallet)
    ]


def publish_facts(event: DomainEvent[WalletFact], wallets: Iterable[WalletState]) -> None:
    """Publish something that is so of each of the wallets."""
    for wallet in wallets:
        # It has neither notice nor webhook, so nothing remembers the key.
        payload = WalletFact(wallet_id=wallet.id)
        publish(event, payload, organization_id=wallet.organization_id, key=f"{wallet.id}", now=wallet.now)
