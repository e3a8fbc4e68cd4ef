"""Seals of clean audits: a hash for every stretch of a wallet's entries, and one over all of them. Append-only."""

import django.db.models.deletion
from django.db import migrations, models


def triggers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION credits_refuse_change();
        CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION credits_refuse_change();
        """,
        f"DROP TRIGGER {table}_refuses_truncate ON {table}; DROP TRIGGER {table}_refuses_change ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("credits", "0007_low_balance_and_thresholds")]

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
                ("from_number", models.BigIntegerField()),
                ("to_number", models.BigIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
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
        triggers("credits_auditseal"),
        triggers("credits_sealedsegment"),
    ]
