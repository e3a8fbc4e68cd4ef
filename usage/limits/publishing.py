"""Publishing that limits reached a threshold, in the transaction of the use that did it.

Once for each limit, month and amount: a limit that is raised, or cleared and set again, can reach it again; one that
comes back to an earlier amount is not published twice. Refunds re-arm nothing within the month.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from credits.models import Wallet
from domain_events.publishing import publish, withdraw
from organizations.models import Membership, Role, User
from usage.limits.events import LIMIT_REACHED, LIMIT_THRESHOLD, LimitReached, LimitThreshold, Scope
from usage.limits.state import REACHED, LimitState
from usage.models import Limit


def publish_thresholds(reached: Sequence[tuple[LimitState, int]]) -> None:
    """Publish limits, each with the threshold in per cent that it has reached. Inside the transaction of the cause, and
    outside of a pipeline. Owners get a notice; of a user's limit that user too; webhooks only of what is used up."""
    if not reached:
        return
    organizations = {state.organization_id for state, _ in reached}
    wallets = Wallet.objects.select_related("organization", "program").filter(organization__in=organizations)
    wallet_of = {wallet.organization_id: wallet for wallet in wallets}
    # An owner gets the owners' notice, and who has left gets none.
    members = Membership.objects.select_related("user").filter(
        organization__in=organizations,
        user__in={state.user_id for state, _ in reached if state.user_id is not None},
        role=Role.MEMBER,
    )
    member_of = {(member.organization_id, member.user_id): member.user for member in members}
    for state, percent in reached:
        person = member_of.get((state.organization_id, state.user_id)) if state.user_id is not None else None
        _publish(state, percent, wallet_of[state.organization_id], person)


def _publish(state: LimitState, percent: int, wallet: Wallet, person: User | None) -> None:
    organization, now = wallet.organization, state.moment.now
    key = f"limit:{state.id}:{state.moment.month_on}:{state.credits}:{percent}"
    threshold = LimitThreshold(
        organization=organization.slug,
        scope=cast("Scope", state.scope),
        name=state.name,
        feature=state.feature,
        limit=state.credits,
        used=state.used,
        month_on=state.moment.month_on,
        limit_id=state.id,
        percent=percent,
        feature_name=state.feature_name,
        unit=wallet.program.unit,
        decimals=wallet.program.decimals,
    )
    publish(LIMIT_THRESHOLD, threshold, organization_id=organization.pk, key=key, now=now, person=person)
    if percent == REACHED:
        used_up = LimitReached(
            organization=organization.slug,
            scope=threshold.scope,
            name=state.name,
            feature=state.feature,
            limit=state.credits,
            used=state.used,
            month_on=state.moment.month_on,
        )
        publish(LIMIT_REACHED, used_up, organization_id=organization.pk, key=key, now=now)


def withdraw_thresholds(limit: Limit, *, now: datetime) -> None:
    """Dismiss the owners' notices of a limit: it was removed, or less of it is used than they say."""
    withdraw(LIMIT_THRESHOLD, organization_id=limit.organization_id, about={"limit_id": limit.pk}, now=now)
