"""The owners' pages about monthly limits: all of them, and one, which is set, raised for a time, or taken away."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from credits.models import Program, Wallet
from organizations.access import MemberRequest, owner_required
from organizations.calendar import whole_month
from organizations.models import Organization
from organizations.refusals import Refusal
from usage.limits import clear_limit, end_raise, queries, set_limit, set_raise
from usage.limits.forms import AddForm, AmountForm, FindForm, RaiseForm
from usage.models import Limit, LimitRequest, RequestState

LIMITS_PER_PAGE = 50


@require_safe
@owner_required
def limits(request: MemberRequest, organization: Organization) -> HttpResponse:
    """All limits with what is used of each this month; what members ask for on top."""
    program = program_of(organization)
    form = FindForm(request.GET)
    found = queries.limits_of(organization)
    if form.is_valid() and (text := form.cleaned_data["q"]):
        named = Q(team__name__icontains=text) | Q(user__name__icontains=text) | Q(user__email__icontains=text)
        found = found.filter(named | Q(feature__name__icontains=text))
    page = Paginator(found, LIMITS_PER_PAGE).get_page(request.GET.get("page"))
    asked = LimitRequest.objects.filter(limit__organization=organization, state=RequestState.OPEN)
    context = {
        "organization": organization,
        "program": program,
        "form": form,
        "page": page,
        "rows": queries.positions(list(page), organization=organization, now=timezone.now()),
        "asked": asked.select_related("user", "limit__team", "limit__user", "limit__feature").order_by("created_at"),
    }
    return render(request, "usage/limits/limits.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def add(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Set a limit where there is none yet; one that is there already gets the new amount."""
    program = program_of(organization)
    if program is None:
        return redirect("limits", organization.slug)
    initial = {"member": request.GET.get("member", ""), "thresholds": written(program.limit_thresholds)}
    initial["whose"] = "member" if initial["member"] else "organization"
    posted = request.POST if request.method == "POST" else None
    form = AddForm(posted, organization=organization, program=program, initial=initial)
    if form.is_valid():
        wanted = {name: form.cleaned_data[name] for name in ("team", "user", "feature", "credits", "thresholds")}
        try:
            made = set_limit(organization=organization, actor=request.user, **wanted)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return _done(request, organization, made, _("Limit created."))
    context = {"organization": organization, "program": program, "form": form}
    return render(request, "usage/limits/add.html", context, status=422 if form.errors else 200)


@require_safe
@owner_required
def limit(request: MemberRequest, organization: Organization, whose: str, feature: str) -> HttpResponse:
    """One limit: how it stands, and what can be done about it."""
    return _page(request, organization, _find(organization, whose, feature))


@require_POST
@owner_required
def change(request: MemberRequest, organization: Organization, whose: str, feature: str) -> HttpResponse:
    """Give the limit another amount or other thresholds."""
    found = _find(organization, whose, feature)
    form = AmountForm(request.POST, program=_program(organization))
    if not form.is_valid():
        return _page(request, organization, found, amount_form=form, status=422)
    try:
        set_limit(
            organization=organization,
            team=found.team,
            user=found.user,
            feature=found.feature,
            actor=request.user,
            **form.cleaned_data,
        )
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, organization, found, amount_form=form, status=409)
    return _done(request, organization, found, _("Limit updated."))


@require_POST
@owner_required
def raise_limit(request: MemberRequest, organization: Organization, whose: str, feature: str) -> HttpResponse:
    """Allow more until the end of a day."""
    found = _find(organization, whose, feature)
    form = RaiseForm(request.POST, program=_program(organization))
    if not form.is_valid():
        return _page(request, organization, found, raise_form=form, status=422)
    until = form.until(ZoneInfo(organization.time_zone))
    try:
        set_raise(limit=found, credits=form.cleaned_data["credits"], until=until, actor=request.user)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, organization, found, raise_form=form, status=409)
    return _done(request, organization, found, _("Limit raised."))


@require_POST
@owner_required
def end(request: MemberRequest, organization: Organization, whose: str, feature: str) -> HttpResponse:
    """End a raise before its time. A second click changes nothing more."""
    found = _find(organization, whose, feature)
    try:
        end_raise(limit=found, actor=request.user)
    except Refusal as refusal:
        messages.info(request, str(refusal))
        return redirect("limits", organization.slug)
    return _done(request, organization, found, _("Temporary increase ended."))


@require_POST
@owner_required
def clear(request: MemberRequest, organization: Organization, whose: str, feature: str) -> HttpResponse:
    """Take the limit away. A second click finds none, and the page says so."""
    found = queries.find(organization, whose, feature)
    if found is None:
        messages.info(request, _("This limit has already been removed."))
    else:
        clear_limit(limit=found, actor=request.user)
        messages.success(request, _("Limit removed."))
    return redirect("limits", organization.slug)


def program_of(organization: Organization) -> Program | None:
    """The program of an organization's wallet, or None where it has no wallet."""
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    return wallet.program if wallet is not None else None


def typed(credits: int, program: Program) -> Decimal:
    """An amount as it stands in a form."""
    return Decimal(credits).scaleb(-program.decimals)


def written(thresholds: list[int]) -> str:
    """Thresholds as a form shows them: without 100 per cent, which is always among them."""
    return ", ".join(str(percent) for percent in sorted(thresholds) if percent < 100)


def _program(organization: Organization) -> Program:
    program = program_of(organization)
    if program is None:
        raise Http404
    return program


def _find(organization: Organization, whose: str, feature: str) -> Limit:
    found = queries.find(organization, whose, feature)
    if found is None:
        raise Http404
    return found


def _done(request: MemberRequest, organization: Organization, limit: Limit, sentence: str) -> HttpResponse:
    """Go to the limit's page, which says at once where use stops."""
    messages.success(request, sentence)
    found = queries.positions([limit], organization=organization, now=timezone.now())
    if not found:
        return redirect("limits", organization.slug)
    return redirect("limit", organization.slug, *found[0].address)


def _page(
    request: MemberRequest,
    organization: Organization,
    limit: Limit,
    *,
    amount_form: AmountForm | None = None,
    raise_form: RaiseForm | None = None,
    status: int = 200,
) -> HttpResponse:
    program, today = _program(organization), timezone.localdate()
    (row,) = queries.positions([limit], organization=organization, now=timezone.now())
    amount = {"credits": typed(limit.credits, program), "thresholds": written(limit.thresholds)}
    context: dict[str, Any] = {
        "organization": organization,
        "program": program,
        "row": row,
        "amount_form": amount_form or AmountForm(initial=amount, program=program),
        "raise_form": raise_form or RaiseForm(initial={"day": whole_month(today).last}, program=program),
        "asked": limit.requests.filter(state=RequestState.OPEN).select_related("user").order_by("created_at"),
    }
    return render(request, "usage/limits/limit.html", context, status=status)
