"""The staff's pages about notices and their mails; a mail that failed can be sent again."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.nudges import nudge_after_commit
from notices import addresses, delivery, kinds, tasks
from notices.audit_actions import Action
from notices.models import MailState, Notice, NoticeMail, RefusedAddress
from organizations import audit_events
from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from organizations.models import User

ORGANIZATION = ["organization__name", "organization__slug"]


def send_again(mails: list[NoticeMail], form: ActForm, actor: User) -> Done:
    """Send again those that failed. A mail that was sent stays sent: nobody gets the same mail twice."""
    with transaction.atomic():
        count = sum(_send_again(mail, actor=actor, reason=form.cleaned_data["reason"]) for mail in mails)
    return _done(count, len(mails))


def _send_again(mail: NoticeMail, *, actor: User, reason: str) -> bool:
    if mail.state != MailState.FAILED or not delivery.send_again(mail, now=timezone.now()):
        return False
    nudge_after_commit(tasks.send_mails)
    audit_events.record(
        action=Action.NOTICE_MAIL_SENT_AGAIN,
        organization=mail.notice.organization,
        actor=actor,
        target=str(mail.pk),
        reason=reason,
        details={"to": mail.user.public_id, "error": mail.error},
    )
    return True


def lift(refused: list[RefusedAddress], form: ActForm, actor: User) -> Done:
    """Send mails to these addresses again. What failed because of the refusal can then be sent again."""
    with transaction.atomic():
        count = sum(_lift(row, actor=actor, reason=form.cleaned_data["reason"]) for row in refused)
    return _done(count, len(refused))


def _lift(row: RefusedAddress, *, actor: User, reason: str) -> bool:
    if not addresses.lift(row.email):
        return False
    details = {"email": row.email, "said": row.reason}
    audit_events.record(action=Action.REFUSED_ADDRESS_LIFTED, actor=actor, reason=reason, details=details)
    return True


def _done(count: int, chosen: int) -> Done:
    return Done(message=_("Done for %(count)s of %(chosen)s.") % {"count": count, "chosen": chosen})


class KindFilter(admin.SimpleListFilter):
    """The notices, or the mails, of one kind; every registered kind can be chosen."""

    title = gettext_lazy("kind")
    parameter_name = "kind"
    path = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(kind.name, str(kind.label)) for kind in kinds.every()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(**{self.path: self.value()}) if self.value() else queryset


class MailKindFilter(KindFilter):
    """The same of a notice's mails."""

    path = "notice__kind"


class MailsInline(ReadOnlyInline):
    """A notice's mails."""

    model = NoticeMail
    fields = ["user", "state", "attempts", "next_try_at", "sent_at", "error"]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Newest first."""

    list_display = ["created_at", "organization", "kind_label", "user", "is_shown", "dismissed_at"]
    list_filter = [KindFilter]
    list_select_related = ["organization", "user"]
    search_fields = ["=id", "key", "user__email", "mails__user__email", *ORGANIZATION]
    ordering = ["-created_at"]
    inlines = [MailsInline]

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def kind_label(self, notice: Notice) -> str:
        return kinds.label_of(notice.kind)


@admin.register(NoticeMail)
class NoticeMailAdmin(ReadOnlyAdmin):
    """Newest first. A mail that failed can be sent again."""

    list_display = ["id", "organization", "kind", "user", "state", "attempts", "next_try_at", "sent_at", "error"]
    list_filter = ["state", MailKindFilter]
    list_select_related = ["notice__organization", "user"]
    search_fields = ["=id", "=notice__id", "user__email", *(f"notice__{field}" for field in ORGANIZATION)]
    ordering = ["-id"]
    list_acts = (
        Act(
            name="send_again",
            label=gettext_lazy("Send the selected failed mails again"),
            effect=gettext_lazy("Mails that were sent are not sent again."),
            permission="notices.change_noticemail",
            run=send_again,
        ),
    )

    @admin.display(description=gettext_lazy("organization"))
    def organization(self, mail: NoticeMail) -> str:
        return mail.notice.organization.name

    @admin.display(description=gettext_lazy("kind"))
    def kind(self, mail: NoticeMail) -> str:
        return kinds.label_of(mail.notice.kind)


@admin.register(RefusedAddress)
class RefusedAddressAdmin(ReadOnlyAdmin):
    """Newest first. A refusal that was the mail server's mistake can be lifted."""

    list_display = ["email", "refused_at", "reason"]
    search_fields = ["email", "reason"]
    ordering = ["-refused_at"]
    list_acts = (
        Act(
            name="lift",
            label=gettext_lazy("Send mails to the selected addresses again"),
            permission="notices.delete_refusedaddress",
            run=lift,
        ),
    )
