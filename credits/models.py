"""The ledger's rows: programs, wallets, grants, entries, operations, reservations.

Amounts are integers in the program's smallest unit. Only `credits.ledger` writes wallets, grants, operations, entries
and reservations; entries and operations refuse UPDATE, DELETE and TRUNCATE in the database itself.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from organizations.models import Organization
from organizations.public_ids import new_uuid

# The largest amount of one operation and the most that a wallet can hold, in smallest units. Sums of nine thousand
# full wallets still fit 64 bits, and every amount stays exact in JSON readers that know only doubles (below 2**53).
MAX_CREDITS = 10**12
MAX_BALANCE = 10**15


def new_id() -> uuid.UUID:
    """Return a new time-ordered identifier of an operation, grant or reservation."""
    return new_uuid()


class Unit(models.TextChoices):
    CREDITS = "credits", _("credits")
    TOKENS = "tokens", _("tokens")


class AtZero(models.TextChoices):
    REFUSE = "refuse", _("refuse further use")
    SWITCH_OFF = "switch_off", _("switch AI off in all services")


def default_limit_thresholds() -> list[int]:
    """At how many per cent of a monthly limit people are told, where the program says nothing."""
    return [50, 75, 90, 100]


class Program(models.Model):
    """The terms under which credits are sold and spent, as far as the ledger needs them."""

    key = models.SlugField(_("key"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    unit = models.CharField(_("unit"), max_length=10, choices=Unit, default=Unit.CREDITS)
    decimals = models.PositiveSmallIntegerField(_("decimals"), default=0)
    validity_days = models.PositiveIntegerField(
        _("purchased credits expire after days"), null=True, blank=True, help_text=_("Empty: they never expire.")
    )
    holding_limit = models.BigIntegerField(
        _("holding limit"), null=True, blank=True, help_text=_("In smallest units. Empty: no limit.")
    )
    overdraft_limit = models.BigIntegerField(
        _("overdraft limit"),
        default=0,
        help_text=_("How far settled work may go into debt, in smallest units."),
    )
    at_zero = models.CharField(_("at zero"), max_length=12, choices=AtZero, default=AtZero.REFUSE)
    reservation_seconds = models.PositiveIntegerField(_("reservations time out after seconds"), default=900)
    low_balance = models.BigIntegerField(
        _("low balance below"),
        null=True,
        blank=True,
        help_text=_("Where an owner has not chosen: owners are told when less can be spent. Empty: they are not."),
    )
    limit_thresholds = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("thresholds of limits, in per cent"),
        default=default_limit_thresholds,
    )

    class Meta:
        verbose_name = _("program")
        verbose_name_plural = _("programs")
        constraints = [
            models.CheckConstraint(condition=models.Q(unit__in=Unit.values), name="program_unit_known"),
            models.CheckConstraint(condition=models.Q(at_zero__in=AtZero.values), name="program_at_zero_known"),
            models.CheckConstraint(condition=models.Q(decimals__lte=6), name="program_decimals_at_most_six"),
            models.CheckConstraint(
                condition=models.Q(overdraft_limit__gte=0, overdraft_limit__lte=MAX_CREDITS),
                name="program_overdraft_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(holding_limit=None) | models.Q(holding_limit__gt=0, holding_limit__lte=MAX_BALANCE),
                name="program_holding_limit_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(validity_days=None) | models.Q(validity_days__gt=0, validity_days__lte=36_500),
                name="program_validity_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(reservation_seconds__gte=1, reservation_seconds__lte=86_400),
                name="program_reservations_end_within_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(low_balance=None) | models.Q(low_balance__gt=0, low_balance__lte=MAX_BALANCE),
                name="program_low_balance_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Wallet(models.Model):
    """An organization's credits. Locked first, always, by every writer.

    `balance` = what its grants still hold less `debt`; `reserved` is the part of it that open reservations set aside.
    """

    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="wallet")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="wallets")
    balance = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    last_number = models.BigIntegerField(default=0)
    last_written_at = models.DateTimeField()
    created_at = models.DateTimeField()
    # Until when credits are on their way by themselves: what a refused spend is told.
    recharging_until = models.DateTimeField(null=True, blank=True)
    # A spend that brings what is available below this is told of by the signal `balance_changed`.
    watched_below = models.BigIntegerField(null=True, blank=True)
    # Owners are told once when less than this can be spent; null: the program's figure, 0: never.
    low_below = models.BigIntegerField(_("low balance below"), null=True, blank=True)
    # Since when it is known, and told, that the balance is low, and that nothing is left; a top-up ends either.
    low_since = models.DateTimeField(null=True, blank=True)
    depleted_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        constraints = [
            models.CheckConstraint(condition=models.Q(reserved__gte=0), name="wallet_reserved_not_negative"),
            models.CheckConstraint(condition=models.Q(debt__gte=0), name="wallet_debt_not_negative"),
            models.CheckConstraint(
                condition=models.Q(balance__gte=models.F("reserved") - models.F("debt")),
                name="wallet_covers_what_is_reserved",
            ),
            models.CheckConstraint(
                condition=models.Q(balance__lte=MAX_BALANCE, debt__lte=MAX_BALANCE), name="wallet_within_bounds"
            ),
            models.CheckConstraint(condition=models.Q(last_number__gte=0), name="wallet_number_not_negative"),
            models.CheckConstraint(
                condition=models.Q(low_below=None) | models.Q(low_below__gte=0, low_below__lte=MAX_BALANCE),
                name="wallet_low_below_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization}"


class Source(models.TextChoices):
    PLAN = "plan", _("plan subscription")
    CARD = "card", _("card purchase")
    BANK_TRANSFER = "bank_transfer", _("bank transfer")
    AUTO_RECHARGE = "auto_recharge", _("auto-recharge")
    PROMOTION = "promotion", _("promotion")
    REFERRAL = "referral", _("referral")
    GOODWILL = "goodwill", _("goodwill")


class Grant(models.Model):
    """A block of credits given at one time. Spendable while `effective_at <= now < expires_at` and not frozen.

    `remaining` = the sum of the grant's entries; `reserved` is the part of it that open reservations hold.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="grants", db_index=False)
    source = models.CharField(_("source"), max_length=20, choices=Source)
    amount = models.BigIntegerField(_("amount"))
    remaining = models.BigIntegerField(_("remaining"))
    reserved = models.BigIntegerField(_("reserved"), default=0)
    priority = models.PositiveSmallIntegerField(_("priority"), default=50)
    effective_at = models.DateTimeField(_("effective from"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    cost_minor = models.BigIntegerField(_("paid, in minor units"), default=0)
    cost_currency = models.CharField(_("currency"), max_length=3, blank=True)
    features = ArrayField(models.CharField(max_length=100), verbose_name=_("only for features"), null=True, blank=True)
    frozen_at = models.DateTimeField(_("frozen"), null=True, blank=True)
    # Rarely changes, unlike `remaining`: the index of open grants hangs on it, so a spend stays a heap-only update.
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        indexes = [
            models.Index(fields=["wallet"], condition=models.Q(is_open=True), name="grant_open_by_wallet"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(is_open=True, expires_at__isnull=False),
                name="grant_open_by_expiry",
            ),
            models.Index(fields=["wallet", "id"], name="grant_by_wallet"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(source__in=Source.values), name="grant_source_known"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, amount__lte=MAX_CREDITS), name="grant_amount_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(remaining__gte=0, remaining__lte=models.F("amount")),
                name="grant_remaining_within_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(reserved__gte=0, reserved__lte=models.F("remaining")),
                name="grant_reserved_within_remaining",
            ),
            models.CheckConstraint(condition=models.Q(priority__lte=100), name="grant_priority_in_bounds"),
            models.CheckConstraint(
                condition=models.Q(expires_at=None) | models.Q(expires_at__gt=models.F("effective_at")),
                name="grant_expires_after_it_begins",
            ),
            models.CheckConstraint(
                condition=models.Q(cost_minor=0) | models.Q(cost_minor__gt=0, cost_currency__regex=r"^[A-Z]{3}$"),
                name="grant_cost_has_a_currency",
            ),
            models.CheckConstraint(
                condition=models.Q(is_open=True, remaining__gt=0) | models.Q(is_open=False, remaining=0),
                name="grant_is_open_while_it_holds_credits",
            ),
            models.CheckConstraint(
                condition=models.Q(features=None) | models.Q(features__len__gt=0), name="grant_features_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.amount}"


class Kind(models.TextChoices):
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
    kind = models.CharField(_("type"), max_length=10, choices=Kind)
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
    occurred_at = models.DateTimeField(_("happened"))
    written_at = models.DateTimeField(_("written"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # What acted where no person did, or through what a person acted: an API key's name, a job.
    actor_label = models.CharField(_("through"), max_length=150, blank=True)
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
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="operation_kind_known"),
            models.CheckConstraint(
                condition=models.Q(source="", kind__in=[k for k in Kind.values if k != "grant"])
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
    kind = models.CharField(max_length=10, choices=Kind)
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
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="entry_kind_known"),
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


class ReservationState(models.TextChoices):
    OPEN = "open", _("open")
    SETTLED = "settled", _("settled")
    RELEASED = "released", _("released")
    TIMED_OUT = "timed_out", _("timed out")


class Reservation(models.Model):
    """Credits set aside before the work because its cost is not known: open, then settled, released or timed out."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="reservations", db_index=False)
    idempotency_key = models.CharField(max_length=300)
    content_hash = models.BinaryField(max_length=32)
    state = models.CharField(_("state"), max_length=10, choices=ReservationState, default=ReservationState.OPEN)
    credits = models.BigIntegerField(_("credits"))
    available_after = models.BigIntegerField()
    feature = models.CharField(_("feature"), max_length=100, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    actor_label = models.CharField(_("through"), max_length=150, blank=True)
    resource = models.JSONField(_("resource"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("times out"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    # The usage operation that settled it.
    operation = models.OneToOneField(
        Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="reservation"
    )

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        indexes = [
            models.Index(fields=["wallet"], condition=models.Q(state="open"), name="reservation_open_by_wallet"),
            models.Index(fields=["expires_at"], condition=models.Q(state="open"), name="reservation_open_by_time_out"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "idempotency_key"], name="reservation_key_is_used_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=ReservationState.values), name="reservation_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(credits__gt=0, credits__lte=MAX_CREDITS), name="reservation_credits_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")), name="reservation_times_out_later"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", closed_at=None) | ~models.Q(state="open") & ~models.Q(closed_at=None),
                name="reservation_is_closed_with_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state="settled", operation__isnull=False)
                | ~models.Q(state="settled") & models.Q(operation=None),
                name="reservation_is_settled_by_an_operation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.credits}"


class ReservationDraw(models.Model):
    """What a reservation took from one grant, in the order of the burn-down. Kept after the end, as a record."""

    pk = models.CompositePrimaryKey("reservation_id", "position")
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="draws", db_index=False)
    position = models.PositiveSmallIntegerField()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+")
    credits = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reservation", "grant"], name="reservation_draws_once_per_grant"),
            models.CheckConstraint(condition=models.Q(credits__gt=0), name="reservation_draw_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.credits}"


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
