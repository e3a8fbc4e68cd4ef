"""Plans of organizations, to look up; staff put invoiced customers on one, and let one end, each with a reason."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Allowance, Plan, Subscription
from billing.plans import invoiced
from credits.admin.forms import ActForm
from credits.admin.ledger_pages import SEARCHED
from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.models import Organization, User
from organizations.refusals import Refusal

PERMISSION = "billing.change_subscription"


class PutForm(ActForm):
    """Whom, on which plan, why."""

    organization = forms.SlugField(label=gettext_lazy("Organization"), help_text=gettext_lazy("Its slug."))
    plan = forms.SlugField(label=gettext_lazy("Plan"), help_text=gettext_lazy("Its key, such as “team”."))

    field_order = ["organization", "plan", "reason", "token"]

    def clean_organization(self) -> Organization:
        """The organization of this slug, if it has a wallet."""
        slug = self.cleaned_data["organization"]
        found = Organization.objects.filter(slug=slug, closed_at=None, wallet__isnull=False).first()
        if found is None:
            raise forms.ValidationError(_("There is no such organization, or it has no wallet."))
        return found

    def clean(self) -> dict[str, Any]:
        """The plan of this key in the organization's program."""
        data = super().clean() or self.cleaned_data
        organization, key = data.get("organization"), data.get("plan")
        if organization is not None and key is not None:
            plan = Plan.objects.filter(program=organization.wallet.program_id, key=key).first()
            if plan is None:
                keys = Plan.objects.filter(program=organization.wallet.program_id).order_by("position")
                known = ", ".join(keys.values_list("key", flat=True)) or _("none")
                self.add_error("plan", _("The organization's program has no such plan. It has: %s.") % known)
            data["plan"] = plan
        return data


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Found by the organization, by a mail address in it, and by Stripe's id."""

    change_list_template = "billing/admin/subscriptions.html"
    change_form_template = "credits/admin/ledger_row.html"
    list_display = ["organization", "plan", "state", "is_invoiced", "period_start", "period_end", "next_plan"]
    list_filter = ["state", "is_invoiced", "plan__program"]
    list_select_related = ["organization", "plan", "next_plan"]
    search_fields = [*SEARCHED, "=stripe_id"]
    ordering = ["organization__name"]
    show_full_result_count = False
    list_per_page = 50
    fields = [
        "organization",
        "plan",
        "state",
        "is_invoiced",
        "currency",
        "stripe_id",
        "anchor_at",
        "period_start",
        "period_end",
        "ends_at_period_end",
        "next_plan",
        "unpaid_invoice_url",
        "settled_at",
        "created_at",
    ]

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the two acts."""
        view = self.admin_site.admin_view
        return [
            path("put/", view(self.put), name="billing_subscription_put"),
            path("<path:object_id>/end/", view(self.end), name="billing_subscription_end"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List them, with "put on a plan" for whoever may."""
        may = request.user.has_perm(PERMISSION)
        return super().changelist_view(request, {**(extra_context or {}), "may_put": may})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one, with its acts for whoever may and where it is invoiced."""
        row = self.get_object(request, object_id)
        acts: list[tuple[str, str]] = []
        if row is not None and row.is_invoiced and request.user.has_perm(PERMISSION):
            change = reverse("admin:billing_subscription_put") + f"?organization={row.organization.slug}"
            acts = [
                (_("Change the plan"), change),
                (_("Let it end"), reverse("admin:billing_subscription_end", args=[object_id])),
            ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def put(self, request: HttpRequest) -> HttpResponse:
        """Ask whom, on which plan and why, then do it. The same again changes nothing."""
        self._refuse_without_permission(request)
        initial = {"organization": request.GET.get("organization", "")}
        form = PutForm(request.POST) if request.method == "POST" else PutForm(initial=initial)
        if form.is_valid():
            asked = form.cleaned_data
            try:
                row = invoiced.put_on_plan(
                    organization=asked["organization"],
                    plan=asked["plan"],
                    actor=cast("User", request.user),
                    reason=asked["reason"],
                )
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, self._said(row))
                return redirect("admin:billing_subscription_change", row.pk)
        return self._ask(request, form, title=_("Put on a plan"), row=None)

    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then let the plan end with its month."""
        self._refuse_without_permission(request)
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        form = ActForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            reason, actor = form.cleaned_data["reason"], cast("User", request.user)
            try:
                invoiced.end_invoiced(organization=row.organization, actor=actor, reason=reason)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("The plan ends with its month."))
                return redirect("admin:billing_subscription_change", row.pk)
        return self._ask(request, form, title=_("Let it end"), row=row)

    def _refuse_without_permission(self, request: HttpRequest) -> None:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied

    def _said(self, row: Subscription) -> str:
        if row.next_plan is not None:
            return _("%(plan)s begins when the month is over.") % {"plan": row.next_plan}
        return _("The plan is %(plan)s.") % {"plan": row.plan}

    def _ask(self, request: HttpRequest, form: ActForm, *, title: str, row: Subscription | None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "row": row,
            "organization": row.organization if row else None,
            "form": form,
            "submit": title,
            "back": _("Back"),
        }
        template = "credits/admin/act.html" if row else "billing/admin/put_on_plan.html"
        return TemplateResponse(request, template, context, status=422 if form.is_bound else 200)


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin):
    """What plans' months brought; without an operation it was known of too late, and staff may make it good."""

    list_display = ["period_start", "subscription_organization", "plan", "credits", "operation", "recorded_at"]
    list_filter = [("operation", admin.EmptyFieldListFilter), "plan__program"]
    list_select_related = ["subscription__organization", "plan", "operation"]
    search_fields = [f"subscription__{field}" for field in SEARCHED]
    ordering = ["-period_start"]
    show_full_result_count = False
    list_per_page = 50

    @admin.display(description=gettext_lazy("organization"))
    def subscription_organization(self, allowance: Allowance) -> Organization:
        return allowance.subscription.organization
