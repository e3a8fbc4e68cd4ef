"""Reading over HTTP: an organization's balance."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from credits.balance.queries import balance_of
from credits.models import Wallet
from organizations.api_keys import AuthenticatedKey
from usage.api import keys, requests
from usage.api.calls import answer
from usage.api.problems import ApiError
from usage.api.schemas import BalanceAnswer


def balance(request: HttpRequest, organization: str) -> HttpResponse:
    """GET /api/v1/organizations/{organization}/balance"""
    key = keys.reader(request)
    requests.query_of(request, ())
    wallet = wallet_of(key, organization)
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


def wallet_of(key: AuthenticatedKey, slug: str | None) -> Wallet:
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
