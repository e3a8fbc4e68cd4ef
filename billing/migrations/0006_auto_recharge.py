"""Auto-recharge: the owner's rule and consent, and the attempts, one at a time per organization."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0005_subscriptions"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="AutoRecharge",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="auto_recharge",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("is_on", models.BooleanField(default=False, verbose_name="on")),
                (
                    "pack",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.pack"),
                ),
                ("threshold", models.BigIntegerField(verbose_name="threshold")),
                ("monthly_limit_minor", models.BigIntegerField(verbose_name="monthly spending limit, in minor units")),
                ("lot_minor", models.BigIntegerField(verbose_name="price per lot, in minor units")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "consented_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("consented_at", models.DateTimeField(blank=True, null=True)),
                ("consent_text", models.TextField(blank=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                (
                    "pause_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("failures", "three payments failed"),
                            ("authentication", "the bank needs confirmation"),
                            ("staff", "paused by support"),
                        ],
                        max_length=15,
                    ),
                ),
            ],
            options={
                "verbose_name": "auto-recharge",
                "verbose_name_plural": "auto-recharges",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("lot_minor__gte", 1),
                            ("monthly_limit_minor__gte", models.F("lot_minor")),
                            ("threshold__gte", 1),
                        ),
                        name="auto_recharge_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_on", False),
                            models.Q(
                                ("consented_at__isnull", False),
                                ("consented_by__isnull", False),
                                models.Q(("consent_text", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="auto_recharge_is_on_with_consent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("pause_reason", ""), ("paused_at", None)),
                            models.Q(
                                ("pause_reason__in", ["failures", "authentication", "staff"]),
                                ("paused_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="auto_recharge_is_paused_with_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RechargeAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=credits.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recharge_attempts",
                        to="organizations.organization",
                    ),
                ),
                (
                    "purchase",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recharge_attempt",
                        to="billing.purchase",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "in progress"),
                            ("unknown", "outcome unknown"),
                            ("succeeded", "paid"),
                            ("failed", "failed"),
                            ("needs_person", "the bank needs confirmation"),
                        ],
                        default="pending",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("payment_method", models.CharField(max_length=255)),
                ("month_on", models.DateField(verbose_name="month")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount, in minor units")),
                ("error_code", models.CharField(blank=True, max_length=100)),
                ("error_message", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(verbose_name="started")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
            ],
            options={
                "verbose_name": "recharge attempt",
                "verbose_name_plural": "recharge attempts",
                "indexes": [models.Index(fields=["organization", "month_on"], name="recharge_attempt_by_month")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["pending", "unknown"])),
                        fields=("organization",),
                        name="recharge_attempt_is_alone_under_way",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["pending", "unknown", "succeeded", "failed", "needs_person"])
                        ),
                        name="recharge_attempt_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state__in", ["pending", "unknown"])),
                            models.Q(
                                models.Q(("state__in", ["pending", "unknown"]), _negated=True),
                                ("closed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="recharge_attempt_is_closed_with_a_time",
                    ),
                ],
            },
        ),
    ]
