"""Referrals: one organization brings another, and both get credits at the other's first paid purchase.

An organization's code is made when its owners first see it; the referred organization enters it before it buys. Nobody
refers an organization of their own.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from billing.audit_actions import Action
from billing.models import Purchase, PurchaseState, Referral, ReferralCode, SaleTerms
from credits import ledger
from credits.models import Source, Wallet
from organizations import audit_events
from organizations.models import Organization, User
from organizations.public_ids import new_code
from organizations.refusals import Refusal


class ReferralRefused(Refusal):
    """The code can't be used by this organization."""


def code_of(organization: Organization, *, actor: User | None = None) -> str:
    """Return the organization's referral code; the first call makes it."""
    with transaction.atomic():
        code, is_new = ReferralCode.objects.get_or_create(organization=organization, defaults={"code": new_code(8)})
        if is_new:
            audit_events.record(
                action=Action.REFERRAL_CODE_CREATED, organization=organization, actor=actor, target=code.code
            )
    return code.code


def use_code(*, organization: Organization, code: str, actor: User, now: datetime) -> Referral:
    """Record who brought the organization. Once, before its first purchase. Raises ReferralRefused.

    The same code again returns the same referral.
    """
    owner = ReferralCode.objects.select_related("organization").filter(code__iexact=code.strip()).first()
    if owner is None or owner.organization.closed_at is not None:
        raise ReferralRefused(_("This referral code does not exist."))
    if owner.organization == organization:
        raise ReferralRefused(_("This is your own code."))
    if owner.organization.wallet.program_id != organization.wallet.program_id:
        raise ReferralRefused(_("This referral code does not exist."))
    if _is_shared(owner.organization, organization):
        raise ReferralRefused(_("The two organizations share a member, so neither can refer the other."))
    with transaction.atomic():
        # The wallet's lock keeps a first purchase from being paid meanwhile.
        Wallet.objects.select_for_update(no_key=True).get(organization=organization)
        earlier = Referral.objects.filter(referred=organization).first()
        if earlier is not None:
            if earlier.referrer == owner.organization:
                return earlier
            raise ReferralRefused(_("Your organization has already used a referral code."))
        if organization.purchases.filter(state=PurchaseState.PAID).exists():
            raise ReferralRefused(_("Referral codes can only be used before the first purchase."))
        referral = Referral.objects.create(referrer=owner.organization, referred=organization, created_at=now)
        audit_events.record(
            action=Action.REFERRAL_USED,
            organization=organization,
            actor=actor,
            target=owner.organization.slug,
            now=now,
        )
    return referral


def _is_shared(one: Organization, other: Organization) -> bool:
    return one.memberships.filter(user__memberships__organization=other).exists()


def waiting(purchase: Purchase) -> Referral | None:
    """Return the referral that this purchase, paid with money, will credit; None: there is none."""
    if purchase.amount_minor == 0:
        return None
    return (
        Referral.objects.select_related("referrer__wallet", "referred__wallet")
        .filter(referred=purchase.organization_id, credited_at=None)
        .first()
    )


def ledger_keys(referral: Referral | None) -> Sequence[tuple[int, str]]:
    """Return the wallets and keys that `credit` writes under."""
    if referral is None:
        return []
    return [
        (referral.referrer.wallet.pk, f"referral:{referral.pk}:referrer"),
        (referral.referred.wallet.pk, f"referral:{referral.pk}:referred"),
    ]


def credit(book: ledger.Book, referral: Referral, *, now: datetime) -> None:
    """Grant both organizations what the program promises. In a book opened for `ledger_keys`; a repeat does nothing."""
    terms = SaleTerms.objects.get(program=referral.referrer.wallet.program_id)
    expires_at = now + timedelta(days=terms.referral_days) if terms.referral_days else None
    amounts = (terms.referrer_credits, terms.referred_credits)
    operations: list[UUID | None] = []
    for (wallet_id, key), credits, other in zip(
        ledger_keys(referral), amounts, (referral.referred, referral.referrer), strict=True
    ):
        if credits == 0:
            operations.append(None)
            continue
        recorded = ledger.grant(
            book,
            wallet_id=wallet_id,
            credits=credits,
            source=Source.REFERRAL,
            key=key,
            content_hash=ledger.hash_content(referral=referral.pk),
            cause=ledger.Cause(actor_label="referral", memo=other.name),
            expires_at=expires_at,
        )
        operations.append(recorded.id)
    Referral.objects.filter(pk=referral.pk, credited_at=None).update(
        credited_at=now, referrer_operation_id=operations[0], referred_operation_id=operations[1]
    )
