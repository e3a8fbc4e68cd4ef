"""Organizations' plans, for staff to read; they put customers who pay by invoice on a plan, and end it."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Allowance, Plan, Subscription
from billing.plans import invoiced
from credits.admin.ledger_pages import SEARCHED
from organizations.admin.acts import Act, Done, Link
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.models import Organization, User

PERMISSION = "billing.change_subscription"


class PutForm(ActForm):
    """The organization, its plan, and the reason."""

    organization = forms.SlugField(label=gettext_lazy("Organization"), help_text=gettext_lazy("Its slug."))
    plan = forms.SlugField(label=gettext_lazy("Plan"), help_text=gettext_lazy("Its key, such as “team”."))

    field_order = ["organization", "plan", "reason", "token"]

    def clean_organization(self) -> Organization:
        """Find the organization by its slug. It must have a wallet."""
        slug = self.cleaned_data["organization"]
        found = Organization.objects.filter(slug=slug, closed_at=None, wallet__isnull=False).first()
        if found is None:
            raise forms.ValidationError(_("There is no such organization, or it has no wallet."))
        return found

    def clean(self) -> dict[str, Any]:
        """Find the plan by its key in the organization's program."""
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


def make_put_form(slug: str, data: Any) -> PutForm:
    return PutForm(data, initial={"organization": slug})


def put(_slug: str, form: ActForm, actor: User) -> Done:
    """Put the organization on the plan. The second time changes nothing."""
    asked = form.cleaned_data
    row = invoiced.put_on_plan(
        organization=asked["organization"], plan=asked["plan"], actor=actor, reason=asked["reason"]
    )
    message = _("The plan is %(plan)s.") % {"plan": row.plan}
    if row.next_plan is not None:
        message = _("%(plan)s begins when the month is over.") % {"plan": row.next_plan}
    return Done(message=message, url=reverse("admin:billing_subscription_change", args=[row.pk]))


# Its subject is the slug that the form begins with: of an organization, or nothing.
PUT = Act(
    name="put",
    label=gettext_lazy("Put on a plan"),
    effect=gettext_lazy(
        "For customers who pay by invoice. A plan with more credits begins at once and brings the difference for the"
        " rest of the month. Any other plan begins when the month is over."
    ),
    permission=PERMISSION,
    make_form=make_put_form,
    run=put,
)


def is_invoiced(row: Subscription) -> bool:
    return row.is_invoiced


def end(row: Subscription, form: ActForm, actor: User) -> Done:
    """Let the plan end with its month. The second time changes nothing."""
    invoiced.end_invoiced(organization=row.organization, actor=actor, reason=form.cleaned_data["reason"])
    return Done(message=_("The plan ends with its month."))


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Found by the organization, the email address of a member, and Stripe's id."""

    list_display = ["organization", "plan", "state", "is_invoiced", "period_start", "period_end", "next_plan"]
    list_filter = ["state", "is_invoiced", "plan__program"]
    list_select_related = ["organization", "plan", "next_plan"]
    search_fields = [*SEARCHED, "=stripe_id"]
    ordering = ["organization__name"]
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

    row_acts = (
        Act(
            name="end",
            label=gettext_lazy("End the plan"),
            effect=gettext_lazy("The plan ends when its month is over."),
            permission=PERMISSION,
            applies=is_invoiced,
            run=end,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the address that puts an organization on a plan."""
        return [
            path("put/", self.admin_site.admin_view(self.put), name="billing_subscription_put"),
            *super().get_urls(),
        ]

    def links_of_list(self, request: HttpRequest) -> list[Link]:
        """Link to putting an organization on a plan."""
        return [(PUT.label, reverse("admin:billing_subscription_put"))] if request.user.has_perm(PERMISSION) else []

    def links_of_row(self, request: HttpRequest, row: Subscription) -> list[Link]:
        """Begin with the change of an invoiced plan."""
        links = super().links_of_row(request, row)
        if is_invoiced(row) and request.user.has_perm(PERMISSION):
            query = urlencode({"organization": row.organization.slug})
            links.insert(0, (_("Change the plan"), f"{reverse('admin:billing_subscription_put')}?{query}"))
        return links

    def put(self, request: HttpRequest) -> HttpResponse:
        """Ask which organization, which plan and why, then put it on the plan."""
        back = reverse("admin:billing_subscription_changelist")
        return self.perform(request, PUT, request.GET.get("organization", ""), back=back)


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin):
    """Credits by plan and month. One without an operation was not granted in time; staff may grant the credits."""

    list_display = ["period_start", "subscription_organization", "plan", "credits", "operation", "recorded_at"]
    list_filter = [("operation", admin.EmptyFieldListFilter), "plan__program"]
    list_select_related = ["subscription__organization", "plan", "operation"]
    search_fields = [f"subscription__{field}" for field in SEARCHED]
    ordering = ["-period_start"]

    @admin.display(description=gettext_lazy("organization"))
    def subscription_organization(self, allowance: Allowance) -> Organization:
        return allowance.subscription.organization
