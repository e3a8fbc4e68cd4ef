"""Subscriptions, the credits that each period brought, prices made at Stripe, and checkouts of plans."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_refunds_and_disputes"),
        ("credits", "0001_ledger"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscription",
                        to="organizations.organization",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="subscriptions", to="billing.plan"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("incomplete", "waiting for payment"),
                            ("active", "active"),
                            ("past_due", "payment overdue"),
                            ("canceled", "ended"),
                        ],
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("is_invoiced", models.BooleanField(default=False, verbose_name="invoiced")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("stripe_id", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("anchor_at", models.DateTimeField(verbose_name="anchored to")),
                ("period_start", models.DateTimeField(verbose_name="period from")),
                ("period_end", models.DateTimeField(verbose_name="period to")),
                (
                    "ends_at_period_end",
                    models.BooleanField(default=False, verbose_name="ends at the end of the period"),
                ),
                (
                    "next_plan",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.plan",
                    ),
                ),
                ("unpaid_invoice_url", models.TextField(blank=True)),
                ("revision", models.PositiveIntegerField(default=0)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "subscription",
                "verbose_name_plural": "subscriptions",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "canceled"), _negated=True),
                        fields=["period_end"],
                        name="subscription_by_period_end",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["incomplete", "active", "past_due", "canceled"])),
                        name="subscription_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gt", models.F("period_start"))),
                        name="subscription_period_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_invoiced", False), ("stripe_id", None), _connector="OR"),
                        name="subscription_is_invoiced_or_at_stripe",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Allowance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allowances",
                        to="billing.subscription",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.plan"),
                ),
                ("key", models.CharField(max_length=300, unique=True)),
                ("period_start", models.DateTimeField(verbose_name="period from")),
                ("period_end", models.DateTimeField(verbose_name="period to")),
                ("credits", models.BigIntegerField(verbose_name="credits")),
                (
                    "operation",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.operation",
                    ),
                ),
                ("recorded_at", models.DateTimeField(verbose_name="recorded")),
            ],
            options={
                "verbose_name": "plan credits of a period",
                "verbose_name_plural": "plan credits of periods",
                "indexes": [models.Index(fields=["subscription", "-period_start"], name="allowance_by_period")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("credits__gt", 0)), name="allowance_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gt", models.F("period_start"))),
                        name="allowance_period_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StripePrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="stripe_prices", to="billing.plan"
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="price per month, in minor units")),
            ],
            options={
                "verbose_name": "price at Stripe",
                "verbose_name_plural": "prices at Stripe",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="stripe_price_currency_is_iso"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gte", 0)), name="stripe_price_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlanCheckout",
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
                        related_name="plan_checkouts",
                        to="organizations.organization",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.plan"),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "stage",
                    models.CharField(
                        choices=[("open", "open"), ("complete", "complete"), ("expired", "expired")],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("form_token", models.CharField(max_length=64)),
                ("stripe_session_id", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("url", models.TextField(blank=True)),
                (
                    "begun_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="started")),
            ],
            options={
                "verbose_name": "checkout of a plan",
                "verbose_name_plural": "checkouts of plans",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "form_token"), name="plan_checkout_form_opens_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("stage", "open")),
                        fields=("organization",),
                        name="plan_checkout_is_open_alone",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("stage__in", ["open", "complete", "expired"])),
                        name="plan_checkout_stage_known",
                    ),
                ],
            },
        ),
    ]
