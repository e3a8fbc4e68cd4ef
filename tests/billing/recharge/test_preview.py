"""What a rule would have bought in the last 30 days, from the balances that the ledger recorded."""

from datetime import timedelta

import pytest

from billing.models import Purchase
from billing.recharge.preview import Preview, preview
from billing.recharge.rules import make_rule
from credits.models import Source, Wallet
from tests.support.billing.shop import NOW, Shop, open_shop

DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Ten million tokens, given forty days ago."""
    found = open_shop("enrich")
    found.driver.now = NOW - 40 * DAY
    found.give(10_000_000)
    return found


def spend_at(shop: Shop, days_ago: float, credits: int) -> None:
    shop.driver.now = NOW - days_ago * DAY
    shop.driver.spend(credits)


def seen(shop: Shop, *, pack: str = "standard", threshold: int = 500_000, limit: int = 5_000) -> Preview:
    rule = make_rule(shop.organization, pack_key=pack, threshold=threshold, monthly_limit_minor=limit)
    wallet = Wallet.objects.select_related("organization").get(pk=shop.wallet.pk)
    return preview(wallet, rule, now=NOW)


def test_nothing_where_the_balance_stayed_above(shop: Shop) -> None:
    spend_at(shop, 3, 9_500_000)

    assert seen(shop) == Preview(0, 0, 0, was_limited=False)


def test_what_was_bought_lifts_the_balances_after_it(shop: Shop) -> None:
    spend_at(shop, 20, 9_600_000)
    spend_at(shop, 10, 300_000)
    spend_at(shop, 5, 100_000)

    assert seen(shop) == Preview(1, 1, 1_000, was_limited=False)


def test_a_deep_fall_takes_several_lots_at_once(shop: Shop) -> None:
    spend_at(shop, 20, 10_000_000)

    assert seen(shop, pack="starter", threshold=2_500_000) == Preview(1, 3, 1_500, was_limited=False)


def test_the_limit_stops_it_within_the_organizations_month(shop: Shop) -> None:
    """Berlin's March begins on the 28th of February at 23:00 UTC, nine and a half days before NOW."""
    spend_at(shop, 20, 9_900_000)
    for days_ago in (15, 10, 9, 8):
        shop.driver.now = NOW - days_ago * DAY
        shop.give(2_500_000, source=Source.AUTO_RECHARGE)
        spend_at(shop, days_ago - 0.1, 2_500_000)

    assert seen(shop, limit=5_000) == Preview(5, 5, 5_000, was_limited=False)
    assert seen(shop, limit=1_000) == Preview(2, 2, 2_000, was_limited=True)


def test_what_happened_before_does_not_count(shop: Shop) -> None:
    spend_at(shop, 31, 10_000_000)

    assert seen(shop).purchases == 0


def test_what_auto_recharge_really_bought_is_left_out(shop: Shop) -> None:
    spend_at(shop, 20, 9_900_000)
    shop.driver.now = NOW - 19 * DAY
    shop.give(2_500_000, source=Source.AUTO_RECHARGE)
    spend_at(shop, 18, 2_000_000)

    assert seen(shop) == Preview(1, 1, 1_000, was_limited=False)
    assert Purchase.objects.count() == 0
