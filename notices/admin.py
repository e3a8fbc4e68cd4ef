"""The staff's pages about notices: what was told to whom, and what became of it; trying again, with a reason."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.nudges import nudge_after_commit
from notices import addresses, delivery, tasks
from notices.models import MailState, Notice, NoticeMail, RefusedAddress
from organizations import audit_events
from organizations.admin.audit_trail import ReadOnlyAdmin, ReadOnlyInline
from organizations.models import User

ORGANIZATION = ["organization__name", "organization__slug"]


class WhyForm(forms.Form):
    """Why something is done once more."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, help_text=gettext_lazy("Kept in the audit events.")
    )


class ActingAdmin(ReadOnlyAdmin):
    """A page to look at, with one action that asks why."""

    show_full_result_count = False
    list_per_page = 50
    # The action's own name, its label, and the permission that it takes.
    act: ClassVar[str]
    label: ClassVar[Any]
    permission: ClassVar[str]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The action, for those who may."""
        if not request.user.has_perm(self.permission):
            return {}
        return {self.act: (ActingAdmin._ask, self.act, self.label)}

    def _ask(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask why; then do it to all that can take it, each with an audit event."""
        form = WhyForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {"title": self.label, "selected": queryset, "form": form, "act": self.act, "submit": self.label}
            return TemplateResponse(
                request,
                "notices/admin/ask.html",
                {**self.admin_site.each_context(request), **context},
                status=422 if form.is_bound else 200,
            )
        actor, reason = cast("User", request.user), form.cleaned_data["reason"]
        with transaction.atomic():
            count = sum(self.do(row, actor=actor, reason=reason) for row in queryset)
        messages.success(request, _("Done for %(count)s of %(chosen)s.") % {"count": count, "chosen": len(queryset)})
        return None

    def do(self, row: Any, *, actor: User, reason: str) -> bool:
        """Act on one row and record it; return whether there was anything to do."""
        raise NotImplementedError


class MailsInline(ReadOnlyInline):
    """A notice's mails."""

    model = NoticeMail
    fields = ["user", "state", "attempts", "next_try_at", "sent_at", "error"]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Newest first."""

    list_display = ["created_at", "organization", "kind", "user", "is_shown", "put_away_at"]
    list_filter = ["kind"]
    list_select_related = ["organization", "user"]
    search_fields = ["=id", "key", "user__email", "mails__user__email", *ORGANIZATION]
    ordering = ["-created_at"]
    inlines = [MailsInline]
    show_full_result_count = False
    list_per_page = 50


@admin.register(NoticeMail)
class NoticeMailAdmin(ActingAdmin):
    """Newest first. What was given up can be tried again."""

    list_display = ["id", "organization", "kind", "user", "state", "attempts", "next_try_at", "sent_at", "error"]
    list_filter = ["state", "notice__kind"]
    list_select_related = ["notice__organization", "user"]
    search_fields = ["=id", "=notice__id", "user__email", *(f"notice__{field}" for field in ORGANIZATION)]
    ordering = ["-id"]
    act = "send_again"
    label = gettext_lazy("Try again to send the mails that were given up")
    permission = "notices.change_noticemail"

    @admin.display(description=gettext_lazy("organization"))
    def organization(self, mail: NoticeMail) -> str:
        return mail.notice.organization.name

    @admin.display(description=gettext_lazy("kind"))
    def kind(self, mail: NoticeMail) -> str:
        return mail.notice.get_kind_display()

    def do(self, row: NoticeMail, *, actor: User, reason: str) -> bool:
        """Owe the mail anew. One that was sent would be the same message again, which nobody would be shown."""
        if row.state != MailState.FAILED or not delivery.send_again(row, now=timezone.now()):
            return False
        nudge_after_commit(tasks.send_mails)
        audit_events.record(
            action="notice_mail.sent_again",
            organization=row.notice.organization,
            actor=actor,
            target=str(row.pk),
            reason=reason,
            details={"to": row.user.public_id, "error": row.error},
        )
        return True


@admin.register(RefusedAddress)
class RefusedAddressAdmin(ActingAdmin):
    """Newest first. A refusal that was the server's mistake can be lifted."""

    list_display = ["email", "refused_at", "reason"]
    search_fields = ["email", "reason"]
    ordering = ["-refused_at"]
    act = "lift"
    label = gettext_lazy("Send mails to the selected addresses again")
    permission = "notices.delete_refusedaddress"

    def do(self, row: RefusedAddress, *, actor: User, reason: str) -> bool:
        """Lift the refusal; what was given up because of it can then be sent again."""
        if not addresses.lift(row.email):
            return False
        details = {"email": row.email, "said": row.reason}
        audit_events.record(action="refused_address.lifted", actor=actor, reason=reason, details=details)
        return True
