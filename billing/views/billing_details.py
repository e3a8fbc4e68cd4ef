"""The recipient of receipts and tax invoices. Orders keep the details of the time when they were placed."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.audit_actions import Action
from billing.models import BillingDetails
from billing.purchases.forms import BillingDetailsForm
from organizations import audit_events
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def billing_details(request: MemberRequest, organization: Organization) -> HttpResponse:
    """GET: show the details. POST: save them."""
    if request.method != "POST":
        details = BillingDetails.objects.filter(organization=organization).first()
        return _page(request, organization, BillingDetailsForm(instance=details))
    with transaction.atomic():
        # Locked, so that the audit events of two owners who save at once name the right changes.
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        details, _is_new = BillingDetails.objects.get_or_create(organization=organization)
        form = BillingDetailsForm(request.POST, instance=details)
        if not form.is_valid():
            transaction.set_rollback(True)
            return _page(request, organization, form, status=422)
        if form.has_changed():
            form.save()
            audit_events.record(
                action=Action.BILLING_DETAILS_CHANGED,
                organization=organization,
                actor=request.user,
                target=organization.slug,
                details={"fields": form.changed_data},
            )
    messages.success(request, _("Billing details saved. They will appear on new orders."))
    return redirect("billing_details", organization.slug)


def _page(
    request: MemberRequest, organization: Organization, form: BillingDetailsForm, *, status: int = 200
) -> HttpResponse:
    context = {"organization": organization, "form": form}
    return render(request, "billing/billing_details.html", context, status=status)
