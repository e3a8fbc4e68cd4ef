"""The organization as a customer: its name at Stripe, its payment methods, billing details and referrals."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0001_catalog"),
        ("credits", "0001_ledger"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="StripeCustomer",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="stripe_customer",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="PaymentMethod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment_methods",
                        to="organizations.organization",
                    ),
                ),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                ("kind", models.CharField(max_length=30, verbose_name="kind")),
                ("brand", models.CharField(blank=True, max_length=30, verbose_name="brand")),
                ("last4", models.CharField(blank=True, max_length=4, verbose_name="last four digits")),
                ("exp_month", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("exp_year", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("is_default", models.BooleanField(default=False, verbose_name="default")),
                ("attached_at", models.DateTimeField()),
                ("detached_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "payment method",
                "verbose_name_plural": "payment methods",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("detached_at", None), ("is_default", True)),
                        fields=("organization",),
                        name="payment_method_has_one_default",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BillingDetails",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="billing_details",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("legal_name", models.CharField(blank=True, max_length=200, verbose_name="legal name")),
                ("address", models.TextField(blank=True, max_length=500, verbose_name="address")),
                ("tax_number", models.CharField(blank=True, max_length=50, verbose_name="tax or registration number")),
                (
                    "receipt_email",
                    models.EmailField(blank=True, max_length=254, verbose_name="email address for receipts"),
                ),
            ],
            options={
                "verbose_name": "billing details",
                "verbose_name_plural": "billing details",
            },
        ),
        migrations.CreateModel(
            name="ReferralCode",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="referral_code",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("code", models.CharField(max_length=20, unique=True, verbose_name="code")),
            ],
        ),
        migrations.CreateModel(
            name="Referral",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "referrer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="referrals_made",
                        to="organizations.organization",
                    ),
                ),
                (
                    "referred",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="referral",
                        to="organizations.organization",
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("credited_at", models.DateTimeField(blank=True, null=True)),
                (
                    "referrer_operation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.operation",
                    ),
                ),
                (
                    "referred_operation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.operation",
                    ),
                ),
            ],
            options={
                "verbose_name": "referral",
                "verbose_name_plural": "referrals",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("referrer", models.F("referred")), _negated=True),
                        name="referral_is_not_to_oneself",
                    )
                ],
            },
        ),
    ]
