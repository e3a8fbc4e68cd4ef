"""Wallets, for staff to read; credits are granted here."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits import ledger
from credits.admin.forms import GrantForm
from credits.admin.ledger_pages import SEARCHED, LedgerAdmin, amount, list_link, sent_with_other_values, with_unit
from credits.audit_actions import Action
from credits.models import Grant, Source, Wallet
from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.models import Organization, User
from organizations.refusals import Refusal


def make_grant_form(wallet: Wallet, data: Any) -> GrantForm:
    return GrantForm(data, program=wallet.program)


def grant(wallet: Wallet, form: ActForm, actor: User) -> Done:
    """Grant what the form says. The same form again grants nothing."""
    asked = form.cleaned_data
    terms = {name: asked[name] for name in ("credits", "expires_at", "priority", "features")}
    content = {**terms, "features": sorted(asked["features"] or []), "source": asked["source"]}
    try:
        with ledger.open_book(keys=[(wallet.pk, form.key)]) as book:
            granted = ledger.grant(
                book,
                wallet_id=wallet.pk,
                source=Source(asked["source"]),
                key=form.key,
                content_hash=ledger.hash_content(act="grant", reason=asked["reason"], **content),
                cause=ledger.Cause(actor_id=actor.pk, memo=asked["reason"]),
                **terms,
            )
    except ledger.IdempotencyConflict as conflict:
        raise sent_with_other_values() from conflict
    except ledger.WalletFull as full:
        raise Refusal(_("The wallet would hold more than the ledger can count.")) from full
    message = _("Granted: %(credits)s.") % {"credits": with_unit(asked["credits"], wallet.program)}
    details = {
        **content,
        "expires_at": asked["expires_at"] and asked["expires_at"].isoformat(),
        "grant": str(granted.subject),
    }
    return Done(message=message, details=None if granted.was_replayed else details)


@admin.register(Wallet)
class WalletAdmin(LedgerAdmin):
    """Found by the organization's name or slug, or the email address of a member."""

    list_display = ["organization", "program", "balance_now", "reserved_now", "debt_now", "last_written_at"]
    list_filter = ["program"]
    list_select_related = ["organization", "program"]
    search_fields = SEARCHED
    ordering = ["organization__name"]
    fields = [
        "organization_page",
        "program",
        "balance_now",
        "reserved_now",
        "debt_now",
        "last_number",
        "last_written_at",
        "created_at",
        "rows",
    ]
    readonly_fields = ["organization_page", "balance_now", "reserved_now", "debt_now", "rows"]
    row_acts = (
        Act(
            name="grant",
            label=gettext_lazy("Grant credits"),
            permission="credits.add_grant",
            action=Action.GRANT_GIVEN,
            make_form=make_grant_form,
            run=grant,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        """Add what has expired by now but is not swept: no page counts it as balance."""
        expired = (
            Grant.objects.filter(wallet=OuterRef("pk"), is_open=True, expires_at__lte=timezone.now())
            .values("wallet")
            .annotate(credits=Sum(F("remaining") - F("reserved")))
        )
        wallets: QuerySet[Wallet] = super().get_queryset(request)
        return wallets.select_related("organization", "program").annotate(
            unswept=Coalesce(Subquery(expired.values("credits")), 0)
        )

    def organization_of(self, row: Wallet) -> Organization:
        return row.organization

    @admin.display(description=gettext_lazy("balance"), ordering="balance")
    def balance_now(self, wallet: Any) -> str:
        return amount(wallet.balance - wallet.unswept, wallet.program)

    @admin.display(description=gettext_lazy("reserved"), ordering="reserved")
    def reserved_now(self, wallet: Wallet) -> str:
        return amount(wallet.reserved, wallet.program)

    @admin.display(description=gettext_lazy("debt"), ordering="debt")
    def debt_now(self, wallet: Wallet) -> str:
        return amount(wallet.debt, wallet.program)

    @admin.display(description=gettext_lazy("organization"))
    def organization_page(self, wallet: Wallet) -> SafeString:
        url = reverse("admin:organizations_organization_change", args=[wallet.organization_id])
        return format_html('<a href="{}">{}</a>', url, wallet.organization)

    @admin.display(description=gettext_lazy("contents"))
    def rows(self, wallet: Wallet) -> SafeString:
        return format_html(
            "{} · {} · {}",
            list_link("grant", wallet, _("grants")),
            list_link("operation", wallet, _("operations")),
            list_link("reservation", wallet, _("reservations")),
        )
