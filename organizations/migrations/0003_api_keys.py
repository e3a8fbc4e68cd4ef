"""API keys, of organizations and of product servers: kept as hashes, so a stolen dump holds no usable key."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import organizations.public_ids


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0002_teams_and_members"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=organizations.public_ids.api_key_id, editable=False, max_length=32, unique=True
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="organizations.organization",
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "scope",
                    models.CharField(
                        choices=[("read", "read"), ("spend", "read and spend")], max_length=10, verbose_name="scope"
                    ),
                ),
                ("key_hash", models.CharField(max_length=64, unique=True)),
                ("hint", models.CharField(max_length=12, verbose_name="starts with")),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("last_used_at", models.DateTimeField(blank=True, null=True, verbose_name="last used")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="revoked")),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("revoked_at", None)),
                        name="api_key_name_is_unique_while_valid",
                        nulls_distinct=False,
                        violation_error_message="A key with this name already exists.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["read", "spend"])), name="api_key_scope_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("key_hash__regex", "^[0-9a-f]{64}$")), name="api_key_is_hashed"
                    ),
                ],
            },
        ),
    ]
