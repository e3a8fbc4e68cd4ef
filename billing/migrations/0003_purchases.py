"""Purchases, with their quote. A form orders once, and a paid purchase has exactly one grant."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_customers"),
        ("credits", "0001_ledger"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Purchase",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=credits.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=20, unique=True, verbose_name="reference")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchases",
                        to="organizations.organization",
                    ),
                ),
                (
                    "pack",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchases",
                        to="billing.pack",
                    ),
                ),
                ("lots", models.PositiveIntegerField(default=1, verbose_name="lots")),
                ("name", models.CharField(max_length=140, verbose_name="item")),
                ("credits", models.BigIntegerField(verbose_name="credits")),
                ("validity_days", models.PositiveIntegerField(blank=True, null=True, verbose_name="expire after days")),
                ("list_amount_minor", models.BigIntegerField(verbose_name="list price, in minor units")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount, in minor units")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "promotion",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchases",
                        to="billing.promotion",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("card", "card"),
                            ("bank_transfer", "bank transfer"),
                            ("auto_recharge", "auto-recharge"),
                        ],
                        max_length=15,
                        verbose_name="method",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "preparing"),
                            ("open", "waiting for payment"),
                            ("processing", "processing"),
                            ("paid", "paid"),
                            ("failed", "failed"),
                            ("expired", "expired"),
                            ("canceled", "canceled"),
                        ],
                        default="pending",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("form_token", models.CharField(max_length=64)),
                (
                    "bought_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="ordered")),
                ("expires_at", models.DateTimeField(verbose_name="pay by")),
                ("paid_at", models.DateTimeField(blank=True, null=True, verbose_name="paid")),
                ("stripe_session_id", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("stripe_payment_intent_id", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("stripe_invoice_id", models.CharField(blank=True, max_length=255)),
                ("checkout_url", models.TextField(blank=True)),
                ("invoice_url", models.TextField(blank=True)),
                ("receipt_url", models.TextField(blank=True)),
                ("failure", models.CharField(blank=True, max_length=200, verbose_name="failure")),
                ("deposited_on", models.DateField(blank=True, null=True, verbose_name="deposited on")),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("billing_name", models.CharField(blank=True, max_length=200)),
                ("billing_address", models.TextField(blank=True)),
                ("billing_tax_number", models.CharField(blank=True, max_length=50)),
                (
                    "grant",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchase",
                        to="credits.grant",
                    ),
                ),
            ],
            options={
                "verbose_name": "purchase",
                "verbose_name_plural": "purchases",
                "indexes": [
                    models.Index(fields=["organization", "-created_at"], name="purchase_by_organization"),
                    models.Index(
                        condition=models.Q(("state__in", ["pending", "open", "processing"])),
                        fields=["state", "created_at"],
                        name="purchase_unsettled",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "form_token"), name="purchase_form_orders_once"),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("promotion__isnull", False), ("state__in", ["pending", "open", "processing", "paid"])
                        ),
                        fields=("organization", "promotion"),
                        name="purchase_uses_a_promotion_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ["card", "bank_transfer", "auto_recharge"])),
                        name="purchase_method_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["pending", "open", "processing", "paid", "failed", "expired", "canceled"])
                        ),
                        name="purchase_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="purchase_currency_is_iso"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credits__gt", 0), ("credits__lte", 1000000000000), ("lots__gte", 1)),
                        name="purchase_credits_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_minor__gte", 0), ("list_amount_minor__gte", models.F("amount_minor"))
                        ),
                        name="purchase_amount_within_list_price",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("grant__isnull", False), ("paid_at__isnull", False), ("state", "paid")),
                            models.Q(models.Q(("state", "paid"), _negated=True), ("grant", None), ("paid_at", None)),
                            _connector="OR",
                        ),
                        name="purchase_is_paid_with_its_grant",
                    ),
                ],
            },
        ),
    ]
