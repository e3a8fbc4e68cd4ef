"""Notices, the mails that are owed because of them, and how people want to hear of them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import organizations.public_ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0003_audit_events_are_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RefusedAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="mail address")),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="what the server said")),
                ("refused_at", models.DateTimeField(verbose_name="refused")),
            ],
            options={
                "verbose_name": "refused address",
                "verbose_name_plural": "refused addresses",
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=organizations.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("low_balance", "low balance"),
                            ("depleted", "no credits left"),
                            ("restored", "credits again"),
                            ("expiring", "credits expiring"),
                            ("limit", "limit reached"),
                            ("limit_request", "a member asks for more"),
                            ("limit_answer", "an answer to a request for more"),
                            ("recharge_failed", "auto-recharge stopped"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("details", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("is_shown", models.BooleanField(default=True, verbose_name="on the dashboard")),
                ("put_away_at", models.DateTimeField(blank=True, null=True, verbose_name="put away")),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="organizations.organization",
                    ),
                ),
                (
                    "put_away_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
            },
        ),
        migrations.CreateModel(
            name="NoticeMail",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=organizations.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "to be sent"),
                            ("sent", "sent"),
                            ("skipped", "not wanted any more"),
                            ("failed", "given up"),
                        ],
                        default="pending",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("next_try_at", models.DateTimeField(verbose_name="next try")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mails", to="notices.notice"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "mail",
                "verbose_name_plural": "mails",
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
            },
        ),
        migrations.CreateModel(
            name="NoticeSetting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("low_balance", "low balance"),
                            ("depleted", "no credits left"),
                            ("restored", "credits again"),
                            ("expiring", "credits expiring"),
                            ("limit", "limit reached"),
                            ("limit_request", "a member asks for more"),
                            ("limit_answer", "an answer to a request for more"),
                            ("recharge_failed", "auto-recharge stopped"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("by_mail", models.BooleanField(default=True, verbose_name="by mail")),
                ("on_dashboard", models.BooleanField(default=True, verbose_name="on the dashboard")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notice_settings",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "verbose_name": "notice setting",
                "verbose_name_plural": "notice settings",
            },
        ),
        migrations.CreateModel(
            name="Unsubscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("low_balance", "low balance"),
                            ("depleted", "no credits left"),
                            ("restored", "credits again"),
                            ("expiring", "credits expiring"),
                            ("limit", "limit reached"),
                            ("limit_request", "a member asks for more"),
                            ("limit_answer", "an answer to a request for more"),
                            ("recharge_failed", "auto-recharge stopped"),
                        ],
                        max_length=20,
                    ),
                ),
                ("created_at", models.DateTimeField()),
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
            ],
            options={
                "verbose_name": "unsubscription",
                "verbose_name_plural": "unsubscriptions",
            },
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["organization", "-created_at"], name="notice_by_time"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(fields=("organization", "key"), name="notice_is_given_once"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "low_balance",
                            "depleted",
                            "restored",
                            "expiring",
                            "limit",
                            "limit_request",
                            "limit_answer",
                            "recharge_failed",
                        ],
                    )
                ),
                name="notice_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(condition=models.Q(("key", ""), _negated=True), name="notice_has_a_key"),
        ),
        migrations.AddIndex(
            model_name="noticemail",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["next_try_at"], name="notice_mail_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="noticemail",
            constraint=models.UniqueConstraint(fields=("notice", "user"), name="notice_is_mailed_once_to_a_person"),
        ),
        migrations.AddConstraint(
            model_name="noticemail",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "sent", "skipped", "failed"])),
                name="notice_mail_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticemail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sent_at__isnull", False), ("state", "sent")),
                    models.Q(models.Q(("state", "sent"), _negated=True), ("sent_at", None)),
                    _connector="OR",
                ),
                name="notice_mail_is_sent_with_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticerecipient",
            constraint=models.UniqueConstraint(fields=("organization", "user"), name="notice_recipient_once"),
        ),
        migrations.AddConstraint(
            model_name="noticesetting",
            constraint=models.UniqueConstraint(fields=("organization", "kind"), name="notice_setting_per_kind"),
        ),
        migrations.AddConstraint(
            model_name="noticesetting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "low_balance",
                            "depleted",
                            "restored",
                            "expiring",
                            "limit",
                            "limit_request",
                            "limit_answer",
                            "recharge_failed",
                        ],
                    )
                ),
                name="notice_setting_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="unsubscription",
            constraint=models.UniqueConstraint(fields=("organization", "user", "kind"), name="unsubscribed_once"),
        ),
        migrations.AddConstraint(
            model_name="unsubscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "low_balance",
                            "depleted",
                            "restored",
                            "expiring",
                            "limit",
                            "limit_request",
                            "limit_answer",
                            "recharge_failed",
                        ],
                    )
                ),
                name="unsubscription_kind_known",
            ),
        ),
    ]
