"""Events, each once; their deliveries, one per endpoint; and every attempt with its answer."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import organizations.public_ids


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0001_people_and_organizations"),
        ("webhooks", "0001_endpoints"),
    ]

    operations = [
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
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
                ("type", models.CharField(max_length=40, verbose_name="type")),
                ("key", models.CharField(max_length=200)),
                ("data", models.JSONField(verbose_name="data")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred")),
            ],
            options={
                "verbose_name": "webhook event",
                "verbose_name_plural": "webhook events",
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "type", "key"), name="webhook_event_happens_once"),
                    models.CheckConstraint(
                        condition=models.Q(("organization__isnull", False), ("type", "test"), _connector="OR"),
                        name="webhook_event_names_its_organization",
                    ),
                ],
            },
        ),
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
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="webhooks.webhookevent",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="webhooks.webhookendpoint",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "pending"), ("delivered", "delivered"), ("failed", "failed")],
                        default="pending",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("next_try_at", models.DateTimeField(verbose_name="next try")),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
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
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_try_at"], name="webhook_delivery_due"
                    ),
                    models.Index(fields=["endpoint", "-id"], name="webhook_delivery_log"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("event", "endpoint"), name="webhook_event_goes_once_to_an_endpoint"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "delivered", "failed"])),
                        name="webhook_delivery_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state", "pending")),
                            models.Q(
                                models.Q(("state", "pending"), _negated=True),
                                models.Q(("closed_at", None), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="webhook_delivery_is_closed_with_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("claimed_until", None), ("state", "pending"), _connector="OR"),
                        name="webhook_delivery_is_claimed_while_pending",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tries", to="webhooks.webhookdelivery"
                    ),
                ),
                ("started_at", models.DateTimeField(verbose_name="started")),
                ("milliseconds", models.PositiveIntegerField(verbose_name="duration in ms")),
                ("status", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="response status")),
                (
                    "error",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("address", "address not allowed"),
                            ("name", "host name not found"),
                            ("time", "no response in time"),
                            ("connection", "connection failed"),
                            ("certificate", "invalid certificate"),
                            ("answer", "response is not HTTP"),
                            ("secret", "signing secret unreadable: create a new one"),
                        ],
                        max_length=20,
                        verbose_name="error",
                    ),
                ),
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
            ],
            options={
                "verbose_name": "webhook attempt",
                "verbose_name_plural": "webhook attempts",
                "indexes": [models.Index(fields=["started_at"], name="webhook_attempt_by_age")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status", None),
                                (
                                    "error__in",
                                    ["address", "name", "time", "connection", "certificate", "answer", "secret"],
                                ),
                            ),
                            models.Q(("error", ""), ("status__isnull", False)),
                            _connector="OR",
                        ),
                        name="webhook_attempt_has_a_status_or_an_error",
                    )
                ],
            },
        ),
    ]
