"""The ledger: programs, wallets, grants, operations and entries.

Unique keys begin with the wallet, whose lock every writer takes first. Entries have no foreign keys in the database:
on the busiest table these cost 1.7 times its write-ahead log. What entries name can't be deleted (0003), and the
auditor proves that nothing dangles.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import credits.models.base
import credits.models.programs


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Program",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(unique=True, verbose_name="key")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "unit",
                    models.CharField(
                        choices=[("credits", "credits"), ("tokens", "tokens")],
                        default="credits",
                        max_length=10,
                        verbose_name="unit",
                    ),
                ),
                ("decimals", models.PositiveSmallIntegerField(default=0, verbose_name="decimals")),
                (
                    "validity_days",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Leave empty if they never expire.",
                        null=True,
                        verbose_name="purchased credits expire after days",
                    ),
                ),
                (
                    "holding_limit",
                    models.BigIntegerField(
                        blank=True,
                        help_text="In smallest units. Leave empty for no limit.",
                        null=True,
                        verbose_name="holding limit",
                    ),
                ),
                (
                    "overdraft_limit",
                    models.BigIntegerField(
                        default=0,
                        help_text="How far settling a reservation may take the balance below zero, in smallest units.",
                        verbose_name="overdraft limit",
                    ),
                ),
                (
                    "at_zero",
                    models.CharField(
                        choices=[("refuse", "decline further use"), ("switch_off", "turn AI off in all services")],
                        default="refuse",
                        max_length=12,
                        verbose_name="at zero",
                    ),
                ),
                (
                    "reservation_seconds",
                    models.PositiveIntegerField(default=900, verbose_name="reservations time out after seconds"),
                ),
                (
                    "low_balance",
                    models.BigIntegerField(
                        blank=True,
                        help_text="For owners who set no value of their own. They are notified below it. Leave empty for no notice.",
                        null=True,
                        verbose_name="low-balance alert below",
                    ),
                ),
                (
                    "limit_thresholds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=credits.models.programs.default_limit_thresholds,
                        size=None,
                        verbose_name="default alert thresholds of limits, in percent",
                    ),
                ),
            ],
            options={
                "verbose_name": "program",
                "verbose_name_plural": "programs",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("unit__in", ["credits", "tokens"])), name="program_unit_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("at_zero__in", ["refuse", "switch_off"])), name="program_at_zero_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("decimals__lte", 6)), name="program_decimals_at_most_six"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("overdraft_limit__gte", 0), ("overdraft_limit__lte", 1000000000000)),
                        name="program_overdraft_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("holding_limit", None),
                            models.Q(("holding_limit__gt", 0), ("holding_limit__lte", 1000000000000000)),
                            _connector="OR",
                        ),
                        name="program_holding_limit_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("validity_days", None),
                            models.Q(("validity_days__gt", 0), ("validity_days__lte", 36500)),
                            _connector="OR",
                        ),
                        name="program_validity_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reservation_seconds__gte", 1), ("reservation_seconds__lte", 86400)),
                        name="program_reservations_end_within_a_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("low_balance", None),
                            models.Q(("low_balance__gt", 0), ("low_balance__lte", 1000000000000000)),
                            _connector="OR",
                        ),
                        name="program_low_balance_in_bounds",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Wallet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="wallet",
                        to="organizations.organization",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="wallets", to="credits.program"
                    ),
                ),
                ("balance", models.BigIntegerField(default=0)),
                ("reserved", models.BigIntegerField(default=0)),
                ("debt", models.BigIntegerField(default=0)),
                ("last_number", models.BigIntegerField(default=0)),
                ("last_written_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("recharging_until", models.DateTimeField(blank=True, null=True)),
                ("watched_below", models.BigIntegerField(blank=True, null=True)),
                ("low_below", models.BigIntegerField(blank=True, null=True, verbose_name="low-balance alert below")),
                ("low_since", models.DateTimeField(blank=True, null=True)),
                ("depleted_since", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "wallet",
                "verbose_name_plural": "wallets",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reserved__gte", 0)), name="wallet_reserved_not_negative"
                    ),
                    models.CheckConstraint(condition=models.Q(("debt__gte", 0)), name="wallet_debt_not_negative"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "balance__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("reserved"), "-", models.F("debt")
                                ),
                            )
                        ),
                        name="wallet_covers_what_is_reserved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("balance__lte", 1000000000000000), ("debt__lte", 1000000000000000)),
                        name="wallet_within_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("last_number__gte", 0)), name="wallet_number_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("low_below", None),
                            models.Q(("low_below__gte", 0), ("low_below__lte", 1000000000000000)),
                            _connector="OR",
                        ),
                        name="wallet_low_below_in_bounds",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=credits.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="credits.wallet",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("plan", "plan subscription"),
                            ("card", "card purchase"),
                            ("bank_transfer", "bank transfer"),
                            ("auto_recharge", "auto-recharge"),
                            ("promotion", "promotion"),
                            ("referral", "referral"),
                            ("goodwill", "goodwill"),
                        ],
                        max_length=20,
                        verbose_name="source",
                    ),
                ),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("remaining", models.BigIntegerField(verbose_name="remaining")),
                ("reserved", models.BigIntegerField(default=0, verbose_name="reserved")),
                ("priority", models.PositiveSmallIntegerField(default=50, verbose_name="priority")),
                ("effective_at", models.DateTimeField(verbose_name="effective from")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires")),
                ("cost_minor", models.BigIntegerField(default=0, verbose_name="paid, in minor units")),
                ("cost_currency", models.CharField(blank=True, max_length=3, verbose_name="currency")),
                (
                    "features",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100),
                        blank=True,
                        null=True,
                        size=None,
                        verbose_name="restricted to features",
                    ),
                ),
                ("frozen_at", models.DateTimeField(blank=True, null=True, verbose_name="frozen")),
                ("is_open", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(verbose_name="created")),
            ],
            options={
                "verbose_name": "grant",
                "verbose_name_plural": "grants",
                "indexes": [
                    models.Index(condition=models.Q(("is_open", True)), fields=["wallet"], name="grant_open_by_wallet"),
                    models.Index(
                        condition=models.Q(("expires_at__isnull", False), ("is_open", True)),
                        fields=["expires_at"],
                        name="grant_open_by_expiry",
                    ),
                    models.Index(fields=["wallet", "id"], name="grant_by_wallet"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "source__in",
                                ["plan", "card", "bank_transfer", "auto_recharge", "promotion", "referral", "goodwill"],
                            )
                        ),
                        name="grant_source_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("amount__lte", 1000000000000)),
                        name="grant_amount_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("remaining__gte", 0), ("remaining__lte", models.F("amount"))),
                        name="grant_remaining_within_amount",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserved__gte", 0), ("reserved__lte", models.F("remaining"))),
                        name="grant_reserved_within_remaining",
                    ),
                    models.CheckConstraint(condition=models.Q(("priority__lte", 100)), name="grant_priority_in_bounds"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at", None), ("expires_at__gt", models.F("effective_at")), _connector="OR"
                        ),
                        name="grant_expires_after_it_begins",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cost_minor", 0),
                            models.Q(("cost_currency__regex", "^[A-Z]{3}$"), ("cost_minor__gt", 0)),
                            _connector="OR",
                        ),
                        name="grant_cost_has_a_currency",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("is_open", True), ("remaining__gt", 0)),
                            models.Q(("is_open", False), ("remaining", 0)),
                            _connector="OR",
                        ),
                        name="grant_is_open_while_it_holds_credits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("features", None), ("features__len__gt", 0), _connector="OR"),
                        name="grant_features_not_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Operation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=credits.models.base.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="operations",
                        to="credits.wallet",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("grant", "grant"),
                            ("usage", "usage"),
                            ("return", "return"),
                            ("expiry", "expiry"),
                            ("void", "void"),
                            ("debt", "debt"),
                            ("repayment", "repayment"),
                        ],
                        max_length=10,
                        verbose_name="type",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("plan", "plan subscription"),
                            ("card", "card purchase"),
                            ("bank_transfer", "bank transfer"),
                            ("auto_recharge", "auto-recharge"),
                            ("promotion", "promotion"),
                            ("referral", "referral"),
                            ("goodwill", "goodwill"),
                        ],
                        max_length=20,
                        verbose_name="source",
                    ),
                ),
                ("idempotency_key", models.CharField(max_length=300)),
                ("content_hash", models.BinaryField(max_length=32)),
                ("credits", models.BigIntegerField(verbose_name="credits")),
                ("first_number", models.BigIntegerField()),
                ("number", models.BigIntegerField(verbose_name="number")),
                ("balance_after", models.BigIntegerField(verbose_name="balance after")),
                ("available_after", models.BigIntegerField(verbose_name="available after")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred")),
                ("written_at", models.DateTimeField(verbose_name="recorded")),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("actor_label", models.CharField(blank=True, max_length=150, verbose_name="via")),
                ("feature", models.CharField(blank=True, max_length=100, verbose_name="feature")),
                ("resource", models.JSONField(blank=True, null=True, verbose_name="resource")),
                ("memo", models.TextField(blank=True, verbose_name="memo")),
                ("subject", models.UUIDField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "operation",
                "verbose_name_plural": "operations",
                "indexes": [
                    models.Index(fields=["wallet", "-number", "-id"], name="operation_by_number"),
                    models.Index(fields=["wallet", "-occurred_at"], name="operation_by_time"),
                    models.Index(
                        condition=models.Q(("kind", "usage"), _negated=True),
                        fields=["wallet", "-number", "-id"],
                        name="operation_but_usage",
                    ),
                    models.Index(
                        condition=models.Q(("subject__isnull", False)),
                        fields=["wallet", "subject"],
                        name="operation_by_subject",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("wallet", "idempotency_key"), name="operation_key_is_used_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["grant", "usage", "return", "expiry", "void", "debt", "repayment"])
                        ),
                        name="operation_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind__in", ["usage", "return", "expiry", "void", "debt", "repayment"]), ("source", "")
                            ),
                            models.Q(
                                ("kind", "grant"),
                                (
                                    "source__in",
                                    [
                                        "plan",
                                        "card",
                                        "bank_transfer",
                                        "auto_recharge",
                                        "promotion",
                                        "referral",
                                        "goodwill",
                                    ],
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="operation_names_a_source_if_it_grants",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("idempotency_key", ""), _negated=True), name="operation_has_a_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("first_number__gt", 0),
                            (
                                "first_number__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("number"), "+", models.Value(1)
                                ),
                            ),
                        ),
                        name="operation_numbers_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "wallet_id", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.wallet",
                    ),
                ),
                ("number", models.BigIntegerField()),
                (
                    "operation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="credits.operation",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="credits.grant",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("grant", "grant"),
                            ("usage", "usage"),
                            ("return", "return"),
                            ("expiry", "expiry"),
                            ("void", "void"),
                            ("debt", "debt"),
                            ("repayment", "repayment"),
                        ],
                        max_length=10,
                    ),
                ),
                ("amount", models.BigIntegerField()),
                ("balance_after", models.BigIntegerField()),
                ("occurred_at", models.DateTimeField()),
                ("written_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "entry",
                "verbose_name_plural": "entries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("kind", "repayment")), fields=["wallet"], name="entry_repayment_by_wallet"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["grant", "usage", "return", "expiry", "void", "debt", "repayment"])
                        ),
                        name="entry_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gt", 0), ("amount__lt", 0), _connector="OR"),
                            ("amount__gte", -1000000000000000),
                            ("amount__lte", 1000000000000000),
                        ),
                        name="entry_moves_something",
                    ),
                    models.CheckConstraint(condition=models.Q(("number__gt", 0)), name="entry_number_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gt", 0), ("grant__isnull", False), ("kind", "grant")),
                            models.Q(
                                ("amount__lt", 0), ("grant__isnull", False), ("kind__in", ["usage", "expiry", "void"])
                            ),
                            models.Q(("amount__gt", 0), ("kind", "return")),
                            models.Q(("amount__lt", 0), ("grant__isnull", True), ("kind", "debt")),
                            ("kind", "repayment"),
                            _connector="OR",
                        ),
                        name="entry_kind_fits_its_sign_and_grant",
                    ),
                ],
            },
        ),
    ]
