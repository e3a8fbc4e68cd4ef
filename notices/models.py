"""Notices for owners and members, their mails, and how people want to get them.

A notice is written in the transaction of its cause and never changes, except that it is dismissed; its words are made
when it is read, in the reader's language (`kinds`).
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from organizations.models import Organization
from organizations.public_ids import new_uuid

# The names of kinds come from the rooms above (`kinds`), and no constraint lists them: a new one needs no migration.
LONGEST_KIND = 40


class Notice(models.Model):
    """Something that happened once: `key` names it within the organization. `details`: what its words are made from.

    `user`: whom alone it is for; without one it is for the owners.
    """

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="notices", db_index=False)
    kind = models.CharField(_("kind"), max_length=LONGEST_KIND)
    key = models.CharField(max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="notices"
    )
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("created"))
    # Whether it is shown on the dashboard, as the settings were, until it is dismissed.
    is_shown = models.BooleanField(_("on the dashboard"), default=True)
    dismissed_at = models.DateTimeField(_("dismissed"), null=True, blank=True)
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="notice_by_time"),
            # What a newer notice may dismiss is read under the wallet's lock, however many were ever given.
            models.Index(
                fields=["organization", "-created_at"],
                condition=models.Q(dismissed_at=None, user=None),
                name="notice_open",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="notice_is_given_once"),
            models.CheckConstraint(condition=~models.Q(key=""), name="notice_has_a_key"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class MailState(models.TextChoices):
    PENDING = "pending", _("to be sent")
    SENT = "sent", _("sent")
    SKIPPED = "skipped", _("no longer needed")
    FAILED = "failed", _("failed")


class NoticeMail(models.Model):
    """One person's mail about a notice: written in the notice's own transaction, sent by `delivery`."""

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="mails")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=MailState, default=MailState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try"))
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("email")
        verbose_name_plural = _("emails")
        indexes = [
            models.Index(fields=["next_try_at"], condition=models.Q(state="pending"), name="notice_mail_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["notice", "user"], name="notice_is_mailed_once_to_a_person"),
            models.CheckConstraint(condition=models.Q(state__in=MailState.values), name="notice_mail_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="sent", sent_at__isnull=False)
                | ~models.Q(state="sent") & models.Q(sent_at=None),
                name="notice_mail_is_sent_with_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state}"


class NoticeSetting(models.Model):
    """How an organization's owners get a kind of notice. Without a row: by mail and on the dashboard."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="notice_settings")
    kind = models.CharField(_("kind"), max_length=LONGEST_KIND)
    by_mail = models.BooleanField(_("by email"), default=True)
    on_dashboard = models.BooleanField(_("on the dashboard"), default=True)

    class Meta:
        verbose_name = _("notice setting")
        verbose_name_plural = _("notice settings")
        constraints = [
            models.UniqueConstraint(fields=["organization", "kind"], name="notice_setting_per_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}"


class NoticeRecipient(models.Model):
    """A member who was chosen to get an organization's notices by mail. Without any: all owners."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="notice_recipients")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("recipient of notices")
        verbose_name_plural = _("recipients of notices")
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="notice_recipient_once")]

    def __str__(self) -> str:
        return f"{self.user}"


class Unsubscription(models.Model):
    """A person who unsubscribed from an organization's mails of a kind."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=LONGEST_KIND)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("unsubscription")
        verbose_name_plural = _("unsubscriptions")
        constraints = [
            models.UniqueConstraint(fields=["organization", "user", "kind"], name="unsubscribed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}"


class RefusedAddress(models.Model):
    """A mail address, in lower case, that a mail server refused for good: no notice is sent there until its owner
    confirms it again."""

    email = models.EmailField(_("email address"), max_length=254, unique=True)
    reason = models.CharField(_("what the server said"), max_length=300, blank=True)
    refused_at = models.DateTimeField(_("rejected"))

    class Meta:
        verbose_name = _("rejected address")
        verbose_name_plural = _("rejected addresses")

    def __str__(self) -> str:
        return self.email
