"""Endpoints and the secrets that sign what is posted to them: one current secret each, encrypted."""

import django.contrib.postgres.fields
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
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=organizations.public_ids.webhook_endpoint_id, editable=False, max_length=32, unique=True
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhook_endpoints",
                        to="organizations.organization",
                    ),
                ),
                ("url", models.CharField(max_length=500, verbose_name="URL")),
                ("description", models.CharField(blank=True, max_length=150, verbose_name="description")),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="events",
                    ),
                ),
                ("allows_private", models.BooleanField(default=False, verbose_name="may be a private address")),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("disabled_at", models.DateTimeField(blank=True, null=True, verbose_name="turned off")),
                ("is_gone", models.BooleanField(default=False, verbose_name="returned 410 Gone")),
                ("last_delivered_at", models.DateTimeField(blank=True, null=True, verbose_name="last delivered")),
                ("failing_since", models.DateTimeField(blank=True, null=True, verbose_name="failing since")),
            ],
            options={
                "verbose_name": "webhook endpoint",
                "verbose_name_plural": "webhook endpoints",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "url"),
                        name="webhook_endpoint_has_its_address_alone",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_gone", False), ("disabled_at__isnull", False), _connector="OR"),
                        name="webhook_endpoint_that_is_gone_is_off",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="secrets",
                        to="webhooks.webhookendpoint",
                    ),
                ),
                ("sealed", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("signs_until", models.DateTimeField(blank=True, null=True, verbose_name="signs until")),
            ],
            options={
                "verbose_name": "webhook secret",
                "verbose_name_plural": "webhook secrets",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("signs_until", None)),
                        fields=("endpoint",),
                        name="webhook_endpoint_has_one_current_secret",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sealed__startswith", "whsec_"), _negated=True),
                        name="webhook_secret_is_encrypted",
                    ),
                ],
            },
        ),
    ]
