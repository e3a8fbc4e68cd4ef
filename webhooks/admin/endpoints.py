"""Endpoints, for staff: made for one organization or for all, changed, tried, switched; secrets are shown once."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.admin.audit_trail import AuditedAdmin, ReasonForm
from organizations.models import User
from organizations.refusals import Refusal
from webhooks.addresses import BadAddress, parse
from webhooks.by_hand import send_test
from webhooks.endpoints import change_endpoint, create_endpoint, disable_endpoint, enable_endpoint, rotate_secret
from webhooks.models import WANTED_TYPES, WebhookEndpoint


class EndpointForm(ReasonForm):
    """What staff say of an endpoint."""

    event_types = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=lambda: [(kind.value, kind.value) for kind in WANTED_TYPES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None: all of them, and those to come."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["organization", "url", "description", "event_types", "allows_private"]
        help_texts = {
            "organization": gettext_lazy("None: events of all organizations. It can’t be changed later."),
            "allows_private": gettext_lazy("It may be on our own network, and then by http:// too."),
        }

    def clean(self) -> dict[str, Any]:
        """Only what may be called."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            parse(cleaned.get("url", ""), allows_private=bool(cleaned.get("allows_private")))
        except BadAddress as refusal:
            self.add_error("url", str(refusal))
        return cleaned


class WhyForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


SAID = ["organization", "url", "description", "event_types", "allows_private"]
KNOWN = ["public_id", "last_delivered_at", "failing_since", "disabled_at", "is_gone", "created_by", "created_at"]
# What can be done with one endpoint, besides changing it: the button's words.
ACTS = {
    "test": gettext_lazy("Send a test event"),
    "rotate": gettext_lazy("Make a new secret"),
    "disable": gettext_lazy("Switch off"),
    "enable": gettext_lazy("Switch on"),
}
VERBS: dict[str, Callable[..., object]] = {
    "test": send_test,
    "disable": disable_endpoint,
    "enable": enable_endpoint,
}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(AuditedAdmin):
    """Found by organization, address and public id."""

    form = EndpointForm
    audited_as = "webhook_endpoint"
    change_form_template = "webhooks/admin/endpoint.html"
    list_display = ["url", "organization", "description", "allows_private", "failing_since", "disabled_at"]
    list_filter = ["allows_private", "is_gone"]
    list_select_related = ["organization"]
    search_fields = ["url", "=public_id", "organization__slug", "organization__name"]
    ordering = ["-pk"]
    autocomplete_fields = ["organization"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return [*SAID, "reason"] if obj is None else [*SAID, *KNOWN, "reason"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return KNOWN if obj is None else ["organization", *KNOWN]

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: FBT001
        """Make or change it through the verbs; a new secret is kept for the answer, nowhere else."""
        names = ["url", "description", "event_types", "allows_private", "reason"]
        said = {name: form.cleaned_data[name] for name in names}
        actor = cast("User", request.user)
        if change:
            change_endpoint(endpoint=obj, actor=actor, **said)
            return
        made, secret = create_endpoint(organization=form.cleaned_data["organization"], actor=actor, **said)
        obj.__dict__.update(made.__dict__)
        obj.shown_once = secret  # type: ignore[attr-defined]

    def response_add(
        self,
        request: HttpRequest,
        obj: WebhookEndpoint,
        post_url_continue: str | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Show the secret, this once."""
        return self._show(request, obj, obj.shown_once)  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the acts."""
        act = path("<path:object_id>/act/<str:act>/", self.admin_site.admin_view(self.act), name="webhook_endpoint_act")
        return [act, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the endpoint, and what can be done with it to whoever may."""
        acts = []
        if self.has_change_permission(request):
            address = "admin:webhook_endpoint_act"
            acts = [(label, reverse(address, args=[object_id, act])) for act, label in ACTS.items()]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def act(self, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        """Ask why; then do it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        endpoint = self.get_object(request, object_id)
        if endpoint is None or act not in ACTS:
            raise Http404
        form = WhyForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._ask(request, endpoint, form, act)
        try:
            return self._do(request, endpoint, act, reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:webhooks_webhookendpoint_change", endpoint.pk)

    def _do(self, request: HttpRequest, endpoint: WebhookEndpoint, act: str, *, reason: str) -> HttpResponse:
        actor = cast("User", request.user)
        if act == "rotate":
            replaces = request.POST.get("replaces", "")
            number = int(replaces) if replaces.isascii() and replaces.isdigit() and len(replaces) < 19 else 0
            secret = rotate_secret(endpoint=endpoint, replaces=number, actor=actor, reason=reason)
            return self._show(request, endpoint, secret)
        VERBS[act](endpoint=endpoint, actor=actor, reason=reason)
        messages.success(request, _("Done: %(act)s.") % {"act": ACTS[act]})
        return redirect("admin:webhooks_webhookendpoint_change", endpoint.pk)

    def _ask(self, request: HttpRequest, endpoint: WebhookEndpoint, form: WhyForm, act: str) -> HttpResponse:
        hidden = [("replaces", endpoint.secrets.filter(signs_until=None).values_list("pk", flat=True).first())]
        context = {
            **self.admin_site.each_context(request),
            "title": ACTS[act],
            "rows": [endpoint],
            "form": form,
            "hidden": hidden,
        }
        return TemplateResponse(request, "webhooks/admin/why.html", context, status=422 if form.is_bound else 200)

    def _show(self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
        context = {"title": _("Your new secret"), "endpoint": endpoint, "secret": secret}
        response = TemplateResponse(
            request, "webhooks/admin/secret.html", {**self.admin_site.each_context(request), **context}
        )
        add_never_cache_headers(response)
        return response
