"""Runs of background jobs, each slot of the schedule once, and the heartbeat of what runs them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import organizations.public_ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="JobRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=organizations.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("job", models.CharField(max_length=60, verbose_name="job")),
                ("slot", models.DateTimeField(blank=True, null=True, verbose_name="slot")),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500, verbose_name="reason")),
                ("created_at", models.DateTimeField(verbose_name="due")),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("did", models.JSONField(blank=True, default=dict, verbose_name="result")),
                ("error", models.CharField(blank=True, max_length=1000, verbose_name="error")),
                ("worker", models.CharField(blank=True, max_length=200, verbose_name="worker")),
            ],
            options={
                "verbose_name": "job run",
                "verbose_name_plural": "jobs",
                "indexes": [
                    models.Index(
                        models.F("job"), models.OrderBy(models.F("created_at"), descending=True), name="job_run_by_time"
                    ),
                    models.Index(
                        models.F("job"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        condition=models.Q(("error", ""), _negated=True),
                        name="job_run_failed",
                    ),
                    models.Index(condition=models.Q(("ended_at", None)), fields=["job"], name="job_run_open"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("job", "slot"), name="job_runs_once_a_slot"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("slot__isnull", False), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="job_run_by_hand_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("attempts", 0), ("ended_at", None), ("started_at", None)),
                            models.Q(("started_at__isnull", False), models.Q(("attempts", 0), _negated=True)),
                            _connector="OR",
                        ),
                        name="job_run_is_started_by_an_attempt",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("beat_at", models.DateTimeField()),
                ("worker", models.CharField(max_length=200)),
            ],
        ),
    ]
