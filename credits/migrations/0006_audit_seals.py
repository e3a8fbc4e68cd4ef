"""Seals of clean audits: a hash for every stretch of a wallet's entries, and one over all of them.

They are append-only like the entries: otherwise a changed past could be sealed again.
"""

import django.db.models.deletion
from django.db import migrations, models

from sql.triggers import refuse_changes


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0005_room_for_updates"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False, verbose_name="number")),
                ("sealed_at", models.DateTimeField(verbose_name="sealed")),
                ("previous_hash", models.BinaryField(max_length=32)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "verbose_name": "audit seal",
                "verbose_name_plural": "audit seals",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("number__gt", 0)), name="audit_seal_number_positive")
                ],
            },
        ),
        migrations.CreateModel(
            name="SealedSegment",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "wallet_id", "from_number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "seal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="segments", to="credits.auditseal"
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.wallet",
                    ),
                ),
                ("from_number", models.BigIntegerField()),
                ("to_number", models.BigIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("from_number__gt", 0), ("from_number__lte", models.F("to_number"))),
                        name="sealed_segment_numbers_in_order",
                    )
                ],
            },
        ),
        refuse_changes("credits_auditseal", "UPDATE OR DELETE", function="credits_refuse_change"),
        refuse_changes("credits_sealedsegment", "UPDATE OR DELETE", function="credits_refuse_change"),
    ]
