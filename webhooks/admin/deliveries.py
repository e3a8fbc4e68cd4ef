"""Deliveries, to look up and to read with every try; chosen ones can be sent once more, with a reason."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from organizations.admin.audit_trail import ReadOnlyAdmin, ReadOnlyInline
from organizations.models import User
from organizations.refusals import Refusal
from webhooks import queries
from webhooks.admin.endpoints import WhyForm
from webhooks.by_hand import replay
from webhooks.models import WebhookAttempt, WebhookDelivery

MOST_AT_ONCE = 200


class AttemptInline(ReadOnlyInline):
    """Every try of the delivery that is still kept."""

    model = WebhookAttempt
    fields = ["started_at", "milliseconds", "status", "error", "response", "asked_by"]
    ordering = ["-pk"]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Newest first; found by organization and by the endpoint's address or public id."""

    inlines = [AttemptInline]
    list_display = ["happened", "event_type", "organization", "endpoint", "state", "attempts", "next_try_at"]
    list_filter = ["state", "event__type"]
    list_select_related = ["event__organization", "endpoint"]
    search_fields = ["endpoint__url", "=endpoint__public_id", "event__organization__slug", "event__organization__name"]
    ordering = ["-pk"]
    show_full_result_count = False
    list_per_page = 50
    fields = ["message_id", "event_type", "organization", "endpoint", "state", "attempts", "next_try_at", "body"]
    readonly_fields = ["message_id", "event_type", "organization", "body"]
    actions = ["send_again"]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may change deliveries may have them sent again; nobody edits them."""
        return request.user.has_perm("webhooks.change_webhookdelivery")

    @admin.display(description=gettext_lazy("happened"), ordering="pk")
    def happened(self, delivery: WebhookDelivery) -> Any:
        return delivery.event.occurred_at

    @admin.display(description=gettext_lazy("type"))
    def event_type(self, delivery: WebhookDelivery) -> str:
        return delivery.event.type

    @admin.display(description=gettext_lazy("organization"))
    def organization(self, delivery: WebhookDelivery) -> str:
        return str(delivery.event.organization or "–")

    @admin.display(description=gettext_lazy("id"))
    def message_id(self, delivery: WebhookDelivery) -> str:
        return delivery.event.message_id

    @admin.display(description=gettext_lazy("message"))
    def body(self, delivery: WebhookDelivery) -> SafeString:
        return format_html("<pre>{}</pre>", queries.body(delivery))

    @admin.action(description=gettext_lazy("Send the selected deliveries again"), permissions=["replay"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse | None:
        """Ask why; then have each sent again that is not on its way already."""
        chosen = list(queryset[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            messages.error(request, _("Choose at most %(count)s at a time.") % {"count": MOST_AT_ONCE})
            return None
        form = WhyForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            self._replay(request, chosen, form.cleaned_data["reason"])
            return None
        hidden = [("action", "send_again"), *(("_selected_action", each.pk) for each in chosen)]
        context = {"title": _("Send deliveries again"), "rows": chosen, "form": form, "hidden": hidden}
        return TemplateResponse(
            request,
            "webhooks/admin/why.html",
            {**self.admin_site.each_context(request), **context},
            status=422 if form.is_bound else 200,
        )

    def _replay(self, request: HttpRequest, chosen: list[WebhookDelivery], reason: str) -> None:
        sent = 0
        for delivery in chosen:
            try:
                replay(delivery=delivery, actor=cast("User", request.user), reason=reason)
                sent += 1
            except Refusal as refusal:
                messages.warning(request, f"{delivery}: {refusal}")
        if sent:
            told = ngettext("%(count)s delivery is on its way.", "%(count)s deliveries are on their way.", sent)
            messages.success(request, told % {"count": sent})
