"""Deliveries with their attempts, for staff to read; chosen ones can be sent again."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, ngettext

from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from organizations.models import User
from organizations.refusals import Refusal
from webhooks import queries
from webhooks.by_hand import replay
from webhooks.event_types import documented
from webhooks.models import WebhookAttempt, WebhookDelivery

# More would keep the queue busy for too long.
MOST_AT_ONCE = 200


class AttemptInline(ReadOnlyInline):
    """The attempts of the delivery that are still kept."""

    model = WebhookAttempt
    fields = ["started_at", "milliseconds", "status", "error", "response", "asked_by"]
    ordering = ["-pk"]


def send_again(deliveries: list[WebhookDelivery], form: ActForm, actor: User) -> Done:
    """Send again each delivery that is not due or being sent already."""
    sent, warnings = 0, []
    for delivery in deliveries:
        try:
            replay(delivery=delivery, actor=actor, reason=form.cleaned_data["reason"])
            sent += 1
        except Refusal as refusal:
            warnings.append(f"{delivery}: {refusal}")
    message = ngettext("%(count)s delivery is on its way.", "%(count)s deliveries are on their way.", sent)
    return Done(message=message % {"count": sent} if sent else "", warnings=warnings)


class TypeFilter(admin.SimpleListFilter):
    """The deliveries of one type of event; every registered type can be chosen."""

    title = gettext_lazy("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(each.name, each.name) for each in documented()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(event__type=self.value()) if self.value() else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Newest first. Found by organization and by the endpoint's URL or public id."""

    inlines = [AttemptInline]
    list_display = ["happened", "event_type", "organization", "endpoint", "state", "attempts", "next_try_at"]
    list_filter = ["state", TypeFilter]
    list_select_related = ["event__organization", "endpoint"]
    search_fields = ["endpoint__url", "=endpoint__public_id", "event__organization__slug", "event__organization__name"]
    ordering = ["-pk"]
    fields = ["message_id", "event_type", "organization", "endpoint", "state", "attempts", "next_try_at", "body"]
    readonly_fields = ["message_id", "event_type", "organization", "body"]
    list_acts = (
        Act(
            name="send_again",
            label=gettext_lazy("Send the selected deliveries again"),
            effect=gettext_lazy("Each is sent again with the same message id, and retried if that fails."),
            permission="webhooks.change_webhookdelivery",
            run=send_again,
            most=MOST_AT_ONCE,
        ),
    )

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
