"""Reading over HTTP: an organization's balance, and its credits with the latest transactions."""

import re
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from credits.balance.queries import balance_of
from credits.history.queries import Edge, operations_page
from credits.models import EntryKind, Operation, Wallet
from organizations.api_keys import AuthenticatedKey
from usage.api import keys, plans, requests
from usage.api.calls import answer
from usage.api.problems import ApiError, invalid
from usage.api.schemas import BalanceAnswer, CreditsAnswer, ExpiringCredits, ServiceSwitch, Transaction
from usage.models import Service

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{32})")
PREFIXES = {EntryKind.USAGE.value: "use", EntryKind.RETURN.value: "ref"}


def balance(request: HttpRequest, organization: str) -> HttpResponse:
    """GET /api/v1/organizations/{organization}/balance"""
    key = keys.reader(request)
    requests.query_of(request, ())
    wallet = _wallet(key, organization)
    held = balance_of(wallet, timezone.now())
    return answer(
        BalanceAnswer(
            organization=organization,
            unit=wallet.program.unit,
            decimals=wallet.program.decimals,
            balance=held.available,
            reserved=held.reserved,
            debt=held.debt,
        )
    )


def credits(request: HttpRequest) -> HttpResponse:
    """GET /api/billing/credits"""
    key = keys.reader(request)
    query = requests.query_of(request, ("organization", "cursor", "limit"))
    limit = requests.number_in(query, "limit", default=DEFAULT_LIMIT, most=MAX_LIMIT)
    before = _cursor(query)
    if key.organization_id is None and "organization" not in query:
        raise invalid("organization", "This key can access every organization. Name one.")
    wallet = _wallet(key, query.get("organization"))
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
            plan=plans.plan_of(wallet.organization_id),
            ai_on=all(service.ai_on for service in services),
            services=services,
            transactions=[_transaction(operation) for operation in page.operations],
            next_cursor=f"{page.next.number}-{page.next.operation_id.hex}" if page.next else None,
        )
    )


def _wallet(key: AuthenticatedKey, slug: str | None) -> Wallet:
    """Return the wallet of the named organization, or of the key's own. Raises ApiError (404)."""
    wallets = Wallet.objects.select_related("organization", "program").filter(organization__closed_at=None)
    wallets = wallets.only("organization__slug", "program__unit", "program__decimals")
    if slug is not None:
        # PostgreSQL refuses NUL in a text; there is no such organization either way.
        wallets = wallets.filter(organization__slug=slug) if "\0" not in slug else wallets.none()
    if key.organization_id is not None:
        wallets = wallets.filter(organization=key.organization_id)
    wallet = wallets.first()
    if wallet is None:
        raise ApiError("not_found", "The organization doesn't exist, or this key can't access it.")
    return wallet


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
