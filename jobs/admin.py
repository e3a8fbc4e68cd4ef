"""The staff's page about jobs: the state of each, its runs, and running one now."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import queries, runs, tasks
from jobs.models import JobRun
from jobs.schedule import JOBS, Job
from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.models import User


def run_now(job: Job, form: ActForm, actor: User) -> Done:
    """Request a run of the job. The form's token becomes the run's id, so a form sent twice requests one run."""
    asked = form.cleaned_data
    run = runs.request(job, actor=actor, reason=asked["reason"], run_id=asked["token"])
    if tasks.enqueue(run):
        return Done(message=_("The job %(job)s starts as soon as a worker is free.") % {"job": job.name})
    message = _("The queue is not reachable. The job %(job)s starts when the workers are back.") % {"job": job.name}
    return Done(message=message, level=messages.WARNING)


def described(job: Job) -> list[str]:
    """The job's name and purpose."""
    return [f"{job.name}: {job.purpose}"]


RUN_NOW = Act(
    name="run_now",
    label=gettext_lazy("Run now"),
    effect=gettext_lazy("Does only what is due, so an extra run does no harm."),
    permission="jobs.change_jobrun",
    describe=described,
    run=run_now,
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
    """The runs with one outcome."""

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
    """Above the state of each job, below the runs, newest first."""

    change_list_template = "jobs/admin/jobs.html"
    list_display = ["created_at", "job", "asked", "did_in_words", "error", "started_at", "ended_at", "attempts"]
    list_select_related = ["asked_by"]
    list_filter = [JobFilter, OutcomeFilter]
    ordering = ["-created_at"]
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

    @admin.display(description=gettext_lazy("requested by"))
    def asked(self, run: JobRun) -> str:
        """Who or what requested the run."""
        if run.slot is not None:
            return _("the schedule")
        return str(run.asked_by) if run.asked_by else _("the command line")

    @admin.display(description=gettext_lazy("did"))
    def did_in_words(self, run: JobRun) -> str:
        """What it did, as numbers by word."""
        return ", ".join(f"{word} {number}" for word, number in run.did.items())

    def get_urls(self) -> list[URLPattern]:
        """Add the address of "run now"."""
        run_now = path("run-now/<slug:name>/", self.admin_site.admin_view(self.run_now), name="jobs_jobrun_run_now")
        return [run_now, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the state of each job above the list of runs."""
        context = {
            "title": _("Jobs"),
            "overview": queries.overview(now=timezone.now()),
            "may_run": request.user.has_perm(RUN_NOW.permission),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def run_now(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask for the reason, then request a run of the job."""
        job = JOBS.get(name)
        if job is None:
            raise Http404
        return self.perform(request, RUN_NOW, job, back=reverse("admin:jobs_jobrun_changelist"))
