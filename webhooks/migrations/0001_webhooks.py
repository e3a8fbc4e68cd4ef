"""Endpoints of the product's servers, events, deliveries and their tries."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import organizations.public_ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0003_audit_events_are_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=organizations.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "to be delivered"), ("delivered", "delivered"), ("failed", "given up")],
                        default="pending",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("next_try_at", models.DateTimeField(verbose_name="next try")),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(verbose_name="started")),
                ("milliseconds", models.PositiveIntegerField(verbose_name="took, in ms")),
                ("status", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="answered")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                ("response", models.CharField(blank=True, max_length=1000, verbose_name="response")),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tries", to="webhooks.webhookdelivery"
                    ),
                ),
            ],
        ),
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
                ("url", models.URLField(max_length=500, verbose_name="address")),
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
                ("secret", models.CharField(max_length=100)),
                ("previous_secret", models.CharField(blank=True, max_length=100)),
                ("previous_secret_until", models.DateTimeField(blank=True, null=True)),
                ("allows_private", models.BooleanField(default=False, verbose_name="may be a private address")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("disabled_at", models.DateTimeField(blank=True, null=True, verbose_name="switched off")),
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
            ],
            options={
                "verbose_name": "webhook endpoint",
                "verbose_name_plural": "webhook endpoints",
            },
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="endpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="webhooks.webhookendpoint"
            ),
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=organizations.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("balance.low", "the balance is low"),
                            ("balance.depleted", "no credits are left"),
                            ("balance.restored", "there are credits again"),
                            ("purchase.paid", "a purchase is paid"),
                            ("limit.reached", "a monthly limit is reached"),
                        ],
                        max_length=40,
                        verbose_name="type",
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("data", models.JSONField(verbose_name="data")),
                ("occurred_at", models.DateTimeField(verbose_name="happened")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook event",
                "verbose_name_plural": "webhook events",
            },
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="webhooks.webhookevent"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookevent",
            constraint=models.UniqueConstraint(
                fields=("organization", "type", "key"), name="webhook_event_happens_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "type__in",
                        ["balance.low", "balance.depleted", "balance.restored", "purchase.paid", "limit.reached"],
                    )
                ),
                name="webhook_event_type_known",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["next_try_at"], name="webhook_delivery_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(
                fields=("event", "endpoint"), name="webhook_event_goes_once_to_an_endpoint"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "delivered", "failed"])),
                name="webhook_delivery_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("state", "pending")),
                    models.Q(
                        models.Q(("state", "pending"), _negated=True), models.Q(("closed_at", None), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="webhook_delivery_is_closed_with_a_time",
            ),
        ),
    ]
