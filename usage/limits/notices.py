"""Telling that a limit has reached a threshold: notices and an event, in the transaction of the use that did it.

Told once for each limit, month and amount: a limit that is raised, or cleared and set anew, can be told of again; one
that comes back to an earlier amount is not told of twice. Refunds re-arm nothing within the month.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from credits.models import Wallet
from notices.models import Kind
from notices.notices import end_notices, give_notice
from organizations.models import Membership, Role, User
from usage.limits.state import REACHED, LimitState
from usage.models import Limit
from webhooks.events import emit
from webhooks.models import EventType


def tell(reached: Sequence[tuple[LimitState, int]]) -> None:
    """Tell of limits, each with the threshold in per cent that it has reached. Inside the transaction of the cause, and
    outside of a pipeline. Owners are told; of a user's limit that user too; servers only of what is used up."""
    if not reached:
        return
    organizations = {state.organization_id for state, _ in reached}
    wallets = Wallet.objects.select_related("organization", "program").filter(organization__in=organizations)
    wallet_of = {wallet.organization_id: wallet for wallet in wallets}
    # An owner is told as an owner, and who has left is told nothing.
    members = Membership.objects.select_related("user").filter(
        organization__in=organizations,
        user__in={state.user_id for state, _ in reached if state.user_id is not None},
        role=Role.MEMBER,
    )
    member_of = {(member.organization_id, member.user_id): member.user for member in members}
    for state, percent in reached:
        person = member_of.get((state.organization_id, state.user_id)) if state.user_id is not None else None
        _tell(state, percent, wallet_of[state.organization_id], person)


def _tell(state: LimitState, percent: int, wallet: Wallet, person: User | None) -> None:
    organization, now = wallet.organization, state.moment.now
    key = f"limit:{state.id}:{state.moment.month_on}:{state.credits}:{percent}"
    about: dict[str, Any] = {
        "scope": state.scope,
        "name": state.name,
        "limit": state.credits,
        "used": state.used,
        "month_on": state.moment.month_on.isoformat(),
    }
    details = {**about, "limit_id": state.id, "feature": state.feature_name, "percent": percent, **terms_of(wallet)}
    give_notice(organization=organization, kind=Kind.LIMIT, key=key, details=details, now=now)
    if person is not None:
        give_notice(
            organization=organization, kind=Kind.LIMIT, key=f"{key}:user", details=details, now=now, user=person
        )
    if percent == REACHED:
        data = {**about, "organization": organization.slug, "feature": state.feature}
        emit(organization=organization, event_type=EventType.LIMIT_REACHED, key=key, data=data, now=now)


def end_telling(limit: Limit, *, now: datetime) -> None:
    """Put away what owners were told of a limit: it is taken away, or less of it is used than they were told."""
    end_notices(organization=limit.organization, kinds=[Kind.LIMIT], about={"limit_id": limit.pk}, now=now)


def terms_of(wallet: Wallet) -> dict[str, Any]:
    """What the words of a notice need to write credits."""
    return {"decimals": wallet.program.decimals, "unit": wallet.program.unit}
