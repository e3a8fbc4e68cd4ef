"""Rules of auto-recharge and their attempts, to look up; a rule may be paused and let go on, each with a reason."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from billing.models import AutoRecharge, PauseReason, RechargeAttempt
from billing.recharge import consent
from credits.admin.forms import ActForm
from credits.admin.ledger_pages import SEARCHED
from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.formats import format_money
from organizations.models import User

PERMISSION = "billing.change_autorecharge"
# An act's name in its address: what it is called, what it does, and what is said when it did.
ACTS = {
    "pause": (gettext_lazy("Pause"), consent.pause, gettext_lazy("Auto-recharge is paused.")),
    "resume": (gettext_lazy("Let it go on"), consent.resume, gettext_lazy("Auto-recharge goes on.")),
}


@admin.register(AutoRecharge)
class AutoRechargeAdmin(ReadOnlyAdmin):
    """Found by the organization and by a mail address in it."""

    change_form_template = "credits/admin/ledger_row.html"
    list_display = ["organization", "is_on", "pack", "monthly_limit", "failures", "retry_at", "pause_reason"]
    list_filter = ["is_on", "pause_reason", "pack__program"]
    list_select_related = ["organization", "pack"]
    search_fields = SEARCHED
    ordering = ["organization__name"]
    show_full_result_count = False
    list_per_page = 50
    fields = [
        "organization",
        "is_on",
        "pack",
        "threshold",
        "lot",
        "monthly_limit",
        "consented_by",
        "consented_at",
        "consent_text",
        "failures",
        "retry_at",
        "paused_at",
        "pause_reason",
    ]
    readonly_fields = ["lot", "monthly_limit"]

    @admin.display(description=gettext_lazy("price of a lot"))
    def lot(self, row: AutoRecharge) -> str:
        return format_money(row.lot_minor, currency=row.currency, language=get_language() or "en")

    @admin.display(description=gettext_lazy("at most a month"), ordering="monthly_limit_minor")
    def monthly_limit(self, row: AutoRecharge) -> str:
        return format_money(row.monthly_limit_minor, currency=row.currency, language=get_language() or "en")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the two acts."""
        view = self.admin_site.admin_view
        acts = [
            path(f"<path:object_id>/{name}/", view(self.act), {"name": name}, name=f"billing_autorecharge_{name}")
            for name in ACTS
        ]
        return [*acts, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one, with the act that makes sense, for whoever may."""
        row = self.get_object(request, object_id)
        acts: list[tuple[Any, str]] = []
        if row is not None and request.user.has_perm(PERMISSION):
            is_held_up = row.paused_at is not None or row.retry_at is not None
            names = ["resume"] if is_held_up else []
            names += [] if row.pause_reason == PauseReason.STAFF else ["pause"]
            acts = [(ACTS[name][0], reverse(f"admin:billing_autorecharge_{name}", args=[object_id])) for name in names]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def act(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask why, then do it. The same again changes nothing."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        label, verb, sentence = ACTS[name]
        form = ActForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            actor, reason = cast("User", request.user), form.cleaned_data["reason"]
            if verb(organization=row.organization, actor=actor, reason=reason):
                messages.success(request, sentence)
            return redirect("admin:billing_autorecharge_change", row.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": label,
            "subtitle": str(row),
            "row": row,
            "organization": row.organization,
            "form": form,
            "submit": label,
            "back": _("Back"),
        }
        return TemplateResponse(request, "credits/admin/act.html", context, status=422 if form.is_bound else 200)


@admin.register(RechargeAttempt)
class RechargeAttemptAdmin(ReadOnlyAdmin):
    """Newest first; found by the organization, and by the order's reference or payment."""

    list_display = ["created_at", "organization", "purchase", "state", "amount", "error_code", "closed_at"]
    list_filter = ["state", "month_on"]
    list_select_related = ["organization", "purchase"]
    search_fields = [*SEARCHED, "=purchase__reference", "=purchase__stripe_payment_intent_id"]
    ordering = ["-created_at"]
    show_full_result_count = False
    list_per_page = 50
    fields = [
        "organization",
        "purchase",
        "state",
        "amount",
        "month_on",
        "payment_method",
        "error_code",
        "error_message",
        "created_at",
        "closed_at",
    ]
    readonly_fields = ["amount"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, attempt: RechargeAttempt) -> str:
        return format_money(attempt.amount_minor, currency=attempt.purchase.currency, language=get_language() or "en")
