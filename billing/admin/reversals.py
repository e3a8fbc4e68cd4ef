"""Refunds, disputes and refund requests, for staff to read and to close. A refund is made on `refund_page`."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.admin.refund_page import REFUND, RefundPage
from billing.models import Dispute, Refund, RefundRequest, RefundState, RequestState
from billing.refunds import refunding, requests
from organizations.admin.acts import Act, Done, Link
from organizations.admin.forms import ActForm, ReasonField
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.models import Organization, User

SEARCHED = ["purchase__reference", "purchase__organization__name", "purchase__organization__slug"]


class ReversalAdmin(ReadOnlyAdmin):
    """Money that goes back to a buyer, newest first."""

    list_select_related = ["purchase__organization__wallet__program"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, row: Any) -> str:
        return requests.money(row.amount_minor, row.purchase)

    @admin.display(description=gettext_lazy("organization"))
    def organization(self, row: Any) -> str:
        return str(row.purchase.organization)

    def organization_of(self, row: Any) -> Organization | None:
        """The organization that bought."""
        return row.purchase.organization  # type: ignore[no-any-return]


def is_open_by_hand(refund: Refund) -> bool:
    """Whether staff still have to say whether the money was paid back."""
    return refund.state == RefundState.PENDING and refunding.is_by_hand(refund.purchase)


def closing(*, is_paid: bool) -> Callable[[Refund, ActForm, User], Done]:
    """Close a refund that is paid back by hand."""

    def run(refund: Refund, form: ActForm, actor: User) -> Done:
        reason = form.cleaned_data["reason"]
        closed = refunding.close_by_hand(refund, is_paid=is_paid, actor=actor, reason=reason)
        return Done(message=_("The refund is now: %(state)s.") % {"state": closed.get_state_display()})

    return run


@admin.register(Refund)
class RefundAdmin(RefundPage, ReversalAdmin):
    """Refunds. Those not made through Stripe are paid back by hand, and closed here."""

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

    row_acts = (
        Act(
            name="paid_back",
            label=gettext_lazy("Paid back"),
            effect=gettext_lazy("Closes the refund: the money was sent."),
            permission=REFUND,
            applies=is_open_by_hand,
            run=closing(is_paid=True),
        ),
        Act(
            name="not_paid",
            label=gettext_lazy("Not paid back"),
            effect=gettext_lazy("Closes the refund: the money will not be sent, and the credits are returned."),
            permission=REFUND,
            applies=is_open_by_hand,
            run=closing(is_paid=False),
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the page that refunds a purchase."""
        site = self.admin_site
        return [
            path("of/", site.admin_view(self.find), name="billing_refund_find"),
            path("of/<str:reference>/", site.admin_view(self.refund), name="billing_refund_of"),
            *super().get_urls(),
        ]

    def links_of_list(self, request: HttpRequest) -> list[Link]:
        """Link to the page that refunds a purchase."""
        if not request.user.has_perm(REFUND):
            return []
        return [(_("Refund a purchase"), reverse("admin:billing_refund_find"))]


@admin.register(Dispute)
class DisputeAdmin(ReversalAdmin):
    """Disputes. They are answered at Stripe; their effect on the credits is automatic."""

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


class AnswerForm(ActForm):
    """The answer to an owner's request: the reason, written for the owner."""

    reason = ReasonField(
        label=gettext_lazy("Answer"),
        help_text=gettext_lazy("Mailed to the person who asked, and shown on the purchase's page."),
    )


def make_answer_form(_request: RefundRequest, data: Any) -> AnswerForm:
    return AnswerForm(data)


def is_open(asked: RefundRequest) -> bool:
    return asked.state == RequestState.OPEN


def decline(asked: RefundRequest, form: ActForm, actor: User) -> Done:
    """Decline the request, once, and mail the answer."""
    requests.decline(asked, answer=form.cleaned_data["reason"], actor=actor)
    return Done(message=_("The request is declined. The answer is mailed."))


@admin.register(RefundRequest)
class RefundRequestAdmin(ReversalAdmin):
    """Owners' requests. A refund grants one; or it is declined, with an answer."""

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

    row_acts = (
        Act(
            name="decline",
            label=gettext_lazy("Decline"),
            effect=gettext_lazy("Declines the request and mails your answer."),
            permission=REFUND,
            make_form=make_answer_form,
            applies=is_open,
            run=decline,
        ),
    )

    def links_of_row(self, request: HttpRequest, row: RefundRequest) -> list[Link]:
        """Begin with the page that grants an open request."""
        links = super().links_of_row(request, row)
        if is_open(row) and request.user.has_perm(REFUND):
            links.insert(0, (_("Refund"), reverse("admin:billing_refund_of", args=[row.purchase.reference])))
        return links
