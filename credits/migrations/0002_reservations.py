"""Reservations, and what each took from which grant: it goes back there when it is not used."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0001_ledger"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reservation",
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
                        related_name="reservations",
                        to="credits.wallet",
                    ),
                ),
                ("idempotency_key", models.CharField(max_length=300)),
                ("content_hash", models.BinaryField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("settled", "settled"),
                            ("released", "released"),
                            ("timed_out", "timed out"),
                        ],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("credits", models.BigIntegerField(verbose_name="credits")),
                ("available_after", models.BigIntegerField()),
                ("feature", models.CharField(blank=True, max_length=100, verbose_name="feature")),
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
                ("resource", models.JSONField(blank=True, null=True, verbose_name="resource")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("expires_at", models.DateTimeField(verbose_name="times out")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
                (
                    "operation",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reservation",
                        to="credits.operation",
                    ),
                ),
            ],
            options={
                "verbose_name": "reservation",
                "verbose_name_plural": "reservations",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")), fields=["wallet"], name="reservation_open_by_wallet"
                    ),
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["expires_at"],
                        name="reservation_open_by_time_out",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("wallet", "idempotency_key"), name="reservation_key_is_used_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "settled", "released", "timed_out"])),
                        name="reservation_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credits__gt", 0), ("credits__lte", 1000000000000)),
                        name="reservation_credits_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="reservation_times_out_later",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state", "open")),
                            models.Q(
                                models.Q(("state", "open"), _negated=True), models.Q(("closed_at", None), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="reservation_is_closed_with_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("operation__isnull", False), ("state", "settled")),
                            models.Q(models.Q(("state", "settled"), _negated=True), ("operation", None)),
                            _connector="OR",
                        ),
                        name="reservation_is_settled_by_an_operation",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReservationDraw",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "reservation_id", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "reservation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draws",
                        to="credits.reservation",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="credits.grant"
                    ),
                ),
                ("credits", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("reservation", "grant"), name="reservation_draws_once_per_grant"),
                    models.CheckConstraint(condition=models.Q(("credits__gt", 0)), name="reservation_draw_positive"),
                ],
            },
        ),
    ]
