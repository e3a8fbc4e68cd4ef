"""Codes that bring credits: once per organization, within their dates, up to their limit of uses."""

from datetime import timedelta

import pytest

from billing.models import Promotion, PromotionUse
from billing.purchases.promotions import PromotionRefused, redeem
from credits.models import Source
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.shop import NOW, Shop, open_shop, prove_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop("fluxori")


def use(shop: Shop, code: str = "WELCOME") -> PromotionUse:
    return redeem(organization=shop.organization, code=code, actor=shop.owner, now=NOW)


def test_a_code_brings_its_credits_for_its_days(shop: Shop) -> None:
    use(shop, " welcome ")

    (grant,) = shop.grants()
    assert (grant.amount, grant.source, grant.cost_minor) == (50, Source.PROMOTION, 0)
    assert grant.expires_at == NOW + timedelta(days=30)
    event = AuditEvent.objects.get(action="promotion.redeemed")
    assert (event.target, event.actor, event.organization) == ("WELCOME", shop.owner, shop.organization)
    prove_books()


def test_a_second_time_is_refused_and_brings_nothing(shop: Shop) -> None:
    use(shop)

    with pytest.raises(PromotionRefused, match="has already used this promotion"):
        use(shop)

    assert shop.balance() == 50


def test_another_organization_may_use_it_too(shop: Shop) -> None:
    use(shop)
    other = open_shop("fluxori", slug="globex", owner=factories.person("Dora"))

    use(other)

    assert other.balance() == 50


def test_it_is_used_at_most_so_often(shop: Shop) -> None:
    Promotion.objects.update(most_uses=1)
    use(shop)
    other = open_shop("fluxori", slug="globex", owner=factories.person("Dora"))
    Promotion.objects.update(most_uses=1)  # the second load sells it again

    with pytest.raises(PromotionRefused, match="reached its maximum number of uses"):
        use(other)
    assert other.balance() == 0


def test_a_percentage_is_no_code_to_redeem(shop: Shop) -> None:
    Promotion.objects.create(program=shop.program, code="LESS", name="Less", percent_off=10)

    with pytest.raises(PromotionRefused, match="Enter it when you buy"):
        use(shop, "LESS")


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [({"starts_at": NOW + timedelta(seconds=1)}, "not started"), ({"ends_at": NOW}, "has ended")],
)
def test_outside_its_time_it_is_refused(shop: Shop, bounds: dict[str, object], sentence: str) -> None:
    Promotion.objects.update(**bounds)

    with pytest.raises(PromotionRefused, match=sentence):
        use(shop)


def test_an_organization_without_a_program_has_no_codes() -> None:
    owner = factories.person()

    with pytest.raises(PromotionRefused, match="does not exist"):
        redeem(organization=factories.organization(owner), code="WELCOME", actor=owner)
