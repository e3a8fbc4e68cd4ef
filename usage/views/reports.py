"""The pages of what was used: the owners' of all of it, as a file too, and each member's own."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from credits.models import Program, Wallet
from organizations.access import MemberRequest, member_required, owner_required
from organizations.models import Organization
from usage import reports
from usage.limits import LimitState
from usage.limits.queries import LimitRow, own_limits
from usage.reports import export_csv
from usage.reports.chart import usage_chart
from usage.reports.forms import PRESETS, RangeForm, UsageForm, choices_of, preset_label
from usage.reports.links import Links
from usage.reports.periods import range_before
from usage.reports.tables import tables


@require_safe
@owner_required
def usage(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show what was used in some days, over time and by service, person, feature, team and model."""
    wallet = _wallet(organization)
    if wallet is None:
        return render(request, "usage/reports/usage.html", {"organization": organization})
    form, links = _form(request, organization, wallet), Links(request.GET.dict())
    context: dict[str, Any] = {"organization": organization, "program": wallet.program, "form": form}
    if not form.is_valid():
        return render(request, "usage/reports/usage.html", {**context, "presets": _presets(links, "")}, status=422)
    context |= {"presets": _presets(links, form.preset), "links": _links(links), "chosen": form.chosen()}
    context |= _reported(organization, form, links, wallet.program)
    return render(request, "usage/reports/usage.html", context)


def _reported(organization: Organization, form: UsageForm, links: Links, program: Program) -> dict[str, Any]:
    """What the page shows of the days and filters that a valid form asks for."""
    today, filters = timezone.localdate(), form.filters()
    days = form.days(today)
    before = range_before(days, today)
    report = reports.report(organization, days, today=today, filters=filters, opens_users=True)
    if form.compares:
        report = reports.compared(report, reports.report(organization, before, today=today, filters=filters))
    context = {"today": today, "days": days, "before": before, "compares": form.compares, "report": report}
    context |= {"form": form.filled_in(days), "tables": tables(report, links)}
    if len(report.over_time) > 1 and report.total.uses:
        context["chart"] = usage_chart(report, program=program, today=today)
    return context


@require_safe
@owner_required
def usage_csv(request: MemberRequest, organization: Organization) -> HttpResponseBase:
    """Send what the usage page adds up as a file: the same days, the same filters."""
    wallet = _wallet(organization)
    if wallet is None:
        raise Http404
    form = _form(request, organization, wallet)
    if not form.is_valid():
        context = {"organization": organization, "program": wallet.program, "form": form}
        return render(request, "usage/reports/usage.html", context, status=422)
    today = timezone.localdate()
    days = form.days(today)
    lines = export_csv.lines(organization, days, today=today, filters=form.filters(), program=wallet.program)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"{organization.slug}-usage-{days.first}-{days.last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
@member_required
def my_usage(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show members what they used themselves, this month unless they ask for other days, and what is left of their
    own limit."""
    wallet = _wallet(organization)
    if wallet is None:
        return render(request, "usage/reports/my_usage.html", {"organization": organization})
    form, links = RangeForm(request.GET), Links(request.GET.dict())
    context: dict[str, Any] = {"organization": organization, "program": wallet.program, "form": form}
    if not form.is_valid():
        return render(request, "usage/reports/my_usage.html", {**context, "presets": _presets(links, "")}, status=422)
    now, today = timezone.now(), timezone.localdate()
    days = form.days(today)
    report = reports.report(
        organization, days, today=today, dimensions=["feature", "service"], filters={"user": request.user.pk}
    )
    context |= {"presets": _presets(links, form.preset), "form": RangeForm(initial=form.initial_of(days))}
    context |= {"days": days, "report": report, "tables": tables(report), "today": today}
    context["own_limits"] = own_limits(request.membership, now=now)
    context["limit"] = _own_limit(context["own_limits"])
    return render(request, "usage/reports/my_usage.html", context)


def _wallet(organization: Organization) -> Wallet | None:
    return Wallet.objects.select_related("program").filter(organization=organization).first()


def _own_limit(rows: list[LimitRow]) -> LimitState | None:
    """The member's limit for all features, of those that cover what they use."""
    return next((row.state for row in rows if row.is_own and row.limit.feature_id is None), None)


def _form(request: HttpRequest, organization: Organization, wallet: Wallet) -> UsageForm:
    choices = choices_of(organization, wallet.program, model=request.GET.get("model", ""))
    return UsageForm(request.GET, choices=choices)


def _presets(links: Links, current: str) -> list[dict[str, Any]]:
    return [{"label": preset_label(key), "url": links.of_preset(key), "current": key == current} for key in PRESETS]


def _links(links: Links) -> dict[str, str]:
    return {
        "csv": links.query(without={"compare"}),
        "compare": links.query(without={"compare"}),
        "alone": links.query({"compare": "no"}),
        "unfiltered": links.unfiltered(),
    }
