"""Referrals: both sides are credited at the first paid purchase of the referred one, once; not to oneself."""

from datetime import timedelta

import pytest

from billing.models import Promotion, Referral
from billing.purchases.referrals import ReferralRefused, code_of, use_code
from billing.purchases.settlement import cancel
from credits.models import Source
from organizations.models import AuditEvent, Organization
from tests.support import factories
from tests.support.billing.shop import NOW, Shop, open_shop, prove_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def referrer() -> Shop:
    return open_shop("fluxori", slug="referrer", owner=factories.person("Rita"))


@pytest.fixture
def shop(referrer: Shop) -> Shop:
    """The organization that was brought."""
    return open_shop("fluxori")


def use(shop: Shop, code: str) -> Referral:
    return use_code(organization=shop.organization, code=code, actor=shop.owner, now=NOW)


def test_the_first_paid_purchase_credits_both_sides_for_their_days(referrer: Shop, shop: Shop) -> None:
    use(shop, code_of(referrer.organization))
    assert (referrer.balance(), shop.balance()) == (0, 0)

    shop.buy()

    assert (referrer.balance(), shop.balance()) == (200, 500 + 100)
    (gift,) = referrer.grants()
    assert (gift.source, gift.expires_at) == (Source.REFERRAL, NOW + timedelta(days=90))
    referral = Referral.objects.get()
    assert referral.credited_at == NOW
    assert referral.referrer_operation is not None
    assert referral.referred_operation is not None
    prove_books()


def test_the_second_credits_nobody(referrer: Shop, shop: Shop) -> None:
    use(shop, code_of(referrer.organization))
    shop.buy()
    shop.buy()

    assert (referrer.balance(), shop.balance()) == (200, 1_100)


def test_orders_that_come_to_nothing_and_free_ones_credit_nobody(referrer: Shop, shop: Shop) -> None:
    use(shop, code_of(referrer.organization))
    cancel(shop.order(), now=NOW)
    Promotion.objects.create(program=shop.program, code="ALL", name="All", percent_off=100)
    shop.buy(promotion_code="ALL")

    assert referrer.balance() == 0

    shop.buy()
    assert referrer.balance() == 200


def test_a_code_is_made_once_and_recorded(referrer: Shop) -> None:
    code = code_of(referrer.organization, actor=referrer.owner)

    assert code_of(referrer.organization) == code
    assert AuditEvent.objects.get(action="referral.code_made").target == code


def test_the_same_code_again_is_the_same_referral(referrer: Shop, shop: Shop) -> None:
    code = code_of(referrer.organization)

    assert use(shop, code) == use(shop, code.lower())
    assert AuditEvent.objects.filter(action="referral.used").count() == 1


def test_not_to_oneself(shop: Shop) -> None:
    with pytest.raises(ReferralRefused, match="your own code"):
        use(shop, code_of(shop.organization))


def test_not_to_an_organization_with_the_same_people(referrer: Shop, shop: Shop) -> None:
    factories.member(referrer.organization, shop.owner)

    with pytest.raises(ReferralRefused, match="share a member"):
        use(shop, code_of(referrer.organization))


def test_not_after_the_first_purchase(referrer: Shop, shop: Shop) -> None:
    shop.buy()

    with pytest.raises(ReferralRefused, match="before the first purchase"):
        use(shop, code_of(referrer.organization))


def test_not_twice_by_different_codes(referrer: Shop, shop: Shop) -> None:
    other = open_shop("fluxori", slug="other", owner=factories.person("Otto"))
    use(shop, code_of(referrer.organization))

    with pytest.raises(ReferralRefused, match="already used a referral code"):
        use(shop, code_of(other.organization))


def test_not_by_a_code_of_another_program_or_of_nobody(shop: Shop) -> None:
    other = open_shop("enrich", slug="other", owner=factories.person("Otto"))

    for code in (code_of(other.organization), "NOPE"):
        with pytest.raises(ReferralRefused, match="This referral code does not exist"):
            use(shop, code)


def test_not_by_one_of_an_organization_that_has_closed(referrer: Shop, shop: Shop) -> None:
    code = code_of(referrer.organization)
    Organization.objects.filter(slug="referrer").update(closed_at=NOW)

    with pytest.raises(ReferralRefused, match="This referral code does not exist"):
        use(shop, code)


def test_nor_where_the_program_has_no_referrals() -> None:
    referrer = open_shop("enrich", slug="referrer", owner=factories.person("Rita"))
    shop = open_shop("enrich")
    shop.subscribe("team")
    use(shop, code_of(referrer.organization))

    shop.buy()

    assert referrer.balance() == 0
