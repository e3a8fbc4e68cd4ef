"""What a program sells, and on which terms: packs, custom amounts, plans, promotions, a price per currency."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("credits", "0001_ledger"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Pack",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="packs", to="credits.program"
                    ),
                ),
                ("key", models.SlugField(verbose_name="key")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("credits", models.BigIntegerField(verbose_name="credits")),
                ("least_lots", models.PositiveIntegerField(default=1, verbose_name="minimum lots")),
                ("most_lots", models.PositiveIntegerField(default=1, verbose_name="maximum lots")),
                ("is_most_popular", models.BooleanField(default=False, verbose_name="most popular")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("is_sold", models.BooleanField(default=True, verbose_name="on sale")),
            ],
            options={
                "verbose_name": "pack",
                "verbose_name_plural": "packs",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "key"), name="pack_key_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("credits__gt", 0), ("credits__lte", 1000000000000)),
                        name="pack_credits_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("least_lots__gte", 1), ("most_lots__gte", models.F("least_lots"))),
                        name="pack_lots_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PackPrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "pack",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="prices", to="billing.pack"
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="price, in minor units")),
            ],
            options={
                "verbose_name": "pack price",
                "verbose_name_plural": "pack prices",
                "constraints": [
                    models.UniqueConstraint(fields=("pack", "currency"), name="pack_price_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="pack_price_currency_is_iso"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="pack_price_positive"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomAmount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="custom_amounts", to="credits.program"
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("least_minor", models.BigIntegerField(verbose_name="minimum, in minor units")),
                ("most_minor", models.BigIntegerField(verbose_name="maximum, in minor units")),
                ("step_minor", models.BigIntegerField(verbose_name="step, in minor units")),
                ("credits_per_step", models.BigIntegerField(verbose_name="credits per step")),
                ("is_sold", models.BooleanField(default=True, verbose_name="on sale")),
            ],
            options={
                "verbose_name": "custom amount",
                "verbose_name_plural": "custom amounts",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "currency"), name="custom_amount_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credits_per_step__gt", 0),
                            ("least_minor__gt", 0),
                            ("most_minor__gte", models.F("least_minor")),
                            ("step_minor__gt", 0),
                        ),
                        name="custom_amount_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="custom_amount_currency_is_iso"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="plans", to="credits.program"
                    ),
                ),
                ("key", models.SlugField(verbose_name="key")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("allowance", models.BigIntegerField(default=0, verbose_name="credits per month")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("is_sold", models.BooleanField(default=True, verbose_name="on sale")),
            ],
            options={
                "verbose_name": "plan",
                "verbose_name_plural": "plans",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "key"), name="plan_key_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("allowance__gte", 0), ("allowance__lte", 1000000000000)),
                        name="plan_allowance_in_bounds",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlanPrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="prices", to="billing.plan"
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="price per month, in minor units")),
                ("stripe_price_id", models.CharField(blank=True, max_length=255)),
            ],
            options={
                "verbose_name": "plan price",
                "verbose_name_plural": "plan prices",
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "currency"), name="plan_price_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="plan_price_currency_is_iso"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gte", 0)), name="plan_price_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SaleTerms",
            fields=[
                (
                    "program",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="sale_terms",
                        serialize=False,
                        to="credits.program",
                    ),
                ),
                (
                    "buyers",
                    models.CharField(
                        choices=[("any", "any organization"), ("on_paid_plan", "organizations on a paid plan")],
                        default="any",
                        max_length=12,
                        verbose_name="who may buy",
                    ),
                ),
                (
                    "needs_payment_method",
                    models.BooleanField(default=False, verbose_name="requires a saved payment method"),
                ),
                ("takes_bank_transfer", models.BooleanField(default=False, verbose_name="accepts bank transfers")),
                ("gives_tax_invoice", models.BooleanField(default=False, verbose_name="issues tax invoices")),
                ("seller", models.TextField(blank=True, max_length=500, verbose_name="seller")),
                ("bank_account", models.TextField(blank=True, max_length=500, verbose_name="bank account")),
                ("offers_link", models.BooleanField(default=False, verbose_name="offers Link")),
                ("reference_prefix", models.CharField(default="DD", max_length=5, verbose_name="prefix of references")),
                ("confirmation", models.CharField(blank=True, max_length=200, verbose_name="confirmation")),
                (
                    "purchase_refunds",
                    models.CharField(
                        choices=[("never", "never"), ("through_support", "through support")],
                        default="never",
                        max_length=16,
                        verbose_name="refunds of purchases",
                    ),
                ),
                (
                    "allowance_priority",
                    models.PositiveSmallIntegerField(default=50, verbose_name="priority of plan credits"),
                ),
                (
                    "invoiced_allowance_is_bank_transfer",
                    models.BooleanField(
                        default=False, verbose_name="plan credits of invoiced customers are recorded as bank transfer"
                    ),
                ),
                ("referrer_credits", models.BigIntegerField(default=0, verbose_name="credits for the referrer")),
                ("referred_credits", models.BigIntegerField(default=0, verbose_name="credits for the referred")),
                (
                    "referral_days",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="referral credits expire after days"
                    ),
                ),
                (
                    "recharge_pack",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.pack",
                    ),
                ),
                (
                    "recharge_threshold",
                    models.BigIntegerField(blank=True, null=True, verbose_name="default recharge threshold"),
                ),
            ],
            options={
                "verbose_name": "sale terms",
                "verbose_name_plural": "sale terms",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("buyers__in", ["any", "on_paid_plan"])), name="sale_terms_buyers_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("purchase_refunds__in", ["never", "through_support"])),
                        name="sale_terms_refunds_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("referred_credits__gte", 0), ("referrer_credits__gte", 0)),
                        name="sale_terms_referral_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("recharge_pack", None), ("recharge_threshold", None)),
                            models.Q(
                                ("recharge_pack__isnull", False),
                                ("recharge_threshold__gte", 0),
                                ("recharge_threshold__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="sale_terms_recharge_has_pack_and_threshold",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProgramCurrency",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="currencies", to="credits.program"
                    ),
                ),
                ("code", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "countries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=2),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="countries",
                    ),
                ),
                (
                    "recharge_monthly_limit_minor",
                    models.BigIntegerField(blank=True, null=True, verbose_name="default monthly recharge limit"),
                ),
            ],
            options={
                "verbose_name": "currency",
                "verbose_name_plural": "currencies",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "code"), name="program_currency_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[A-Z]{3}$")), name="program_currency_is_iso"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Promotion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="promotions", to="credits.program"
                    ),
                ),
                ("code", models.CharField(max_length=30, verbose_name="code")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("credits", models.BigIntegerField(blank=True, null=True, verbose_name="credits")),
                ("percent_off", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="percent off")),
                (
                    "validity_days",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="credits expire after days"),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="from")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="until")),
                (
                    "most_uses",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="maximum number of uses"),
                ),
            ],
            options={
                "verbose_name": "promotion",
                "verbose_name_plural": "promotions",
                "constraints": [
                    models.UniqueConstraint(
                        models.F("program"),
                        django.db.models.functions.text.Upper("code"),
                        name="promotion_code_is_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("credits__gt", 0),
                                ("credits__isnull", False),
                                ("credits__lte", 1000000000000),
                                ("percent_off", None),
                            ),
                            models.Q(
                                ("credits", None),
                                ("percent_off__gte", 1),
                                ("percent_off__isnull", False),
                                ("percent_off__lte", 100),
                            ),
                            _connector="OR",
                        ),
                        name="promotion_brings_credits_or_percent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("starts_at", None),
                            ("ends_at", None),
                            ("ends_at__gt", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="promotion_ends_after_it_starts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PromotionUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="billing.promotion"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotion_uses",
                        to="organizations.organization",
                    ),
                ),
                (
                    "operation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="credits.operation"
                    ),
                ),
                ("used_at", models.DateTimeField(verbose_name="used")),
            ],
            options={
                "verbose_name": "use of a promotion",
                "verbose_name_plural": "uses of promotions",
                "constraints": [
                    models.UniqueConstraint(fields=("promotion", "organization"), name="promotion_is_used_once_each")
                ],
            },
        ),
    ]
