"""The five programs that ship, each told as one story that goes down its column of the table of terms, row by row.

Domain verbs against the payments sandbox, without a browser; at the end the sandbox's payments are ours to the minor
unit and the books are in order.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from billing.customers import payment_methods
from billing.models import Method, PackPrice, Plan, Purchase, RefundMode, Subscription
from billing.plans import invoiced, subscriptions
from billing.purchases import promotions, referrals, settlement
from billing.purchases.orders import DetailsMissing, HoldingLimitReached, MayNotBuy, MethodMissing
from billing.purchases.payments import Deposit, confirm_deposit
from billing.purchases.quotes import CustomChoice, NotForSale, PackChoice
from billing.recharge import charges, consent
from billing.recharge.rules import consent_text, make_rule
from billing.refunds import refunding, requests
from credits.balance.queries import balance_of
from credits.models import Grant
from organizations.api_keys import create_key
from organizations.models import Scope
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.shop import open_shop
from tests.support.billing.story import Story
from tests.support.pages.owner_pages import signed_in
from usage import limits
from usage.metering import usage_refunds
from usage.models import Service
from usage.services import ai_switch
from usage.uses import Insufficient, LimitReached, SwitchedOff

pytestmark = pytest.mark.django_db


@pytest.fixture
def tell(at_stripe: Payments) -> Iterator[Any]:
    """Begin the story of a program; its end is proved."""
    stories: list[Story] = []

    def begin(program: str, **fields: Any) -> Story:
        stories.append(Story(open_shop(program, **fields), at_stripe))
        return stories[-1]

    yield begin
    stories[0].end()


def test_growi(tell: Any) -> None:
    growi: Story = tell("growi")
    shop, owner = growi.shop, growi.shop.owner

    # Sold as lots of 5,000 credits at ¥10,000, to any organization; with a new card, the saved one, or Link.
    growi.buy(PackChoice("lot", lots=2), save=True)
    (saved,) = payment_methods.refresh(shop.organization)
    growi.buy(PackChoice("lot"), method=saved.stripe_id)
    growi.buy(PackChoice("lot"), method="link")
    assert growi.taken() == [(20_000, "JPY"), (10_000, "JPY"), (10_000, "JPY")]
    assert growi.left() == 20_000

    # Holding limit: open orders count, and what would pass it is refused before payment, with the numbers.
    order = shop.order(PackChoice("lot", lots=96), now=None)
    with pytest.raises(HoldingLimitReached, match="have 480,000 on order, so you can buy up to 0 more"):
        shop.order(PackChoice("lot"), now=None)
    assert len(growi.taken()) == 3
    settlement.cancel(order)

    # Purchased credits don't expire; the plan's fee and credits are separate.
    growi.subscribe("basic")
    assert growi.grants() == [("card", 10_000, 10_000), ("card", 5_000, 5_000), ("card", 5_000, 5_000)]
    assert {grant.expires_at for grant in shop.grants()} == {None}

    # Priced per feature.
    assert growi.costs("knowledge-assistant") == 10
    assert growi.costs("page-summary") == 3

    # At zero AI is switched off in all apps; after buying, the owner switches each on again.
    growi.use_up("knowledge-assistant", service="wiki", price=10)
    growi.use_up("search-suggestion", service="wiki", price=1)
    assert growi.left() == 0
    growi.buy(PackChoice("lot"))
    for service in Service.objects.all():
        with pytest.raises(SwitchedOff):
            growi.use("page-summary", service=service.key)
        ai_switch.switch_ai(service=service, on=True, actor=owner, needs_credits=True)
        assert growi.use("page-summary", service=service.key).credits == 3

    # Purchases are not refunded.
    with pytest.raises(requests.RequestRefused):
        requests.request(Purchase.objects.filter(state="paid")[0], message="Please", actor=owner)


def test_allibee(tell: Any) -> None:
    allibee: Story = tell("allibee")
    shop, organization, owner = allibee.shop, allibee.shop.organization, allibee.shop.owner

    # Packs by card, for owners only, with a payment method on file.
    bob = factories.person("Bob")
    factories.member(organization, bob)
    assert signed_in(bob).get(f"/o/{organization.slug}/buy/").status_code == 403
    with pytest.raises(MethodMissing, match="Add a payment method first"):
        shop.order(PackChoice("small"), now=None)
    allibee.put_card_on_file()
    by_card = allibee.buy(PackChoice("small"))
    assert allibee.taken() == [(11_000, "KRW")]

    # Or by bank transfer with a tax invoice; staff confirm the deposit.
    with pytest.raises(DetailsMissing):
        shop.order(PackChoice("medium"), method=Method.BANK_TRANSFER, now=None)
    shop.fill_in_details()
    order = shop.order(PackChoice("medium"), method=Method.BANK_TRANSFER, now=None)
    assert (order.billing_name, order.billing_tax_number) == ("Acme Co., Ltd.", "123-45-67890")
    today = timezone.now().astimezone(ZoneInfo("Asia/Seoul")).date()
    confirm_deposit(order, Deposit(52_000, today, factories.staff(), "On the statement."))
    assert allibee.grants() == [("card", 1_000, 1_000), ("bank_transfer", 5_000, 5_000)]

    # Purchased credits expire 360 days after the day of purchase, which 14 days before is announced.
    expires_at = allibee.grant_of(by_card).expires_at
    assert expires_at is not None
    last_day = expires_at.astimezone(ZoneInfo("Asia/Seoul")) - timedelta(seconds=1)
    assert last_day.date() - today == timedelta(days=360)
    assert balance_of(shop.wallet, expires_at - timedelta(days=13)).expiring_credits == 6_000
    assert allibee.left(at=expires_at) == 0

    # The plan brings credits each month, used first; source "plan".
    allibee.subscribe("team")
    assert allibee.grants()[-1] == ("plan", 2_000, 2_000)

    # Priced per feature.
    assert allibee.costs("document-draft") == 20
    assert allibee.costs("chat") == 2
    assert allibee.grants()[-1] == ("plan", 2_000, 1_978)

    # Refused until recharged.
    allibee.use_up("meeting-minutes", price=40)
    with pytest.raises(Insufficient) as refused:
        allibee.use("meeting-minutes")
    assert (refused.value.needed, refused.value.available) == (40, allibee.left())
    allibee.buy(PackChoice("small"))
    assert allibee.costs("meeting-minutes") == 40

    # "Used this month" on the dashboard.
    page = signed_in(owner).get(f"/o/{organization.slug}/").content.decode()
    assert "Used this month" in page


def test_allibee_of_a_customer_who_is_invoiced(tell: Any) -> None:
    allibee: Story = tell("allibee")
    plan = Plan.objects.get(program=allibee.shop.program, key="business")

    invoiced.put_on_plan(
        organization=allibee.shop.organization, plan=plan, actor=factories.staff(), reason="By contract."
    )

    # Invoiced customers' plan credits come in as bank transfer.
    assert allibee.grants() == [("bank_transfer", 8_000, 8_000)]


def test_fluxori(tell: Any) -> None:
    fluxori: Story = tell("fluxori")
    shop, organization, owner = fluxori.shop, fluxori.shop.organization, fluxori.shop.owner

    # Referral, noted before the first purchase.
    friend = open_shop("fluxori", slug="friend", owner=factories.person("Fay"), country="US", currency="USD")
    code = referrals.code_of(friend.organization)
    referrals.use_code(organization=organization, code=code, actor=owner, now=timezone.now())

    # Packs or a custom amount, in rand for South Africa, in dollars elsewhere; each with a reference to quote.
    pack = fluxori.buy(PackChoice("small"))
    custom = fluxori.buy(CustomChoice(9_000))
    abroad = Story(friend, fluxori.payments)
    abroad.buy(PackChoice("small"))
    assert fluxori.taken() == [(45_000, "ZAR"), (9_000, "ZAR"), (2_500, "USD")]
    assert (pack.credits, custom.credits) == (500, 100)
    assert pack.reference.startswith("FLX-")
    assert abroad.grants() == [("referral", 200, 200), ("card", 500, 500)]
    # Purchased credits never expire.
    assert fluxori.grant_of(pack).expires_at is None

    # The plan's credits come monthly, are used first, and expire at the end of the billing cycle.
    subscription = fluxori.subscribe("starter")
    allowance = shop.grants()[-1]
    assert (allowance.source, allowance.amount, allowance.expires_at) == ("plan", 300, subscription.period_end)

    # The prices of work.
    for feature, price in {
        "daily-market-trend-report": 50,
        "product-pricing-recommendation": 15,
        "inventory-restock-prediction": 25,
        "bulk-pricing-optimization": 100,
        "competitor-analysis": 75,
    }.items():
        assert fluxori.costs(feature) == price
    assert fluxori.costs("custom-ai-query", credits=35) == 35
    assert Grant.objects.get(pk=allowance.pk).remaining == 0

    # Promotions.
    promotions.redeem(organization=organization, code="welcome", actor=owner)
    assert fluxori.grants()[-1] == ("promotion", 50, 50)

    # Limits of a user, by the month.
    limits.set_limit(organization=organization, credits=310, actor=owner, user=owner)
    with pytest.raises(LimitReached):
        fluxori.use("product-pricing-recommendation")
    limits.set_limit(organization=organization, credits=100_000, actor=owner, user=owner)

    # Purchases are refunded through support, the unspent part.
    asked = requests.request(custom, message="Bought twice.", actor=owner)
    choice = refunding.RefundChoice(amount_minor=9_000, mode=RefundMode.UNSPENT, reason="Bought twice.")
    stella = factories.staff()
    refund = refunding.refund(custom, choice, refund_id=uuid4(), actor=stella)
    requests.grant(refund, actor=stella)
    asked.refresh_from_db()
    assert (refund.amount_minor, asked.state) == (9_000, "granted")
    assert fluxori.grant_of(custom).remaining == 0

    # Refused at zero, with the reason.
    fluxori.use_up("product-pricing-recommendation", price=15)
    with pytest.raises(Insufficient) as refused:
        fluxori.use("product-pricing-recommendation")
    assert (refused.value.needed, refused.value.available) == (15, fluxori.left())


def test_skydeck(tell: Any) -> None:
    skydeck: Story = tell("skydeck")
    shop, owner = skydeck.shop, skydeck.shop.owner

    # Owners on a paid plan may buy; the free one is not enough.
    for plan in (None, "free"):
        if plan:
            skydeck.subscribe(plan)
        with pytest.raises(MayNotBuy, match="Choose a plan first"):
            shop.order(CustomChoice(1_000), now=None)
    skydeck.subscribe("pro")

    # A custom amount, $1 to $100,000.
    for cents in (99, 10_000_001):
        with pytest.raises(NotForSale, match=r"from \$1\.00 to \$100,000\.00"):
            shop.order(CustomChoice(cents), now=None)
    least = skydeck.buy(CustomChoice(100))
    most = skydeck.buy(CustomChoice(10_000_000))
    assert skydeck.taken() == [(100, "USD"), (10_000_000, "USD")]
    # One credit is one dollar, kept to the millionth; no plan brings any; they never expire.
    assert skydeck.grants() == [("card", 1_000_000, 1_000_000), ("card", 100_000_000_000, 100_000_000_000)]
    assert skydeck.grant_of(most).expires_at is None

    # A confirmation message, and the balance at once.
    address = f"/o/{shop.organization.slug}/purchases/{least.reference}/return/"
    page = signed_in(owner).get(address).content.decode()
    assert "Your payment is confirmed and the credits are in your balance." in page
    assert "100,001" in page

    # Per token, by model, input and output apart; rounded up to the millionth of a credit.
    tokens = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    assert skydeck.costs("chat", model="chat-small", **tokens) == 750_000
    assert skydeck.costs("chat", model="chat-large", **tokens) == 18_000_000
    assert skydeck.costs("chat", model="chat-small", input_tokens=1, output_tokens=0) == 1

    # Refused at zero.
    skydeck.use("chat", model="chat-large", input_tokens=skydeck.left() // 3, output_tokens=0)
    with pytest.raises(Insufficient):
        skydeck.use("chat", model="chat-large", input_tokens=1, output_tokens=0)

    # Never refunded.
    with pytest.raises(requests.RequestRefused):
        requests.request(least, message="Please", actor=owner)


def test_enrich(tell: Any) -> None:
    enrich: Story = tell("enrich")
    shop, organization, owner = enrich.shop, enrich.shop.organization, enrich.shop.owner

    # Who is on the free plan must upgrade first.
    enrich.subscribe("free")
    with pytest.raises(MayNotBuy, match="Choose a plan first"):
        shop.order(PackChoice("starter"), now=None)
    enrich.subscribe("team")

    # Four packs, Standard the most popular; purchased tokens never expire.
    prices = PackPrice.objects.filter(pack__program=shop.program, currency="EUR").order_by("pack__position")
    assert list(prices.values_list("pack__name", "pack__credits", "amount_minor", "pack__is_most_popular")) == [
        ("Starter", 1_000_000, 500, False),
        ("Standard", 2_500_000, 1_000, True),
        ("Plus", 7_000_000, 2_500, False),
        ("Pro", 15_000_000, 5_000, False),
    ]
    bought = enrich.buy(PackChoice("starter"), save=True)
    assert enrich.grant_of(bought).expires_at is None

    # One token of work is one token, whatever the operation; the month's tokens are used first.
    assert enrich.costs("enrichment", quantity=50_000) == 50_000
    assert enrich.costs("hygiene", quantity=7) == 7
    assert enrich.grant_of(bought).remaining == 1_000_000

    # A failed operation gives its tokens back.
    failed = enrich.use("enrichment", quantity=1_000)
    usage_refunds.refund(failed.event_id, credits=None, key="failed", reason="Timed out.", within=None)

    # Each transaction shows amount, type, time, project and session, in the API too.
    _key, text = create_key(organization=organization, name="Server", scope=Scope.READ, created_by=owner)
    answer = Client().get("/api/billing/credits", headers={"Authorization": f"Bearer {text}"}).json()
    (used,) = [each for each in answer["transactions"] if each["amount"] == -7]
    assert (used["type"], used["project"], used["session"]) == ("usage", "atlas", "s-1")

    # Auto-recharge: pack, threshold, monthly limit; as many at once as it takes, then no more than the limit.
    payment_methods.refresh(organization)
    rule = make_rule(organization, pack_key="standard", threshold=500_000, monthly_limit_minor=1_500)
    shown = consent.digest(consent_text(organization, rule))
    consent.turn_on(organization=organization, rule=rule, shown=shown, actor=owner)
    enrich.use("enrichment", quantity=enrich.left() - 400_000)
    attempt = charges.recharge(shop.wallet.pk)
    assert attempt is not None
    assert (attempt.state, attempt.amount_minor, enrich.left()) == ("succeeded", 1_000, 2_900_000)
    assert enrich.grants()[-1][:2] == ("auto_recharge", 2_500_000)

    # Else refused.
    enrich.use("enrichment", quantity=2_900_000)
    assert charges.recharge(shop.wallet.pk) is None
    with pytest.raises(Insufficient):
        enrich.use("enrichment", quantity=1)
    assert enrich.taken() == [(500, "EUR"), (1_000, "EUR")]

    # The next month's tokens come with its payment, and last month's are gone.
    subscription = Subscription.objects.get(organization=organization)
    enrich.payments.control("renew", subscription=subscription.stripe_id)
    enrich.payments.settle()
    subscriptions.settle(str(subscription.stripe_id), now=enrich.now())
    assert enrich.left(at=enrich.now()) == 3_000_000
