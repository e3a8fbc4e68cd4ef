"""Endpoints, for staff: created for one organization or for all, edited, tested, turned on and off."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.admin.acts import Act, Done, Text, secret_page
from organizations.admin.audited import AuditedAdmin
from organizations.admin.forms import ActForm, ReasonForm
from organizations.models import User
from webhooks import event_types
from webhooks.addresses import BadAddress, parse
from webhooks.by_hand import send_test
from webhooks.endpoints import change_endpoint, create_endpoint, disable_endpoint, enable_endpoint, rotate_secret
from webhooks.models import WebhookEndpoint

PERMISSION = "webhooks.change_webhookendpoint"
# The largest number that a primary key holds.
MAX_ID = 2**63 - 1
EDITED = ["organization", "url", "description", "event_types", "allows_private"]
READ = ["public_id", "last_delivered_at", "failing_since", "disabled_at", "is_gone", "created_by", "created_at"]


class EndpointForm(ReasonForm):
    """What staff enter for an endpoint."""

    event_types = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=lambda: [(each.name, each.name) for each in event_types.offered()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Select none to send all events, including future ones."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["organization", "url", "description", "event_types", "allows_private"]
        help_texts = {
            "organization": gettext_lazy("Leave empty for events of all organizations. It can’t be changed later."),
            "allows_private": gettext_lazy("Allows addresses on our own network, and http://."),
        }

    def clean(self) -> dict[str, Any]:
        """Refuse a URL that nothing may be sent to."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            parse(cleaned.get("url", ""), allows_private=bool(cleaned.get("allows_private")))
        except BadAddress as refusal:
            self.add_error("url", str(refusal))
        return cleaned


class RotateForm(ActForm):
    """The reason, and the secret that is replaced: a form sent twice makes one new secret."""

    replaces = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=MAX_ID)


def make_rotate_form(endpoint: WebhookEndpoint, data: Any) -> RotateForm:
    current = endpoint.secrets.filter(signs_until=None).values_list("pk", flat=True).first()
    return RotateForm(data, initial={"replaces": current})


def rotate(endpoint: WebhookEndpoint, form: ActForm, actor: User) -> Done:
    """Make a new secret and show it, this once."""
    asked = form.cleaned_data
    secret = rotate_secret(endpoint=endpoint, replaces=asked["replaces"] or 0, actor=actor, reason=asked["reason"])
    return Done(show=lambda request: show_secret(request, endpoint, secret))


def show_secret(request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
    """Show an endpoint's new secret, this once."""
    back = reverse("admin:webhooks_webhookendpoint_change", args=[endpoint.pk])
    return secret_page(request, title=_("Your new secret"), subject=endpoint.url, secret=secret, back=back)


def calling(verb: Callable[..., object], message: Text) -> Callable[[WebhookEndpoint, ActForm, User], Done]:
    """Run `verb` on the endpoint."""

    def run(endpoint: WebhookEndpoint, form: ActForm, actor: User) -> Done:
        verb(endpoint=endpoint, actor=actor, reason=form.cleaned_data["reason"])
        return Done(message=message)

    return run


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(AuditedAdmin):
    """Found by organization, URL and public id."""

    form = EndpointForm
    list_display = ["url", "organization", "description", "allows_private", "failing_since", "disabled_at"]
    list_filter = ["allows_private", "is_gone"]
    list_select_related = ["organization"]
    search_fields = ["url", "=public_id", "organization__slug", "organization__name"]
    ordering = ["-pk"]
    autocomplete_fields = ["organization"]
    row_acts = (
        Act(
            name="test",
            label=gettext_lazy("Send a test event"),
            effect=gettext_lazy("Sends an event of type “test” to the endpoint."),
            permission=PERMISSION,
            run=calling(send_test, gettext_lazy("The test event is on its way.")),
        ),
        Act(
            name="rotate",
            label=gettext_lazy("Create a new secret"),
            effect=gettext_lazy("The old secret also works for 24 hours."),
            permission=PERMISSION,
            make_form=make_rotate_form,
            run=rotate,
        ),
        Act(
            name="disable",
            label=gettext_lazy("Turn off"),
            effect=gettext_lazy("Nothing is sent while the endpoint is off. New events are not for it."),
            permission=PERMISSION,
            run=calling(disable_endpoint, gettext_lazy("The endpoint is off.")),
        ),
        Act(
            name="enable",
            label=gettext_lazy("Turn on"),
            effect=gettext_lazy("The endpoint gets the events that waited, and new ones."),
            permission=PERMISSION,
            run=calling(enable_endpoint, gettext_lazy("The endpoint is on.")),
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return [*EDITED, "reason"] if obj is None else [*EDITED, *READ, "reason"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return READ if obj is None else ["organization", *READ]

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: FBT001
        """Create or change it through the verbs; keep a new secret for the response alone."""
        names = ["url", "description", "event_types", "allows_private", "reason"]
        entered = {name: form.cleaned_data[name] for name in names}
        actor = cast("User", request.user)
        if change:
            change_endpoint(endpoint=obj, actor=actor, **entered)
            return
        created, secret = create_endpoint(organization=form.cleaned_data["organization"], actor=actor, **entered)
        obj.__dict__.update(created.__dict__)
        obj.shown_once = secret  # type: ignore[attr-defined]

    def response_add(
        self,
        request: HttpRequest,
        obj: WebhookEndpoint,
        post_url_continue: str | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Show the secret, this once."""
        return show_secret(request, obj, obj.shown_once)  # type: ignore[attr-defined]
