"""The AI switch of a service. Off: every use in it is refused. An empty wallet turns all off; people turn each on."""

from datetime import datetime

from django.utils.translation import gettext as _

from credits import ledger
from credits.ledger.thresholds.events import WalletFact
from credits.models import Wallet
from domain_events.subscribers import Occurrence
from organizations import audit_events
from organizations.models import Organization, User
from organizations.refusals import Refusal
from usage.audit_actions import Action
from usage.models import Service


def turn_off_at_zero(emptied: Occurrence[WalletFact]) -> None:
    """Turn AI off in all of an organization's services: its wallet is empty, under a program that wants that.

    In the ledger's transaction and under the wallet's lock, so no use that is judged later gets past it.
    """
    on = Service.objects.filter(organization=emptied.organization_id, is_ai_on=True)
    on.update(is_ai_on=False, switched_at=emptied.happened_at)


class NothingLeft(Refusal):
    """AI can't be switched on while no credits can be spent."""


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

    Takes the wallet's lock, as spends do, so that every use after it obeys the switch. needs_credits (for owners):
    raises NothingLeft, and writes nothing, if nothing can be spent. Without it AI is switched on all the same; a use is
    refused then, and the program may switch AI off again.
    """
    wallet = Wallet.objects.only("id").get(organization=service.organization_id)
    with ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        if on and needs_credits:
            _need_credits(book, wallet.pk)
        return _switch(service, on=on, actor=actor, reason=reason, now=book.wallet(wallet.pk).now)


def switch_all_on(*, organization: Organization, actor: User, now: datetime | None = None) -> int:
    """Switch AI on again in every service where it is off, as an owner; return how many those were. Twice is once.

    Raises NothingLeft, with nothing written, where nothing can be spent.
    """
    wallet = Wallet.objects.only("id").get(organization=organization)
    with ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        _need_credits(book, wallet.pk)
        off = Service.objects.filter(organization=organization, is_ai_on=False).select_related("organization")
        instant = book.wallet(wallet.pk).now
        return sum(_switch(service, on=True, actor=actor, reason="", now=instant) for service in off.order_by("pk"))


def _need_credits(book: ledger.Book, wallet_id: int) -> None:
    if book.wallet(wallet_id).available == 0:
        raise NothingLeft(_("You have no credits left. Add credits first, then turn AI back on."))


def _switch(service: Service, *, on: bool, actor: User, reason: str, now: datetime) -> bool:
    changed = Service.objects.filter(pk=service.pk, is_ai_on=not on).update(is_ai_on=on, switched_at=now)
    if changed:
        audit_events.record(
            action=Action.SERVICE_AI_SWITCHED_ON if on else Action.SERVICE_AI_SWITCHED_OFF,
            organization=service.organization,
            actor=actor,
            target=service.key,
            reason=reason,
            now=now,
        )
    return bool(changed)
