"""Secrets in a table of their own, encrypted; the health of endpoints; tests of an endpoint as events."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0003_audit_events_are_append_only"),
        ("webhooks", "0001_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("signs_until", models.DateTimeField(blank=True, null=True, verbose_name="signs until")),
            ],
            options={
                "verbose_name": "webhook secret",
                "verbose_name_plural": "webhook secrets",
            },
        ),
        migrations.AlterModelOptions(
            name="webhookattempt",
            options={"verbose_name": "webhook attempt", "verbose_name_plural": "webhook attempts"},
        ),
        migrations.RemoveConstraint(
            model_name="webhookevent",
            name="webhook_event_type_known",
        ),
        migrations.RemoveField(
            model_name="webhookendpoint",
            name="previous_secret",
        ),
        migrations.RemoveField(
            model_name="webhookendpoint",
            name="previous_secret_until",
        ),
        # So that the way back can give existing rows something.
        migrations.AlterField(
            model_name="webhookendpoint",
            name="secret",
            field=models.CharField(max_length=100, default="", blank=True),
        ),
        migrations.RemoveField(
            model_name="webhookendpoint",
            name="secret",
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="asked_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="failing_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="failing since"),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="is_gone",
            field=models.BooleanField(default=False, verbose_name="answered that it is gone"),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="last_delivered_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last delivered"),
        ),
        migrations.AlterField(
            model_name="webhookattempt",
            name="error",
            field=models.CharField(
                blank=True,
                choices=[
                    ("address", "the address is not one that may be called"),
                    ("name", "its name leads nowhere"),
                    ("time", "no answer in time"),
                    ("connection", "no connection, or it broke off"),
                    ("certificate", "its certificate is not valid"),
                    ("answer", "what it answered is not HTTP"),
                    ("secret", "its secret can’t be read here any more: make a new one"),
                ],
                max_length=20,
                verbose_name="error",
            ),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="endpoint",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="webhooks.webhookendpoint",
            ),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="event",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="webhooks.webhookevent",
            ),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="url",
            field=models.CharField(max_length=500, verbose_name="address"),
        ),
        migrations.AlterField(
            model_name="webhookevent",
            name="organization",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AlterField(
            model_name="webhookevent",
            name="type",
            field=models.CharField(
                choices=[
                    ("balance.low", "the balance is low"),
                    ("balance.depleted", "no credits are left"),
                    ("balance.restored", "there are credits again"),
                    ("purchase.paid", "a purchase is paid"),
                    ("limit.reached", "a monthly limit is reached"),
                    ("test", "a test"),
                ],
                max_length=40,
                verbose_name="type",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookattempt",
            index=models.Index(fields=["started_at"], name="webhook_attempt_by_age"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["endpoint", "-id"], name="webhook_delivery_log"),
        ),
        migrations.AddConstraint(
            model_name="webhookattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status", None),
                        ("error__in", ["address", "name", "time", "connection", "certificate", "answer", "secret"]),
                    ),
                    models.Q(("error", ""), ("status__isnull", False)),
                    _connector="OR",
                ),
                name="webhook_attempt_has_a_status_or_an_error",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("claimed_until", None), ("state", "pending"), _connector="OR"),
                name="webhook_delivery_is_claimed_while_pending",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.UniqueConstraint(
                fields=("organization", "url"), name="webhook_endpoint_has_its_address_alone", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "event_types__contained_by",
                        ["balance.low", "balance.depleted", "balance.restored", "purchase.paid", "limit.reached"],
                    )
                ),
                name="webhook_endpoint_events_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_gone", False), ("disabled_at__isnull", False), _connector="OR"),
                name="webhook_endpoint_that_is_gone_is_off",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "type__in",
                        [
                            "balance.low",
                            "balance.depleted",
                            "balance.restored",
                            "purchase.paid",
                            "limit.reached",
                            "test",
                        ],
                    )
                ),
                name="webhook_event_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("organization__isnull", False), ("type", "test"), _connector="OR"),
                name="webhook_event_names_its_organization",
            ),
        ),
        migrations.AddField(
            model_name="webhooksecret",
            name="endpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="secrets", to="webhooks.webhookendpoint"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhooksecret",
            constraint=models.UniqueConstraint(
                condition=models.Q(("signs_until", None)),
                fields=("endpoint",),
                name="webhook_endpoint_has_one_current_secret",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhooksecret",
            constraint=models.CheckConstraint(
                condition=models.Q(("sealed__startswith", "whsec_"), _negated=True), name="webhook_secret_is_encrypted"
            ),
        ),
    ]
