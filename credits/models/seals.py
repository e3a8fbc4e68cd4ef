"""What clean audits proved, as hashes. Append-only."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models.wallets import Wallet


class AuditSeal(models.Model):
    """What a clean audit proved, as one hash over its segments and the seal before it. Append-only, numbered from 1."""

    number = models.BigIntegerField(_("number"), primary_key=True)
    sealed_at = models.DateTimeField(_("sealed"))
    # SHA-256, 32 bytes; of the first seal there is none before it: zeros.
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("audit seal")
        verbose_name_plural = _("audit seals")
        constraints = [models.CheckConstraint(condition=models.Q(number__gt=0), name="audit_seal_number_positive")]

    def __str__(self) -> str:
        return f"{self.number}"


class SealedSegment(models.Model):
    """The hash over a stretch of a wallet's entries, with their operations and what goes with these. Append-only."""

    pk = models.CompositePrimaryKey("wallet_id", "from_number")
    seal = models.ForeignKey(AuditSeal, on_delete=models.PROTECT, related_name="segments")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_index=False)
    from_number = models.BigIntegerField()
    to_number = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(from_number__gt=0, from_number__lte=models.F("to_number")),
                name="sealed_segment_numbers_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_number} to {self.to_number}"
