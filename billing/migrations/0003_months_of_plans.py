"""What a plan's months leave behind: credits granted, prices at Stripe, checkouts, and when Stripe was last asked."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_purchases_keep_their_names"),
        ("credits", "0005_index_what_is_not_usage"),
        ("organizations", "0003_audit_events_are_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=300, unique=True)),
                ("period_start", models.DateTimeField(verbose_name="period from")),
                ("period_end", models.DateTimeField(verbose_name="period to")),
                ("credits", models.BigIntegerField(verbose_name="credits")),
                ("recorded_at", models.DateTimeField(verbose_name="recorded")),
            ],
            options={
                "verbose_name": "plan credits of a period",
                "verbose_name_plural": "plan credits of periods",
            },
        ),
        migrations.CreateModel(
            name="PlanCheckout",
            fields=[
                (
                    "id",
                    models.UUIDField(default=credits.models.new_id, editable=False, primary_key=True, serialize=False),
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
                ("created_at", models.DateTimeField(verbose_name="begun")),
            ],
            options={
                "verbose_name": "checkout of a plan",
                "verbose_name_plural": "checkouts of plans",
            },
        ),
        migrations.CreateModel(
            name="StripePrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="price a month, in minor units")),
            ],
            options={
                "verbose_name": "price at Stripe",
                "verbose_name_plural": "prices at Stripe",
            },
        ),
        migrations.AddField(
            model_name="subscription",
            name="revision",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="subscription",
            name="settled_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="unpaid_invoice_url",
            field=models.TextField(blank=True),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("state", "canceled"), _negated=True),
                fields=["period_end"],
                name="subscription_by_period_end",
            ),
        ),
        migrations.AddField(
            model_name="allowance",
            name="operation",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="credits.operation",
            ),
        ),
        migrations.AddField(
            model_name="allowance",
            name="plan",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.plan"),
        ),
        migrations.AddField(
            model_name="allowance",
            name="subscription",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="allowances", to="billing.subscription"
            ),
        ),
        migrations.AddField(
            model_name="plancheckout",
            name="begun_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="plancheckout",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="plan_checkouts",
                to="organizations.organization",
            ),
        ),
        migrations.AddField(
            model_name="plancheckout",
            name="plan",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.plan"),
        ),
        migrations.AddField(
            model_name="stripeprice",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="stripe_prices", to="billing.plan"
            ),
        ),
        migrations.AddIndex(
            model_name="allowance",
            index=models.Index(fields=["subscription", "-period_start"], name="allowance_by_period"),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.CheckConstraint(condition=models.Q(("credits__gt", 0)), name="allowance_positive"),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.CheckConstraint(
                condition=models.Q(("period_end__gt", models.F("period_start"))), name="allowance_period_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="plancheckout",
            constraint=models.UniqueConstraint(
                fields=("organization", "form_token"), name="plan_checkout_form_opens_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="plancheckout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stage", "open")), fields=("organization",), name="plan_checkout_is_open_alone"
            ),
        ),
        migrations.AddConstraint(
            model_name="plancheckout",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ["open", "complete", "expired"])), name="plan_checkout_stage_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="stripeprice",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="stripe_price_currency_is_iso"
            ),
        ),
        migrations.AddConstraint(
            model_name="stripeprice",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gte", 0)), name="stripe_price_not_negative"
            ),
        ),
    ]
