"""The AI switch of a service. Off: every use in it is refused. The meter switches off at zero; people switch here."""

from datetime import datetime

from credits import ledger
from credits.models import Wallet
from organizations import audit_events
from organizations.models import User
from usage.models import Service


def switch_ai(*, service: Service, on: bool, actor: User, reason: str = "", now: datetime | None = None) -> bool:
    """Switch AI on or off in a service; return whether that changed anything. Twice is once.

    Takes the wallet's lock, as spends do: no use that is judged after the switch gets past it. Credits are not asked
    for: with nothing left, a use is refused for that reason, and the program may switch off again.
    """
    wallet = Wallet.objects.only("id").get(organization=service.organization_id)
    with ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        instant = book.wallet(wallet.pk).now
        changed = Service.objects.filter(pk=service.pk, is_ai_on=not on).update(is_ai_on=on, switched_at=instant)
        if changed:
            audit_events.record(
                action="service.ai_switched_on" if on else "service.ai_switched_off",
                organization=service.organization,
                actor=actor,
                target=service.key,
                reason=reason,
                now=instant,
            )
    return bool(changed)
