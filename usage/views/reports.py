"""The pages of what was used: the owners' of all of it, and each member's own."""

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from credits.forms import DaysForm
from credits.models import Wallet
from organizations.access import MemberRequest, member_required, owner_required
from organizations.models import Organization
from usage import limits, periods, reports
from usage.charts import usage_chart
from usage.forms import PRESETS, UsageForm, preset_label
from usage.reports import Dimension, Line, Report

# Rows of a table; the rest is added up in one line, so that every table sums to the same.
MOST_ROWS = 100


@require_safe
@owner_required
def usage(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show what was used in some days, over time and by feature, person, team, service and model."""
    wallet = _wallet(organization)
    if wallet is None:
        return render(request, "usage/usage.html", {"organization": organization})
    form = UsageForm(request.GET)
    context: dict[str, Any] = {"organization": organization, "program": wallet.program, "form": form}
    if not form.is_valid():
        return render(request, "usage/usage.html", {**context, "presets": _presets("")}, status=422)
    today = timezone.localdate()
    days = form.days(today)
    since, until = days.instants(ZoneInfo(organization.time_zone))
    report = reports.report(organization, since=since, until=until)
    context["form"] = DaysForm(initial={"since": days.first, "until": days.last})
    context |= {"presets": _presets(form.preset), "days": days, "report": report, "today": today}
    if len(report.over_time) > 1 and report.total.uses:
        context["chart"] = usage_chart(report, program=wallet.program, today=today)
    return render(request, "usage/usage.html", {**context, "tables": _tables(report)})


@require_safe
@member_required
def my_usage(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show members what they used themselves this month, and what is left of their own limit."""
    wallet = _wallet(organization)
    if wallet is None:
        return render(request, "usage/my_usage.html", {"organization": organization})
    zone, now = ZoneInfo(organization.time_zone), timezone.now()
    since, until = periods.this_month(timezone.localdate()).instants(zone)
    report = reports.report(
        organization, since=since, until=until, dimensions=["feature", "service"], user=request.user
    )
    month_on = limits.month_of(now, zone)
    context = {
        "organization": organization,
        "program": wallet.program,
        "report": report,
        "month_on": month_on,
        "limit": limits.read({organization.pk: month_on}, user_ids=[request.user.pk], team_ids=[], now=now).of_user(
            organization.pk, request.user.pk
        ),
        "tables": _tables(report),
    }
    return render(request, "usage/my_usage.html", context)


def _wallet(organization: Organization) -> Wallet | None:
    return Wallet.objects.select_related("program").filter(organization=organization).first()


def _presets(current: str) -> list[dict[str, Any]]:
    return [{"label": preset_label(key), "url": f"?range={key}", "current": key == current} for key in PRESETS]


def _tables(report: Report) -> list[dict[str, Any]]:
    """A table for every dimension in which there is something to tell apart."""
    titles: dict[Dimension, tuple[str, str]] = {
        "feature": (_("By feature"), _("Feature")),
        "user": (_("By person"), _("Person")),
        "team": (_("By team"), _("Team")),
        "service": (_("By service"), _("Service")),
        "model": (_("By model"), _("Model")),
    }
    tables = []
    for dimension, lines in report.by.items():
        title, column = titles[dimension]
        if lines and not (dimension in {"team", "model"} and len(lines) == 1 and lines[0].is_nameless):
            tables.append({"id": f"by-{dimension}", "title": title, "column": column, "lines": _shortened(lines)})
    return tables


def _shortened(lines: list[Line]) -> list[Line]:
    rest = lines[MOST_ROWS:]
    if not rest:
        return lines
    others = _("%(count)s others") % {"count": len(rest)}
    return [*lines[:MOST_ROWS], Line(others, sum(line.credits for line in rest), sum(line.uses for line in rest))]
