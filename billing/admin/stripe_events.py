"""Stripe's events, to look up and to read; one may be worked off again, with a reason."""

import json
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import EventState, StripeEvent
from billing.stripe_events import inbox
from credits.admin.forms import ActForm
from organizations import audit_events
from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.models import User

PERMISSION = "billing.change_stripeevent"


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    """Newest first; found by the event's id, by the id of what it is about, and by type."""

    change_form_template = "credits/admin/ledger_row.html"
    list_display = ["received_at", "type", "state", "object_id", "event_id", "attempts", "note"]
    list_filter = ["state", "is_live", "type"]
    search_fields = ["=event_id", "=object_id", "type"]
    ordering = ["-received_at"]
    show_full_result_count = False
    list_per_page = 50
    fields = [
        "event_id",
        "type",
        "object_id",
        "state",
        "note",
        "attempts",
        "created_at",
        "received_at",
        "processed_at",
        "is_live",
        "account",
        "api_version",
        "content",
    ]
    readonly_fields = ["content"]

    @admin.display(description=gettext_lazy("content"))
    def content(self, event: StripeEvent) -> SafeString:
        """The event as Stripe sent it. It tells what was, not what is."""
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, ensure_ascii=False))

    def get_urls(self) -> list[URLPattern]:
        """Add the address of "process again"."""
        again = path(
            "<path:object_id>/process-again/",
            self.admin_site.admin_view(self.process_again),
            name="billing_stripeevent_process_again",
        )
        return [again, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the event, and "process again" to whoever may."""
        link = (_("Process again"), reverse("admin:billing_stripeevent_process_again", args=[object_id]))
        acts = [link] if request.user.has_perm(PERMISSION) else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def process_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then work the event off, whatever became of it before. It can do no harm: Stripe is asked anew."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        event = self.get_object(request, object_id)
        if event is None:
            raise Http404
        form = ActForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._ask(request, event, form)
        self._process(request, event, form.cleaned_data["reason"])
        return redirect("admin:billing_stripeevent_change", event.pk)

    def _process(self, request: HttpRequest, event: StripeEvent, reason: str) -> None:
        # Recorded first: the work talks to Stripe, outside any transaction, and may be cut short.
        audit_events.record(
            action="stripe_event.processed_again",
            actor=cast("User", request.user),
            target=event.event_id,
            reason=reason,
            details={"type": event.type, "was": event.state},
        )
        state = inbox.process(event.pk, is_asked_for=True)
        if state == EventState.PROCESSED:
            messages.success(request, _("The event was worked off."))
            return
        event.refresh_from_db()
        messages.warning(request, _("The event was not worked off: %(note)s") % {"note": event.note or _("being done")})

    def _ask(self, request: HttpRequest, event: StripeEvent, form: ActForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Process again"),
            "subtitle": str(event),
            "row": event,
            "form": form,
            "submit": _("Process again"),
            "back": _("Back"),
        }
        return TemplateResponse(request, "credits/admin/act.html", context, status=422 if form.is_bound else 200)
