"""The owners' page of notice settings: which kinds appear where, who gets the emails, when the balance is low."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from credits.balance.notice_settings import NoticeSettingsForm, save
from credits.models import Wallet
from notices.addresses import refused_among
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def notice_settings(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show what is set by GET; set it by POST."""
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    if request.method != "POST":
        return _page(request, organization, NoticeSettingsForm(organization=organization, wallet=wallet))
    form = NoticeSettingsForm(request.POST, organization=organization, wallet=wallet)
    if not form.is_valid():
        return _page(request, organization, form, status=422)
    save(form, organization=organization, wallet=wallet, actor=request.user)
    messages.success(request, _("Notice settings updated."))
    return redirect("notice_settings", organization.slug)


def _page(
    request: MemberRequest, organization: Organization, form: NoticeSettingsForm, *, status: int = 200
) -> HttpResponse:
    refused = refused_among([person.email for person in form.people.values()])
    context = {"organization": organization, "form": form, "refused": refused}
    return render(request, "credits/notice_settings.html", context, status=status)
