"""Stripe's events, for staff to read; one can be processed again."""

import json

from django.contrib import admin, messages
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.audit_actions import Action
from billing.models import EventState, StripeEvent
from billing.stripe_events import inbox
from organizations import audit_events
from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.models import User


def process_again(event: StripeEvent, form: ActForm, actor: User) -> Done:
    """Process the event again, whatever its state. Harmless: Stripe is asked for the current state."""
    # Recorded first: processing calls Stripe, outside any transaction, and may be interrupted.
    audit_events.record(
        action=Action.STRIPE_EVENT_PROCESSED_AGAIN,
        actor=actor,
        target=event.event_id,
        reason=form.cleaned_data["reason"],
        details={"type": event.type, "was": event.state},
    )
    if inbox.process(event.pk, is_asked_for=True) == EventState.PROCESSED:
        return Done(message=_("The event was processed."))
    event.refresh_from_db()
    note = event.note or _("it is being processed")
    return Done(message=_("The event was not processed: %(note)s") % {"note": note}, level=messages.WARNING)


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    """Newest first. Found by the event's id, the id of its object, and type."""

    list_display = ["received_at", "type", "state", "object_id", "event_id", "attempts", "note"]
    list_filter = ["state", "is_live", "type"]
    search_fields = ["=event_id", "=object_id", "type"]
    ordering = ["-received_at"]
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
    row_acts = (
        Act(
            name="process_again",
            label=gettext_lazy("Process again"),
            effect=gettext_lazy("Asks Stripe for the current state and applies it, whatever happened before."),
            permission="billing.change_stripeevent",
            run=process_again,
        ),
    )

    @admin.display(description=gettext_lazy("content"))
    def content(self, event: StripeEvent) -> SafeString:
        """The event as Stripe sent it: the state then, not now."""
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, ensure_ascii=False))
