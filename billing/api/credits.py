"""GET /api/billing/credits: what an organization holds, its plan, its AI switches, and its latest transactions."""

import re
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from billing.api.answers import CreditsAnswer, ExpiringCredits, PlanAnswer, ServiceSwitch, Transaction
from billing.models import Subscription, SubscriptionState
from credits.balance.queries import balance_of
from credits.history.queries import Edge, operations_page
from credits.models import EntryKind, Operation
from usage.api import keys, requests
from usage.api.calls import Call, Parameter, answer
from usage.api.catalogue import ORGANIZATION
from usage.api.problems import invalid
from usage.api.reads import wallet_of
from usage.models import Service

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{32})")
PREFIXES = {EntryKind.USAGE.value: "use", EntryKind.RETURN.value: "ref"}


def credits(request: HttpRequest) -> HttpResponse:
    """GET /api/billing/credits"""
    key = keys.reader(request)
    query = requests.query_of(request, ("organization", "cursor", "limit"))
    limit = requests.number_in(query, "limit", default=DEFAULT_LIMIT, most=MAX_LIMIT)
    before = _cursor(query)
    if key.organization_id is None and "organization" not in query:
        raise invalid("organization", "This key can access every organization. Name one.")
    wallet = wallet_of(key, query.get("organization"))
    page = operations_page(wallet, before=before, limit=limit)
    services = [
        ServiceSwitch(service.key, service.name, service.is_ai_on)
        for service in Service.objects.filter(organization=wallet.organization_id).order_by("key")
    ]
    held = balance_of(wallet, timezone.now())
    return answer(
        CreditsAnswer(
            organization=wallet.organization.slug,
            unit=wallet.program.unit,
            decimals=wallet.program.decimals,
            balance=held.available,
            reserved=held.reserved,
            debt=held.debt,
            expiring=[ExpiringCredits(part.credits, part.expires_at) for part in held.expiring],
            expiring_total=held.expiring_credits,
            plan=_plan_of(wallet.organization_id),
            ai_on=all(service.ai_on for service in services),
            services=services,
            transactions=[_transaction(operation) for operation in page.operations],
            next_cursor=f"{page.next.number}-{page.next.operation_id.hex}" if page.next else None,
        )
    )


def _plan_of(organization_id: int) -> PlanAnswer | None:
    """Return the plan that an organization is on; None without one, before it is paid for, and after its end."""
    in_force = [SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE]
    rows = Subscription.objects.select_related("plan", "next_plan")
    row = rows.filter(organization=organization_id, state__in=in_force).first()
    if row is None:
        return None
    return PlanAnswer(
        key=row.plan.key,
        name=row.plan.name,
        state="past_due" if row.state == SubscriptionState.PAST_DUE else "active",
        allowance=row.plan.allowance,
        period_start=row.period_start,
        period_end=row.period_end,
        ends=row.ends_at_period_end,
        next_plan=row.next_plan.key if row.next_plan is not None else None,
    )


def _cursor(query: dict[str, str]) -> Edge | None:
    text = query.get("cursor")
    if text is None:
        return None
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", "Not a valid cursor. Use `next_cursor` from a previous response.")
    return Edge(int(match[1]), UUID(hex=match[2]))


def _transaction(operation: Operation) -> Transaction:
    resource: dict[str, Any] = operation.resource or {}
    prefix, identifier = PREFIXES.get(operation.kind, "op"), operation.pk
    if operation.kind == EntryKind.GRANT.value and operation.subject is not None:
        prefix, identifier = "grt", operation.subject
    # Who of the staff made a grant or a correction is nothing that the customer's systems need to know.
    is_use = operation.kind == EntryKind.USAGE.value
    return Transaction(
        id=requests.public_id(prefix, identifier),
        type=operation.kind,
        source=operation.source,
        amount=operation.credits,
        balance_after=operation.balance_after,
        occurred_at=operation.occurred_at,
        written_at=operation.written_at,
        user=operation.actor.email if is_use and operation.actor else None,
        via=operation.actor_label,
        feature=operation.feature,
        project=resource.get("project"),
        session=resource.get("session"),
        memo=operation.memo,
    )


CALL = Call(
    name="credits",
    method="GET",
    path="/api/billing/credits",
    summary="Credits of an organization",
    description="Balance, credits expiring within 14 days, the plan, AI on or off by service, and the latest "
    "transactions.",
    view=credits,
    answer=CreditsAnswer,
    scope="read",
    parameters=(
        Parameter(
            "organization",
            "query",
            "The organization's short name. Required with a product server's key; an organization's own key can "
            "only name its own.",
            ORGANIZATION,
            is_required=False,
        ),
        Parameter(
            "cursor",
            "query",
            "`next_cursor` of the previous page. New transactions don't shift the pages.",
            {"type": "string", "pattern": f"^{CURSOR.pattern}$"},
            is_required=False,
        ),
        Parameter(
            "limit",
            "query",
            "Number of transactions.",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            is_required=False,
        ),
    ),
    problems=("not_found", "invalid"),
)
