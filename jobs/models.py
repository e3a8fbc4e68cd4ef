"""Runs of jobs, one row each, and the heartbeat of the schedule."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from organizations.public_ids import new_uuid


class JobRun(models.Model):
    """A run of a job: for a slot of the schedule, or requested by a person with a reason.

    It is open until `ended_at`: waiting for a worker, in progress, or to be started again after `error` or a killed
    worker. `did`: what it did, numbers by word; empty if there was nothing to do. `error`: of the last attempt.
    """

    id = models.UUIDField(primary_key=True, default=new_uuid, editable=False)
    job = models.CharField(_("job"), max_length=60)
    slot = models.DateTimeField(_("slot"), null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("due"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    did = models.JSONField(_("result"), default=dict, blank=True)
    error = models.CharField(_("error"), max_length=1000, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("jobs")
        indexes = [
            models.Index(F("job"), F("created_at").desc(), name="job_run_by_time"),
            models.Index(F("job"), F("created_at").desc(), name="job_run_failed", condition=~Q(error="")),
            models.Index(fields=["job"], name="job_run_open", condition=Q(ended_at=None)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "slot"], name="job_runs_once_a_slot"),
            models.CheckConstraint(condition=Q(slot__isnull=False) | ~Q(reason=""), name="job_run_by_hand_says_why"),
            models.CheckConstraint(
                condition=Q(started_at=None, attempts=0, ended_at=None) | Q(started_at__isnull=False) & ~Q(attempts=0),
                name="job_run_is_started_by_an_attempt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.created_at:%Y-%m-%d %H:%M:%S}"


class Heartbeat(models.Model):
    """When a worker last checked what is due: one row for the installation."""

    beat_at = models.DateTimeField()
    worker = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.worker} {self.beat_at}"
