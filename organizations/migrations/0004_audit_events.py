"""Audit events: who did what, when and why. The database refuses to change or delete what is recorded."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from sql.triggers import refusal, refuse_changes

FUNCTION = "organizations_auditevent_refuse_change"


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0003_api_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_events",
                        to="organizations.organization",
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("action", models.CharField(max_length=60, verbose_name="action")),
                ("target", models.CharField(blank=True, max_length=100, verbose_name="target")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("details", models.JSONField(default=dict)),
                ("key", models.CharField(blank=True, db_default="", default="", editable=False, max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "audit event",
                "verbose_name_plural": "audit events",
                "indexes": [models.Index(fields=["organization", "-created_at"], name="audit_event_by_organization")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("key", ""), _negated=True),
                        fields=("organization", "action", "key"),
                        name="audit_event_is_recorded_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        refusal(FUNCTION, "'audit events are append-only: % refused', TG_OP"),
        refuse_changes(
            "organizations_auditevent",
            "UPDATE OR DELETE",
            function=FUNCTION,
            names=("audit_event_rows_are_append_only", "audit_event_table_is_append_only"),
        ),
    ]
