"""Codes, as owners use them: redeeming, being referred, referring others."""

import pytest
from django.test import Client

from billing.models import Referral, ReferralCode
from billing.purchases.referrals import code_of
from organizations.models import Role
from tests.support import factories
from tests.support.billing.shop import Shop, open_shop
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in

pytestmark = pytest.mark.django_db

URL = "/o/acme/promotions/"
ACTIONS = ["redeem/", "referral/", "code/"]


@pytest.fixture
def shop() -> Shop:
    return open_shop("fluxori")


@pytest.fixture
def alices(shop: Shop) -> Client:
    return signed_in(shop.owner)


def test_the_page_is_for_owners_alone(shop: Shop) -> None:
    assert_for_owners_alone(URL, organization=shop.organization, owner=shop.owner)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_for_owners_who_post(shop: Shop, alices: Client, action: str) -> None:
    bob = factories.person("Bob")
    factories.member(shop.organization, bob)

    assert alices.get(URL + action).status_code == 405
    assert signed_in(bob).post(URL + action).status_code == 403
    assert signed_in(factories.person("Charlie")).post(URL + action).status_code == 404
    assert Client().post(URL + action).status_code == 302


def test_a_code_is_redeemed_once_however_often_it_is_sent(shop: Shop, alices: Client) -> None:
    done = alices.post(URL + "redeem/", {"promotion-code": "welcome"}, follow=True)
    again = alices.post(URL + "redeem/", {"promotion-code": "welcome"})

    assert "WELCOME redeemed: 50 credits added." in done.content.decode()
    assert again.status_code == 409
    assert "has already used this promotion" in again.content.decode()
    assert shop.balance() == 50


@pytest.mark.parametrize(("code", "status"), [("", 422), ("x" * 101, 422), ("a\0", 422), ("NOPE", 409), ("'--", 409)])
def test_a_code_that_makes_no_sense_is_refused_beside_its_field(alices: Client, code: str, status: int) -> None:
    for action, name in [("redeem/", "promotion-code"), ("referral/", "referral-code")]:
        response = alices.post(URL + action, {name: code})
        assert response.status_code == status
        assert "field-error" in response.content.decode()


def test_a_referral_is_noted_and_shown_on_both_sides(shop: Shop, alices: Client) -> None:
    referrer = open_shop("fluxori", slug="referrer", owner=factories.person("Rita"), name="Cape Crafts")

    alices.post(URL + "referral/", {"referral-code": code_of(referrer.organization)})

    assert Referral.objects.count() == 1
    assert "Cape Crafts" in alices.get(URL).content.decode()
    assert "no purchase yet" in signed_in(referrer.owner).get("/o/referrer/promotions/").content.decode()


def test_looking_makes_no_code_and_asking_makes_one(shop: Shop, alices: Client) -> None:
    alices.get(URL)
    assert not ReferralCode.objects.exists()

    for _ in range(2):
        alices.post(URL + "code/")
    assert ReferralCode.objects.get().code in alices.get(URL).content.decode()


def test_a_program_without_referrals_shows_none() -> None:
    shop = open_shop("enrich")
    client = signed_in(shop.owner)

    assert "referral" not in client.get(URL).content.decode().lower()
    assert client.post(URL + "referral/", {"referral-code": "X"}).status_code == 422
    client.post(URL + "code/")
    assert not ReferralCode.objects.exists()


@pytest.mark.parametrize(("action", "name"), [("redeem/", "promotion-code"), ("referral/", "referral-code")])
def test_codes_can_not_be_guessed_one_after_the_other(shop: Shop, alices: Client, action: str, name: str) -> None:
    answers = [alices.post(URL + action, {name: f"GUESS{number}"}) for number in range(12)]

    assert "Too many tries" not in answers[9].content.decode()
    assert "Too many tries. Wait 15 minutes" in answers[10].content.decode()
    right = alices.post(URL + "redeem/", {"promotion-code": "WELCOME"})
    assert (right.status_code == 409) == (action == "redeem/"), "each kind of code is counted by itself"


def test_nor_by_many_accounts_of_one_address(shop: Shop) -> None:
    owners = [shop.owner]
    for number in range(3):
        owners.append(factories.person(f"Owner{number}"))
        factories.member(shop.organization, owners[-1], role=Role.OWNER)
    answers = [
        signed_in(owner).post(URL + "redeem/", {"promotion-code": f"GUESS{number}"}).content.decode()
        for owner in owners
        for number in range(10)
    ]

    assert ["Too many tries" in answer for answer in answers] == [False] * 30 + [True] * 10
