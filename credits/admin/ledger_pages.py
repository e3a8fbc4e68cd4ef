"""What the staff's pages about the ledger share: rows to look at, and acts on them, each a page that asks why.

Nothing here writes: an act calls one verb of `credits.ledger` and leaves an audit event in the same transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from credits.admin.forms import ActForm
from credits.models import Program, Wallet
from organizations import audit_events
from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.formats import format_credits, format_credits_with_unit
from organizations.models import Organization, User

# Where the organization of a page is looked for: its name and slug, and the mail address of anyone in it.
SEARCHED = ["organization__name", "organization__slug", "organization__memberships__user__email"]


class Refused(Exception):
    """The ledger said no, in a sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did: the sentence that says so, and what its audit event tells (None: nothing new was done)."""

    sentence: str
    details: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Act:
    """Something that staff may do to a row: `name` is part of its address, `action` names its audit event.

    make_form: builds the form for the row (and the data sent). run: calls the ledger; raises Refused.
    """

    name: str
    label: str | Promise
    action: str
    permission: str
    make_form: Callable[[Any, Any], ActForm]
    run: Callable[[Any, ActForm, User], Done]


def amount(value: int, program: Program) -> str:
    """Write credits as the reader's language does, with the program's decimals."""
    return format_credits(value, decimals=program.decimals, language=get_language() or "en")


def with_unit(value: int, program: Program) -> str:
    """The same with the program's unit: "1 credit", "5,000 tokens"."""
    return format_credits_with_unit(
        value, decimals=program.decimals, unit=program.unit, language=get_language() or "en"
    )


def list_link(model: str, wallet: Wallet, label: str) -> SafeString:
    """Return a link to the wallet's rows of another page."""
    url = reverse(f"admin:credits_{model}_changelist")
    return format_html('<a href="{}?wallet__id__exact={}">{}</a>', url, wallet.pk, label)


class LedgerAdmin(ReadOnlyAdmin):
    """Rows of the ledger, to look at, with the acts that staff may do to one of them."""

    change_form_template = "credits/admin/ledger_row.html"
    show_full_result_count = False
    list_per_page = 50
    acts: tuple[Act, ...] = ()

    def organization_of(self, row: Any) -> Organization:
        """The organization that an audit event about this row belongs to."""
        return cast("Organization", row.wallet.organization)

    def get_urls(self) -> list[URLPattern]:
        """Add one address per act."""
        return [
            path(
                f"<path:object_id>/{act.name}/",
                self.admin_site.admin_view(self._view_of(act)),
                name=f"credits_{self.opts.model_name}_{act.name}",
            )
            for act in self.acts
        ] + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the row, and the acts that this person may do."""
        allowed = [act for act in self.acts if request.user.has_perm(act.permission)]
        links = [
            (act.label, reverse(f"admin:credits_{self.opts.model_name}_{act.name}", args=[object_id]))
            for act in allowed
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": links})

    def _view_of(self, act: Act) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            return self._act(request, object_id, act)

        return view

    def _act(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        """Ask why, then do it: once, however often the form is sent."""
        if not request.user.has_perm(act.permission):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        form = act.make_form(row, request.POST if request.method == "POST" else None)
        if form.is_valid() and self._do(request, row, act, form):
            return redirect(f"admin:credits_{self.opts.model_name}_change", row.pk)
        return self._answer(request, row, act, form)

    def _do(self, request: HttpRequest, row: models.Model, act: Act, form: ActForm) -> bool:
        """Do it and record it, or put the refusal on the form."""
        actor = cast("User", request.user)
        try:
            with transaction.atomic():
                done = act.run(row, form, actor)
                if done.details is not None:
                    audit_events.record(
                        action=act.action,
                        organization=self.organization_of(row),
                        actor=actor,
                        target=str(row.pk),
                        reason=form.cleaned_data["reason"],
                        details=done.details,
                    )
        except Refused as refusal:
            form.add_error(None, str(refusal))
            return False
        messages.success(request, done.sentence)
        return True

    def _answer(self, request: HttpRequest, row: models.Model, act: Act, form: ActForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": act.label,
            "subtitle": str(row),
            "row": row,
            "organization": self.organization_of(row),
            "form": form,
            "submit": act.label,
            "back": _("Back"),
        }
        status = 422 if form.is_bound else 200
        return TemplateResponse(request, "credits/admin/act.html", context, status=status)
