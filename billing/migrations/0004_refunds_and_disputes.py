"""Refunds, requests for them, and disputes, each with what it did to the grant."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_purchases"),
        ("credits", "0001_ledger"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefundRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_requests",
                        to="billing.purchase",
                    ),
                ),
                ("message", models.TextField(max_length=2000, verbose_name="message")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("granted", "approved"), ("declined", "declined")],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="requested")),
                ("answer", models.TextField(blank=True, max_length=2000, verbose_name="answer")),
                (
                    "answered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True, verbose_name="answered")),
            ],
            options={
                "verbose_name": "refund request",
                "verbose_name_plural": "refund requests",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")), fields=("purchase",), name="refund_request_is_open_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "granted", "declined"])),
                        name="refund_request_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=credits.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="billing.purchase"
                    ),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="amount, in minor units")),
                ("credits", models.BigIntegerField(verbose_name="credits")),
                (
                    "mode",
                    models.CharField(
                        choices=[("unspent", "only the unspent part"), ("all", "all of it; spent credits become debt")],
                        max_length=8,
                        verbose_name="mode",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "in progress"),
                            ("unknown", "outcome unknown"),
                            ("succeeded", "refunded"),
                            ("failed", "failed"),
                        ],
                        default="pending",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.TextField(verbose_name="reason")),
                ("stripe_id", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                (
                    "refunded_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "void_operation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.operation",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="started")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
            ],
            options={
                "verbose_name": "refund",
                "verbose_name_plural": "refunds",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "unknown", "succeeded", "failed"])),
                        name="refund_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["unspent", "all"])), name="refund_mode_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0), ("credits__gte", 0)), name="refund_in_bounds"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="billing.purchase"
                    ),
                ),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                ("status", models.CharField(max_length=40, verbose_name="status")),
                ("reason", models.CharField(blank=True, max_length=60, verbose_name="reason")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount, in minor units")),
                ("has_frozen", models.BooleanField(default=False, verbose_name="froze the grant")),
                (
                    "void_operation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.operation",
                    ),
                ),
                ("opened_at", models.DateTimeField(verbose_name="opened")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
            ],
            options={
                "verbose_name": "dispute",
                "verbose_name_plural": "disputes",
            },
        ),
    ]
