"""Grants, to look at; voiding, freezing and thawing one, each with a reason."""

from typing import Any

from django.contrib import admin
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from credits import ledger
from credits.admin.forms import ActForm, VoidForm
from credits.admin.ledger_pages import SEARCHED, Act, Done, LedgerAdmin, Refused, amount, with_unit
from credits.models import Grant
from organizations.formats import format_money
from organizations.models import User


def make_void_form(grant: Grant, data: Any) -> VoidForm:
    return VoidForm(data, program=grant.wallet.program)


def make_reason_form(_grant: Grant, data: Any) -> ActForm:
    return ActForm(data)


def void(grant: Grant, form: ActForm, actor: User) -> Done:
    """Take back what the form says, as far as it is free. A form sent again takes nothing."""
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
        raise Refused(_("This form was sent before, with other values. Open it anew.")) from conflict
    except ledger.AlreadyVoided as excess:
        most = with_unit(excess.voidable, grant.wallet.program)
        raise Refused(_("At most %(credits)s of this grant can still be voided.") % {"credits": most}) from excess
    sentence = _("Voided: %(credits)s.") % {"credits": with_unit(-voided.credits, grant.wallet.program)}
    details = {"asked": asked["credits"], "voided": -voided.credits}
    return Done(sentence, None if voided.was_replayed else details)


def freeze(grant: Grant, _form: ActForm, _actor: User) -> Done:
    """Keep it from being spent."""
    with ledger.open_book(keys=[(grant.wallet_id, "")]) as book:
        was_changed = ledger.freeze(book, wallet_id=grant.wallet_id, grant_id=grant.pk)
    return Done(_("The grant is frozen: nothing is spent from it."), {} if was_changed else None)


def thaw(grant: Grant, _form: ActForm, _actor: User) -> Done:
    """Let it be spent again."""
    with ledger.open_book(keys=[(grant.wallet_id, "")]) as book:
        was_changed = ledger.thaw(book, wallet_id=grant.wallet_id, grant_id=grant.pk)
    return Done(_("The grant is thawed: it can be spent again."), {} if was_changed else None)


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
    acts = (
        Act("void", gettext_lazy("Void"), "grant.voided", "credits.change_grant", make_void_form, void),
        Act("freeze", gettext_lazy("Freeze"), "grant.frozen", "credits.change_grant", make_reason_form, freeze),
        Act("thaw", gettext_lazy("Thaw"), "grant.thawed", "credits.change_grant", make_reason_form, thaw),
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
