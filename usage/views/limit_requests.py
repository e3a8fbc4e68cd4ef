"""Asking for more of a limit, and answering: the member's page and the owner's, reached from the notice or its mail."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notices.models import Notice
from organizations.access import MemberRequest, member_required, owner_required
from organizations.models import Organization
from organizations.refusals import Refusal
from usage.limits import queries
from usage.limits import requests as limit_requests
from usage.limits.answers import answer_key, request_key
from usage.limits.forms import AskForm, DeclineForm, GrantForm
from usage.models import LimitRequest
from usage.views.limits import program_of, typed


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def ask(request: MemberRequest, organization: Organization, whose: str, feature: str) -> HttpResponse:
    """Ask the owners for more of a limit that covers what the member uses."""
    program, now = program_of(organization), timezone.now()
    rows = queries.own_limits(request.membership, now=now)
    row = next((row for row in rows if row.address == (whose, feature)), None)
    if row is None or program is None:
        raise Http404
    form = AskForm(request.POST if request.method == "POST" else None, program=program)
    if form.is_valid():
        try:
            limit_requests.ask(limit=row.limit, user=request.user, **form.cleaned_data)
        except limit_requests.AlreadyAsked as refusal:
            messages.info(request, str(refusal))
            return redirect("my_usage", organization.slug)
        except Refusal as refusal:
            form.add_error("credits", str(refusal))
        else:
            messages.success(request, _("Request sent to the owners. You will get their answer by email."))
            return redirect("my_usage", organization.slug)
    context = {"organization": organization, "program": program, "row": row, "form": form}
    return render(request, "usage/limit_requests/ask.html", context, status=422 if form.errors else 200)


@require_safe
@owner_required
def limit_request(request: MemberRequest, organization: Organization, public_id: str) -> HttpResponse:
    """Who asks for what, what was used, and the answer: one to be given, or the one that was."""
    found = _find(organization, public_id)
    if found is None:
        return _gone(request, organization, public_id)
    return _page(request, organization, found)


@require_POST
@owner_required
def grant(request: MemberRequest, organization: Organization, public_id: str) -> HttpResponse:
    """Allow more, for a time or for good."""
    found, program = _find(organization, public_id), program_of(organization)
    if found is None or program is None:
        return _gone(request, organization, public_id)
    form = GrantForm(request.POST, program=program)
    if not form.is_valid():
        return _page(request, organization, found, grant_form=form, status=422)
    until = form.until(today=timezone.localdate(), zone=ZoneInfo(organization.time_zone))
    try:
        limit_requests.grant(request=found, credits=form.cleaned_data["credits"], until=until, actor=request.user)
    except limit_requests.AlreadyAnswered as refusal:
        return _answered(request, organization, found, str(refusal))
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, organization, found, grant_form=form, status=409)
    messages.success(request, _("Request approved. %(person)s has been notified.") % {"person": found.user})
    return redirect("limit_request", organization.slug, public_id)


@require_POST
@owner_required
def decline(request: MemberRequest, organization: Organization, public_id: str) -> HttpResponse:
    """Leave the limit as it is, with a sentence for the member."""
    found = _find(organization, public_id)
    if found is None:
        return _gone(request, organization, public_id)
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return _page(request, organization, found, decline_form=form, status=422)
    try:
        limit_requests.decline(request=found, sentence=form.cleaned_data["sentence"], actor=request.user)
    except limit_requests.AlreadyAnswered as refusal:
        return _answered(request, organization, found, str(refusal))
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, organization, found, decline_form=form, status=409)
    messages.success(request, _("Request declined. %(person)s has been notified.") % {"person": found.user})
    return redirect("limit_request", organization.slug, public_id)


def _find(organization: Organization, public_id: str) -> LimitRequest | None:
    requests = LimitRequest.objects.filter(limit__organization=organization, public_id=public_id)
    limit = ("limit__organization", "limit__team", "limit__user", "limit__feature")
    return requests.select_related("user", "answered_by", *limit).first()


def _gone(request: MemberRequest, organization: Organization, public_id: str) -> HttpResponse:
    """A request is deleted with its limit, but the mail that leads to it is not: say what happened."""
    gone = LimitRequest(public_id=public_id)
    if not Notice.objects.filter(organization=organization, key=request_key(gone)).exists():
        raise Http404
    messages.info(request, _("The limit of this request has been removed."))
    return redirect("limits", organization.slug)


def _answered(request: MemberRequest, organization: Organization, found: LimitRequest, sentence: str) -> HttpResponse:
    messages.info(request, sentence)
    return redirect("limit_request", organization.slug, found.public_id)


def _page(
    request: MemberRequest,
    organization: Organization,
    found: LimitRequest,
    *,
    grant_form: GrantForm | None = None,
    decline_form: DeclineForm | None = None,
    status: int = 200,
) -> HttpResponse:
    program = program_of(organization)
    rows = queries.positions([found.limit], organization=organization, now=timezone.now())
    if program is None or not rows:
        raise Http404
    answer = Notice.objects.filter(organization=organization, key=answer_key(found)).first()
    wanted = {} if found.credits is None else {"credits": typed(found.credits, program)}
    context: dict[str, Any] = {
        "organization": organization,
        "program": program,
        "asked": found,
        "row": rows[0],
        "answer": answer.details if answer is not None else None,
        "grant_form": grant_form or GrantForm(initial=wanted, program=program),
        "decline_form": decline_form or DeclineForm(),
    }
    return render(request, "usage/limit_requests/request.html", context, status=status)
