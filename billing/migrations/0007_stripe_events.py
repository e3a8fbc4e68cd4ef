"""Stripe's events, each stored once, with what became of it."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_auto_recharge"),
    ]

    operations = [
        migrations.CreateModel(
            name="StripeEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.CharField(max_length=255)),
                ("account", models.CharField(blank=True, max_length=255)),
                ("is_live", models.BooleanField(verbose_name="live")),
                ("type", models.CharField(max_length=100, verbose_name="type")),
                ("api_version", models.CharField(blank=True, max_length=40)),
                ("object_id", models.CharField(blank=True, max_length=255)),
                ("payload", models.JSONField()),
                ("created_at", models.DateTimeField(verbose_name="created at Stripe")),
                ("received_at", models.DateTimeField(verbose_name="received")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "received"),
                            ("processed", "processed"),
                            ("ignored", "ignored"),
                            ("failed", "failed"),
                        ],
                        default="received",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "next_try_at",
                    models.DateTimeField(
                        blank=True,
                        db_default=django.db.models.functions.datetime.Now(),
                        null=True,
                        verbose_name="next try",
                    ),
                ),
                ("processed_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True, verbose_name="note")),
            ],
            options={
                "verbose_name": "Stripe event",
                "verbose_name_plural": "Stripe events",
                "indexes": [
                    models.Index(fields=["object_id"], name="stripe_event_by_object"),
                    models.Index(
                        condition=models.Q(("state__in", ["received", "failed"])),
                        fields=["next_try_at"],
                        name="stripe_event_to_do",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "is_live", "event_id"), name="stripe_event_is_stored_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["received", "processed", "ignored", "failed"])),
                        name="stripe_event_state_known",
                    ),
                ],
            },
        ),
    ]
