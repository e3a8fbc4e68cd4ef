"""The staff's page of jobs: how each stands, what its runs did, and running one now, with a reason."""

import uuid
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import queries, runs, tasks
from jobs.models import JobRun
from jobs.schedule import JOBS, Job
from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.models import User

PERMISSION = "jobs.change_jobrun"


class RunNowForm(forms.Form):
    """Why, and the token that becomes the run's id: a form that is sent twice asks once."""

    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, help_text=gettext_lazy("Kept in the audit events.")
    )


class JobFilter(admin.SimpleListFilter):
    """The runs of one job."""

    title = gettext_lazy("job")
    parameter_name = "job"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(name, name) for name in JOBS]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(job=self.value()) if self.value() else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """What became of them."""

    title = gettext_lazy("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("open", _("not ended")), ("failed", _("failed")), ("did", _("did something"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        if self.value() == "open":
            return queryset.filter(ended_at=None)
        if self.value() == "failed":
            return queryset.exclude(error="")
        return queryset.exclude(did={}) if self.value() == "did" else queryset


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """Above, how each job stands; below, the runs, newest first."""

    change_list_template = "jobs/admin/jobs.html"
    list_display = ["created_at", "job", "asked", "did_in_words", "error", "started_at", "ended_at", "attempts"]
    list_select_related = ["asked_by"]
    list_filter = [JobFilter, OutcomeFilter]
    ordering = ["-created_at"]
    show_full_result_count = False
    list_per_page = 50
    fields = [
        "job",
        "slot",
        "asked",
        "reason",
        "created_at",
        "started_at",
        "ended_at",
        "attempts",
        "did_in_words",
        "error",
        "worker",
    ]
    readonly_fields = ["asked", "did_in_words"]

    @admin.display(description=gettext_lazy("asked for by"))
    def asked(self, run: JobRun) -> str:
        """Who or what wanted the run."""
        if run.slot is not None:
            return _("the schedule")
        return str(run.asked_by) if run.asked_by else _("the command line")

    @admin.display(description=gettext_lazy("did"))
    def did_in_words(self, run: JobRun) -> str:
        """What it did: numbers by word."""
        return ", ".join(f"{word} {number}" for word, number in run.did.items())

    def get_urls(self) -> list[URLPattern]:
        """Add the address of "run now"."""
        run_now = path("run-now/<slug:name>/", self.admin_site.admin_view(self.run_now), name="jobs_jobrun_run_now")
        return [run_now, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show how each job stands above the list of runs."""
        context = {
            "title": _("Jobs"),
            "overview": queries.look(now=timezone.now()),
            "may_run": request.user.has_perm(PERMISSION),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def run_now(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask why, then have the job run. It can do no harm: a job does what its rows say is due, and that once."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        job = JOBS.get(name)
        if job is None:
            raise Http404
        form = RunNowForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._ask(request, job, form)
        run = runs.ask(
            job,
            actor=cast("User", request.user),
            reason=form.cleaned_data["reason"],
            run_id=form.cleaned_data["token"],
        )
        if tasks.hurry(run):
            messages.success(request, _("The job %(job)s starts as soon as a worker is free.") % {"job": name})
        else:
            messages.warning(
                request,
                _("The queue can't be reached now. The job %(job)s is begun when the workers are back.")
                % {"job": name},
            )
        return redirect("admin:jobs_jobrun_changelist")

    def _ask(self, request: HttpRequest, job: Job, form: RunNowForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Run now: %(job)s") % {"job": job.name},
            "job": job,
            "form": form,
        }
        return TemplateResponse(request, "jobs/admin/run_now.html", context, status=422 if form.is_bound else 200)
