"""The staff's pages about money that goes back: refunds, disputes, and the owners' requests, each to be looked at.

A refund is made on the purchase's page of its own (`refund_page`); here are the lists, and the acts on one row.
"""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.admin.refund_page import REFUND, RefundPage
from billing.models import Dispute, Refund, RefundRequest, RefundState, RequestState
from billing.refunds import refunding, requests
from credits.admin.forms import ActForm
from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.models import User
from organizations.refusals import Refusal

SEARCHED = ["purchase__reference", "purchase__organization__name", "purchase__organization__slug"]


class ReversalAdmin(ReadOnlyAdmin):
    """Rows of money that went back, newest first, with what may be done to one of them."""

    change_form_template = "credits/admin/ledger_row.html"
    show_full_result_count = False
    list_per_page = 50
    list_select_related = ["purchase__organization__wallet__program"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, row: Any) -> str:
        return requests.money(row.amount_minor, row.purchase)

    @admin.display(description=gettext_lazy("organization"))
    def organization(self, row: Any) -> str:
        return str(row.purchase.organization)

    def acts_on(self, row: Any) -> list[tuple[str, str]]:
        """Label and address of what may be done to the row."""
        del row
        return []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the row, and what this person may do to it."""
        row = self.get_object(request, object_id)
        acts = self.acts_on(row) if row is not None and request.user.has_perm(REFUND) else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def ask(self, request: HttpRequest, object_id: str) -> tuple[Any, ActForm]:
        """The row and the form that asks why, or a refusal to whoever may not."""
        if not request.user.has_perm(REFUND):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row, ActForm(request.POST if request.method == "POST" else None)

    def answer(self, request: HttpRequest, row: Any, form: ActForm, title: str) -> HttpResponse:
        """The page that asks why."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "subtitle": str(row),
            "row": row,
            "organization": row.purchase.organization,
            "form": form,
            "submit": title,
            "back": _("Back"),
        }
        return TemplateResponse(request, "credits/admin/act.html", context, status=422 if form.is_bound else 200)


@admin.register(Refund)
class RefundAdmin(RefundPage, ReversalAdmin):
    """Refunds; those that did not come through Stripe are paid back by hand, and closed here."""

    change_list_template = "billing/admin/refunds.html"
    list_display = ["created_at", "purchase", "organization", "amount", "mode", "state", "refunded_by"]
    list_filter = ["state", "mode"]
    search_fields = [*SEARCHED, "=stripe_id"]
    ordering = ["-created_at"]
    fields = [
        "id",
        "purchase",
        "amount",
        "credits",
        "mode",
        "state",
        "reason",
        "refunded_by",
        "stripe_id",
        "void_operation",
        "created_at",
        "closed_at",
    ]
    readonly_fields = ["amount"]

    def get_urls(self) -> list[URLPattern]:
        """Add the page that refunds a purchase, and the two ends of a refund by hand."""
        site = self.admin_site
        return [
            path("of/", site.admin_view(self.find), name="billing_refund_find"),
            path("of/<str:reference>/", site.admin_view(self.refund), name="billing_refund_of"),
            path("<path:object_id>/paid-back/", site.admin_view(self.paid_back), name="billing_refund_paid_back"),
            path("<path:object_id>/not-paid/", site.admin_view(self.not_paid), name="billing_refund_not_paid"),
            *super().get_urls(),
        ]

    def acts_on(self, row: Refund) -> list[tuple[str, str]]:
        """The two ends of a refund by hand that is open."""
        if row.state != RefundState.PENDING or not refunding.is_by_hand(row.purchase):
            return []
        return [
            (_("Paid back"), reverse("admin:billing_refund_paid_back", args=[row.pk])),
            (_("Not paid, give the credits back"), reverse("admin:billing_refund_not_paid", args=[row.pk])),
        ]

    def paid_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that the money was sent."""
        return self._close(request, object_id, title=_("Paid back"), is_paid=True)

    def not_paid(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that the money won't be sent."""
        return self._close(request, object_id, title=_("Not paid, give the credits back"), is_paid=False)

    def _close(self, request: HttpRequest, object_id: str, *, title: str, is_paid: bool) -> HttpResponse:
        row, form = self.ask(request, object_id)
        if not form.is_valid():
            return self.answer(request, row, form, title)
        try:
            closed = refunding.close_by_hand(
                row, is_paid=is_paid, actor=cast("User", request.user), reason=form.cleaned_data["reason"]
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.answer(request, row, form, title)
        messages.success(request, _("The refund is: %(state)s.") % {"state": closed.get_state_display()})
        return redirect("admin:billing_refund_change", row.pk)


@admin.register(Dispute)
class DisputeAdmin(ReversalAdmin):
    """Disputes. They are answered at Stripe; what they do to the credits happens by itself."""

    list_display = ["opened_at", "purchase", "organization", "amount", "status", "reason", "closed_at"]
    list_filter = ["status"]
    search_fields = [*SEARCHED, "=stripe_id"]
    ordering = ["-opened_at"]
    fields = [
        "stripe_id",
        "purchase",
        "amount",
        "status",
        "reason",
        "has_frozen",
        "void_operation",
        "opened_at",
        "closed_at",
    ]
    readonly_fields = ["amount"]


@admin.register(RefundRequest)
class RefundRequestAdmin(ReversalAdmin):
    """What owners ask for. Granted by a refund, or declined with a sentence that is mailed to them."""

    list_display = ["created_at", "purchase", "organization", "state", "requested_by", "answered_by"]
    list_filter = ["state"]
    search_fields = [*SEARCHED, "requested_by__email"]
    ordering = ["-created_at"]
    fields = [
        "purchase",
        "message",
        "requested_by",
        "created_at",
        "state",
        "answer",
        "answered_by",
        "answered_at",
    ]

    def get_urls(self) -> list[URLPattern]:
        """Add "decline"."""
        decline = path(
            "<path:object_id>/decline/", self.admin_site.admin_view(self.decline), name="billing_refundrequest_decline"
        )
        return [decline, *super().get_urls()]

    def acts_on(self, row: RefundRequest) -> list[tuple[str, str]]:
        """Refund or decline one that is open."""
        if row.state != RequestState.OPEN:
            return []
        return [
            (_("Refund"), reverse("admin:billing_refund_of", args=[row.purchase.reference])),
            (_("Decline"), reverse("admin:billing_refundrequest_decline", args=[row.pk])),
        ]

    def decline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the answer, then send it: once."""
        row, form = self.ask(request, object_id)
        form.fields["reason"].label = _("Answer")
        form.fields["reason"].help_text = _("Mailed to whoever asked, and shown on the purchase's page.")
        if not form.is_valid():
            return self.answer(request, row, form, _("Decline"))
        try:
            requests.decline(row, answer=form.cleaned_data["reason"], actor=cast("User", request.user))
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.answer(request, row, form, _("Decline"))
        messages.success(request, _("The request is declined, and the answer mailed."))
        return redirect("admin:billing_refundrequest_change", row.pk)
