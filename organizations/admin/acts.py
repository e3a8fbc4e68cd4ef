"""What staff do besides editing rows: one page shows what will be done and asks for the reason, then one verb does it.

An admin names its acts: `row_acts` are offered on a row's page, `list_acts` for the rows chosen in its list. Permission
is checked here, every rule of the domain in the verb.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from organizations import audit_events
from organizations.admin.forms import ActForm
from organizations.audit_events import AuditAction
from organizations.models import Organization, User
from organizations.refusals import Refusal

# What an act is done to: a row, or the list of the rows that were chosen.
Subject = TypeVar("Subject")
Text = str | Promise
Link = tuple[Text, str]

# The page has a hidden field for each chosen row, and Django reads no more than 1,000 fields.
MOST_ROWS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an act did. `message` and `warnings` are shown to the person who asked.

    details: what the audit event of an act with an `action` holds; None: nothing changed, so no event is recorded.
    url: the page to go to, if not the one that the act was started from. show: answers instead of a redirect.
    """

    message: Text = ""
    level: int = messages.SUCCESS
    warnings: Sequence[str] = ()
    details: Mapping[str, Any] | None = None
    url: str = ""
    show: Callable[[HttpRequest], HttpResponse] | None = None


def _reason_only(_subject: Any, data: Any) -> ActForm:
    return ActForm(data)


def _always(_subject: Any) -> bool:
    return True


def _each(subject: Any) -> Sequence[str]:
    return [str(row) for row in subject] if isinstance(subject, list) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Generic[Subject]):
    """Something that staff may do, with a reason.

    name: part of its address. run: calls the domain verb; a Refusal that it raises is shown on the form.
    effect: what it will do, in a sentence. make_form: builds the form from the subject and the data sent, if any.
    action: the audit event to record in the same transaction; None where the verb records it itself.
    applies: whether a row's page offers it. describe: the lines that the page lists; by default the chosen rows.
    most: how many rows at once.
    """

    name: str
    label: Text
    permission: str
    run: Callable[[Subject, ActForm, User], Done]
    effect: Text = ""
    make_form: Callable[[Subject, Any], ActForm] = _reason_only
    action: AuditAction | None = None
    applies: Callable[[Subject], bool] = _always
    describe: Callable[[Subject], Sequence[str]] = _each
    most: int = MOST_ROWS


class ActsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin with acts."""

    change_form_template = "admin/row_with_acts.html"
    change_list_template = "admin/list_with_acts.html"
    row_acts: tuple[Act[Any], ...] = ()
    list_acts: tuple[Act[Any], ...] = ()

    def organization_of(self, row: Any) -> Organization | None:
        """The organization that a row and the audit events about it belong to, if any."""
        return getattr(row, "organization", None)

    def links_of_row(self, request: HttpRequest, row: Any) -> list[Link]:
        """Label and address of what this person may do to the row."""
        return [
            (act.label, reverse(f"admin:{self._address(act)}", args=[row.pk]))
            for act in self.row_acts
            if act.applies(row) and request.user.has_perm(act.permission)
        ]

    def links_of_list(self, request: HttpRequest) -> list[Link]:
        """Label and address of what this person may start from the list, without choosing rows."""
        del request
        return []

    def get_urls(self) -> list[URLPattern]:
        """Add one address for each act on a row."""
        own = [
            path(
                f"<path:object_id>/{act.name.replace('_', '-')}/",
                self.admin_site.admin_view(self._view_of(act)),
                name=self._address(act),
            )
            for act in self.row_acts
        ]
        return [*own, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Add the acts on chosen rows, for those who may."""
        if IS_POPUP_VAR in request.GET:
            return {}
        allowed = [act for act in self.list_acts if request.user.has_perm(act.permission)]
        return {
            **super().get_actions(request),
            **{act.name: (self._action_of(act), act.name, act.label) for act in allowed},
        }

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the row, with its acts."""
        row = self.get_object(request, object_id)
        acts = self.links_of_row(request, row) if row is not None else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with what can be started from it."""
        return super().changelist_view(request, {**(extra_context or {}), "acts": self.links_of_list(request)})

    def perform(
        self, request: HttpRequest, act: Act[Subject], subject: Subject, *, back: str, **shown: Any
    ) -> HttpResponse:
        """Ask for the reason, or, once a valid form is sent, do the act and go `back`, an address.

        shown: as `act_page` takes it. Raises PermissionDenied.
        """
        if not request.user.has_perm(act.permission):
            raise PermissionDenied
        form = act.make_form(subject, request.POST if request.method == "POST" else None)
        done = self._do(request, act, subject, form)
        if done is not None:
            return _answer(request, done) or redirect(done.url or back)
        return self._ask(request, act, subject, form, back=back, **shown)

    def _view_of(self, act: Act[Any]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            if not request.user.has_perm(act.permission):
                raise PermissionDenied
            row = self.get_object(request, object_id)
            if row is None:
                raise Http404
            back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
            shown = {"row": row, "subtitle": str(row), "organization": self.organization_of(row)}
            return self.perform(request, act, row, back=back, **shown)

        return view

    def _action_of(self, act: Act[Any]) -> Callable[..., HttpResponse | None]:
        def action(_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            rows = list(queryset[: act.most + 1])
            if len(rows) > act.most:
                messages.error(request, _("Choose at most %(count)s at a time.") % {"count": act.most})
                return None
            # The first post chooses the rows, the second answers the form.
            form = act.make_form(rows, request.POST if "reason" in request.POST else None)
            done = self._do(request, act, rows, form)
            if done is not None:
                return _answer(request, done)
            chosen = [("action", act.name), *((ACTION_CHECKBOX_NAME, row.pk) for row in rows)]
            return self._ask(request, act, rows, form, back=request.get_full_path(), hidden=chosen)

        return action

    def _do(self, request: HttpRequest, act: Act[Subject], subject: Subject, form: ActForm) -> Done | None:
        """Do what a valid form asks for and record it. None if the form is not valid, or with the refusal on it."""
        if not form.is_valid():
            return None
        actor = cast("User", request.user)
        try:
            with transaction.atomic() if act.action else nullcontext():
                done = act.run(subject, form, actor)
                if act.action and done.details is not None:
                    row = cast("models.Model", subject)
                    audit_events.record(
                        action=act.action,
                        organization=self.organization_of(row),
                        actor=actor,
                        target=str(row.pk),
                        reason=form.cleaned_data["reason"],
                        details=done.details,
                    )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return None
        return done

    def _ask(
        self, request: HttpRequest, act: Act[Subject], subject: Subject, form: ActForm, **shown: Any
    ) -> HttpResponse:
        notes = [act.effect] if act.effect else []
        return act_page(
            request,
            opts=self.opts,
            form=form,
            **{"title": act.label, "submit": act.label, "notes": notes, "subjects": act.describe(subject), **shown},
        )

    def _address(self, act: Act[Any]) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{act.name}"


def act_page(request: HttpRequest, *, opts: Any, form: forms.Form | None, back: str, **shown: Any) -> TemplateResponse:
    """The page of an act, with status 422 if the form is wrong. `shown` is described in the template."""
    context = {**admin.site.each_context(request), "opts": opts, "form": form, "back": back, **shown}
    is_wrong = form is not None and form.is_bound and not form.is_valid()
    return TemplateResponse(request, "admin/act.html", context, status=422 if is_wrong else 200)


def secret_page(request: HttpRequest, *, title: str, subject: str, secret: str, back: str) -> HttpResponse:
    """Show a new secret, this once. back: the address to go on to."""
    shown = {"title": title, "subtitle": subject, "secret": secret, "back": back}
    response = TemplateResponse(request, "admin/secret.html", {**admin.site.each_context(request), **shown})
    add_never_cache_headers(response)
    return response


def _answer(request: HttpRequest, done: Done) -> HttpResponse | None:
    """Show the messages; return the answer that the act itself makes, if any."""
    for warning in done.warnings:
        messages.warning(request, warning)
    if done.message:
        messages.add_message(request, done.level, str(done.message))
    return done.show(request) if done.show else None
