"""The owners' change history: every operation, newest first, the filtered whole as a file, and one operation opened."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from credits.history import export_csv, queries
from credits.history.forms import HistoryForm, read_edge, write_edge
from credits.history.queries import OperationsPage
from credits.models import EntryKind, Operation, Program, Wallet
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization

PER_PAGE = 50


@require_safe
@owner_required
def history(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the operations that the filters in the address let through, and what they sum up to."""
    wallet = _wallet(organization)
    if wallet is None:
        return render(request, "credits/history/history.html", {"organization": organization})
    features = _features(wallet.program)
    form = HistoryForm(request.GET, organization=organization, features=features)
    context: dict[str, Any] = {"organization": organization, "program": wallet.program, "features": features}
    page = _page(request, organization, wallet, form)
    if page is None:
        return render(request, "credits/history/history.html", {**context, "form": form}, status=422)
    is_filtered = any(form.cleaned_data.values())
    if is_filtered:
        context["sum"] = queries.operations_sum(wallet, form.filters(ZoneInfo(organization.time_zone)))
    context |= {"form": form, "is_filtered": is_filtered, "page": page}
    return render(request, "credits/history/history.html", {**context, **_links(request, organization, page)})


@require_safe
@owner_required
def as_csv(request: MemberRequest, organization: Organization) -> HttpResponseBase:
    """Send all operations that the filters let through as a file."""
    wallet = _wallet(organization)
    if wallet is None:
        raise Http404
    features = _features(wallet.program)
    form = HistoryForm(request.GET, organization=organization, features=features)
    if not form.is_valid():
        context = {"organization": organization, "program": wallet.program, "form": form}
        return render(request, "credits/history/history.html", context, status=422)
    zone = ZoneInfo(organization.time_zone)
    operations = queries.each_operation(wallet, filters=form.filters(zone))
    lines = export_csv.lines(operations, program=wallet.program, zone=zone, features=features)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{organization.slug}-history.csv"'
    return response


@require_safe
@owner_required
def operation(request: MemberRequest, organization: Organization, operation: UUID) -> HttpResponse:
    """Open one operation: what it moved in which grant, who caused it and when, under which key."""
    found = (
        Operation.objects.filter(pk=operation, wallet__organization=organization)
        .select_related("actor", "wallet__program")
        .first()
    )
    if found is None:
        raise Http404
    context = {
        "organization": organization,
        "program": found.wallet.program,
        "operation": found,
        "entries": queries.entries_of(found),
        "usage": found.subject if found.kind == EntryKind.RETURN else None,
        "features": _features(found.wallet.program),
    }
    return render(request, "credits/history/operation.html", context)


def _wallet(organization: Organization) -> Wallet | None:
    return Wallet.objects.select_related("program").filter(organization=organization).first()


def _features(program: Program) -> dict[str, str]:
    """The names of the program's features by key, through the relation that the meter brings: this room knows only
    the keys."""
    return dict(program.features.order_by("position", "name").values_list("key", "name"))


def _page(request: HttpRequest, organization: Organization, wallet: Wallet, form: HistoryForm) -> OperationsPage | None:
    """The operations to show, or None, with the reason in the form."""
    if not form.is_valid():
        return None
    try:
        before, after = (read_edge(request.GET.get(name, "")) for name in ("before", "after"))
    except ValueError:
        form.add_error(None, _("This page of the history no longer exists. Start again from the newest."))
        return None
    filters = form.filters(ZoneInfo(organization.time_zone))
    return queries.operations_page(wallet, before=before, after=after, limit=PER_PAGE, filters=filters)


def _links(request: HttpRequest, organization: Organization, page: OperationsPage) -> dict[str, str | None]:
    """Addresses of the neighbouring pages and of the file, with the filters that are set."""
    kept = QueryDict(mutable=True)
    kept.update(
        {name: value for name, value in request.GET.dict().items() if value and name not in {"before", "after"}}
    )
    here = reverse("history", args=[organization.slug])
    csv_url = reverse("history_csv", args=[organization.slug])

    def neighbour(name: str, edge: str) -> str | None:
        query = kept.copy()
        query[name] = edge
        return f"{here}?{query.urlencode()}" if edge else None

    return {
        "newer_url": neighbour("after", write_edge(page.previous)),
        "older_url": neighbour("before", write_edge(page.next)),
        "csv_url": f"{csv_url}?{kept.urlencode()}" if kept else csv_url,
    }
