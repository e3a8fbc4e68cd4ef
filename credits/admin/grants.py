"""Grants, for staff to read; one can be voided, frozen and unfrozen."""

from typing import Any

from django.contrib import admin
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from credits import ledger
from credits.admin.forms import VoidForm
from credits.admin.ledger_pages import SEARCHED, LedgerAdmin, amount, sent_with_other_values, with_unit
from credits.audit_actions import Action
from credits.models import Grant
from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.formats import format_money
from organizations.models import User
from organizations.refusals import Refusal

PERMISSION = "credits.change_grant"


def make_void_form(grant: Grant, data: Any) -> VoidForm:
    return VoidForm(data, program=grant.wallet.program)


def void(grant: Grant, form: ActForm, actor: User) -> Done:
    """Void what the form says, as far as it is free. The same form again voids nothing."""
    asked = form.cleaned_data
    content = ledger.hash_content(act="void", grant=grant.pk, credits=asked["credits"], reason=asked["reason"])
    try:
        with ledger.open_book(keys=[(grant.wallet_id, form.key)]) as book:
            voided = ledger.void(
                book,
                wallet_id=grant.wallet_id,
                grant_id=grant.pk,
                credits=asked["credits"],
                key=form.key,
                content_hash=content,
                cause=ledger.Cause(actor_id=actor.pk, memo=asked["reason"]),
            )
    except ledger.IdempotencyConflict as conflict:
        raise sent_with_other_values() from conflict
    except ledger.AlreadyVoided as excess:
        most = with_unit(excess.voidable, grant.wallet.program)
        raise Refusal(_("At most %(credits)s of this grant can still be voided.") % {"credits": most}) from excess
    message = _("Voided: %(credits)s.") % {"credits": with_unit(-voided.credits, grant.wallet.program)}
    details = {"asked": asked["credits"], "voided": -voided.credits}
    return Done(message=message, details=None if voided.was_replayed else details)


def freeze(grant: Grant, _form: ActForm, _actor: User) -> Done:
    """Keep the grant from being spent."""
    with ledger.open_book(keys=[(grant.wallet_id, "")]) as book:
        was_changed = ledger.freeze(book, wallet_id=grant.wallet_id, grant_id=grant.pk)
    return Done(message=_("The grant is frozen. Nothing can be spent from it."), details={} if was_changed else None)


def unfreeze(grant: Grant, _form: ActForm, _actor: User) -> Done:
    """Let the grant be spent again."""
    with ledger.open_book(keys=[(grant.wallet_id, "")]) as book:
        was_changed = ledger.thaw(book, wallet_id=grant.wallet_id, grant_id=grant.pk)
    return Done(message=_("The grant can be spent again."), details={} if was_changed else None)


@admin.register(Grant)
class GrantAdmin(LedgerAdmin):
    """Newest first."""

    list_display = ["wallet", "source", "given", "left", "held", "priority", "effective_at", "expires_at", "frozen_at"]
    list_filter = ["source", "is_open"]
    list_select_related = ["wallet__organization", "wallet__program"]
    search_fields = ["=id", *(f"wallet__{field}" for field in SEARCHED)]
    ordering = ["-id"]
    fields = [
        "id",
        "wallet",
        "source",
        "given",
        "left",
        "held",
        "paid",
        "priority",
        "features",
        "effective_at",
        "expires_at",
        "frozen_at",
        "created_at",
    ]
    readonly_fields = ["id", "given", "left", "held", "paid"]
    row_acts = (
        Act(
            name="void",
            label=gettext_lazy("Void"),
            effect=gettext_lazy("Takes credits back from the grant. Credits that are used or reserved stay."),
            permission=PERMISSION,
            action=Action.GRANT_VOIDED,
            make_form=make_void_form,
            run=void,
        ),
        Act(
            name="freeze",
            label=gettext_lazy("Freeze"),
            effect=gettext_lazy("Nothing can be spent from the grant until it is unfrozen."),
            permission=PERMISSION,
            action=Action.GRANT_FROZEN,
            run=freeze,
        ),
        Act(
            name="unfreeze",
            label=gettext_lazy("Unfreeze"),
            effect=gettext_lazy("The grant can be spent again."),
            permission=PERMISSION,
            action=Action.GRANT_UNFROZEN,
            run=unfreeze,
        ),
    )

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def given(self, grant: Grant) -> str:
        return amount(grant.amount, grant.wallet.program)

    @admin.display(description=gettext_lazy("remaining"), ordering="remaining")
    def left(self, grant: Grant) -> str:
        return amount(grant.remaining, grant.wallet.program)

    @admin.display(description=gettext_lazy("reserved"), ordering="reserved")
    def held(self, grant: Grant) -> str:
        return amount(grant.reserved, grant.wallet.program)

    @admin.display(description=gettext_lazy("paid"))
    def paid(self, grant: Grant) -> str:
        if not grant.cost_minor:
            return _("nothing")
        return format_money(grant.cost_minor, currency=grant.cost_currency, language=get_language() or "en")
