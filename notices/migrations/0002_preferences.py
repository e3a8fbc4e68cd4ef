"""Who gets which notices, and how: settings, recipients, unsubscriptions, and addresses that refused a mail."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0001_notices"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeSetting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notice_settings",
                        to="organizations.organization",
                    ),
                ),
                ("kind", models.CharField(max_length=40, verbose_name="kind")),
                ("by_mail", models.BooleanField(default=True, verbose_name="by email")),
                ("on_dashboard", models.BooleanField(default=True, verbose_name="on the dashboard")),
            ],
            options={
                "verbose_name": "notice setting",
                "verbose_name_plural": "notice settings",
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "kind"), name="notice_setting_per_kind")
                ],
            },
        ),
        migrations.CreateModel(
            name="NoticeRecipient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notice_recipients",
                        to="organizations.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "recipient of notices",
                "verbose_name_plural": "recipients of notices",
                "constraints": [models.UniqueConstraint(fields=("organization", "user"), name="notice_recipient_once")],
            },
        ),
        migrations.CreateModel(
            name="Unsubscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "unsubscription",
                "verbose_name_plural": "unsubscriptions",
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "user", "kind"), name="unsubscribed_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RefusedAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="email address")),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="what the server said")),
                ("refused_at", models.DateTimeField(verbose_name="rejected")),
            ],
            options={
                "verbose_name": "rejected address",
                "verbose_name_plural": "rejected addresses",
            },
        ),
    ]
