"""Operations and the entries that they write. Append-only: the database itself refuses UPDATE, DELETE and TRUNCATE."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models.base import MAX_BALANCE, new_id
from credits.models.grants import Grant, Source
from credits.models.wallets import Wallet


class EntryKind(models.TextChoices):
    GRANT = "grant", _("grant")
    USAGE = "usage", _("usage")
    RETURN = "return", _("return")
    EXPIRY = "expiry", _("expiry")
    VOID = "void", _("void")
    DEBT = "debt", _("debt")
    REPAYMENT = "repayment", _("repayment")


class Operation(models.Model):
    """One act on one wallet: who or what caused it, why, under which key; its entries move the credits. Append-only.

    `credits` is the signed change of the balance. Its entries are those of the wallet numbered `first_number` to
    `number`; one that moved nothing (a use that cost nothing) has `first_number = number + 1`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="operations", db_index=False)
    kind = models.CharField(_("type"), max_length=10, choices=EntryKind)
    source = models.CharField(_("source"), max_length=20, choices=Source, blank=True)
    idempotency_key = models.CharField(max_length=300)
    # SHA-256 of what was asked for: the same key with other content is refused.
    content_hash = models.BinaryField(max_length=32)
    credits = models.BigIntegerField(_("credits"))
    first_number = models.BigIntegerField()
    number = models.BigIntegerField(_("number"))
    balance_after = models.BigIntegerField(_("balance after"))
    # What could be spent right after: the answer that a replay gives again.
    available_after = models.BigIntegerField(_("available after"))
    occurred_at = models.DateTimeField(_("occurred"))
    written_at = models.DateTimeField(_("recorded"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # What acted where no person did, or through what a person acted: an API key's name, a job.
    actor_label = models.CharField(_("via"), max_length=150, blank=True)
    feature = models.CharField(_("feature"), max_length=100, blank=True)
    resource = models.JSONField(_("resource"), null=True, blank=True)
    memo = models.TextField(_("memo"), blank=True)
    # What this one acts upon: a return names the usage's operation; a grant, void, expiry names its grant.
    subject = models.UUIDField(null=True, blank=True)

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        indexes = [
            models.Index(fields=["wallet", "-number", "-id"], name="operation_by_number"),
            models.Index(fields=["wallet", "-occurred_at"], name="operation_by_time"),
            # What owners filter for among millions of uses; spends pay nothing for it.
            models.Index(
                fields=["wallet", "-number", "-id"], condition=~models.Q(kind="usage"), name="operation_but_usage"
            ),
            models.Index(
                fields=["wallet", "subject"], condition=models.Q(subject__isnull=False), name="operation_by_subject"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "idempotency_key"], name="operation_key_is_used_once"),
            models.CheckConstraint(condition=models.Q(kind__in=EntryKind.values), name="operation_kind_known"),
            models.CheckConstraint(
                condition=models.Q(source="", kind__in=[k for k in EntryKind.values if k != "grant"])
                | models.Q(source__in=Source.values, kind="grant"),
                name="operation_names_a_source_if_it_grants",
            ),
            models.CheckConstraint(condition=~models.Q(idempotency_key=""), name="operation_has_a_key"),
            models.CheckConstraint(
                condition=models.Q(first_number__gt=0, first_number__lte=models.F("number") + 1),
                name="operation_numbers_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.credits}"


class Entry(models.Model):
    """One line of the ledger: a signed amount into or out of one grant, or (without a grant) into or out of debt."""

    pk = models.CompositePrimaryKey("wallet_id", "number")
    # No foreign keys in the database on the busiest table (they cost 1.7 times its write-ahead log): wallets, grants
    # and operations can't be deleted (triggers), the ledger alone inserts, and the auditor proves that nothing dangles.
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    number = models.BigIntegerField()
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    grant = models.ForeignKey(
        Grant, on_delete=models.PROTECT, null=True, related_name="entries", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=10, choices=EntryKind)
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    written_at = models.DateTimeField()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        indexes = [
            # Debt is rare, so this index is small; a refund of what went into debt asks who repaid it.
            models.Index(fields=["wallet"], condition=models.Q(kind="repayment"), name="entry_repayment_by_wallet"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=EntryKind.values), name="entry_kind_known"),
            models.CheckConstraint(
                condition=(models.Q(amount__gt=0) | models.Q(amount__lt=0))
                & models.Q(amount__gte=-MAX_BALANCE, amount__lte=MAX_BALANCE),
                name="entry_moves_something",
            ),
            models.CheckConstraint(condition=models.Q(number__gt=0), name="entry_number_positive"),
            models.CheckConstraint(
                condition=models.Q(kind="grant", amount__gt=0, grant__isnull=False)
                | models.Q(kind__in=["usage", "expiry", "void"], amount__lt=0, grant__isnull=False)
                | models.Q(kind="return", amount__gt=0)
                | models.Q(kind="debt", amount__lt=0, grant__isnull=True)
                | models.Q(kind="repayment"),
                name="entry_kind_fits_its_sign_and_grant",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.kind} {self.amount}"
