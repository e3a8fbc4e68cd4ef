"""The AI switch of a service. Off: every use in it is refused. The meter switches off at zero; people switch here."""

from datetime import datetime

from django.utils.translation import gettext as _

from credits import ledger
from credits.models import Wallet
from organizations import audit_events
from organizations.models import User
from organizations.refusals import Refusal
from usage.models import Service


class NothingLeft(Refusal):
    """AI can't go on while there is nothing to pay it with."""


def switch_ai(
    *,
    service: Service,
    on: bool,
    actor: User,
    reason: str = "",
    needs_credits: bool = False,
    now: datetime | None = None,
) -> bool:
    """Switch AI on or off in a service; return whether that changed anything. Twice is once.

    Takes the wallet's lock, as spends do: no use that is judged after the switch gets past it. Credits are asked
    for only with `needs_credits` (an owner's switch): then it raises NothingLeft, and nothing is written, where nothing
    can be spent. Otherwise a use is refused for that reason, and the program may switch off again.
    """
    wallet = Wallet.objects.only("id").get(organization=service.organization_id)
    with ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        instant = book.wallet(wallet.pk).now
        if on and needs_credits and book.wallet(wallet.pk).available == 0:
            raise NothingLeft(_("There are no credits left. Add credits first, then switch AI on again."))
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
