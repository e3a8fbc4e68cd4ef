"""Wallets, to look at; giving credits starts here."""

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
from credits.admin.forms import ActForm, GrantForm
from credits.admin.ledger_pages import SEARCHED, Act, Done, LedgerAdmin, Refused, amount, list_link, with_unit
from credits.models import Grant, Source, Wallet
from organizations.models import Organization, User


def make_grant_form(wallet: Wallet, data: Any) -> GrantForm:
    return GrantForm(data, program=wallet.program)


def give(wallet: Wallet, form: ActForm, actor: User) -> Done:
    """Grant what the form says. A form sent again gives nothing."""
    asked = form.cleaned_data
    terms = {name: asked[name] for name in ("credits", "expires_at", "priority", "features")}
    told = {**terms, "features": sorted(asked["features"] or []), "source": asked["source"]}
    try:
        with ledger.open_book(keys=[(wallet.pk, form.key)]) as book:
            given = ledger.grant(
                book,
                wallet_id=wallet.pk,
                source=Source(asked["source"]),
                key=form.key,
                content_hash=ledger.hash_content(act="grant", reason=asked["reason"], **told),
                cause=ledger.Cause(actor_id=actor.pk, memo=asked["reason"]),
                **terms,
            )
    except ledger.IdempotencyConflict as conflict:
        raise Refused(_("This form was sent before, with other values. Open it anew.")) from conflict
    except ledger.WalletFull as full:
        raise Refused(_("The wallet would hold more than the ledger can count.")) from full
    sentence = _("Given: %(credits)s.") % {"credits": with_unit(asked["credits"], wallet.program)}
    details = {
        **told,
        "expires_at": asked["expires_at"] and asked["expires_at"].isoformat(),
        "grant": str(given.subject),
    }
    return Done(sentence, None if given.was_replayed else details)


@admin.register(Wallet)
class WalletAdmin(LedgerAdmin):
    """Found by the organization's name or slug, or the mail address of someone in it."""

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
    acts = (Act("grant", gettext_lazy("Grant credits"), "grant.given", "credits.add_grant", make_grant_form, give),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        """With what has expired this very second: no page shows it as balance, swept or not."""
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

    @admin.display(description=gettext_lazy("in it"))
    def rows(self, wallet: Wallet) -> SafeString:
        return format_html(
            "{} · {} · {}",
            list_link("grant", wallet, _("grants")),
            list_link("operation", wallet, _("operations")),
            list_link("reservation", wallet, _("reservations")),
        )
