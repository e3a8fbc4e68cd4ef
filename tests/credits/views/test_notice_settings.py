"""The settings of notices: which kinds appear where, who gets the emails, and below what the balance is low."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.dashboard.events import GRANT_EXPIRING
from credits.models import Program, Wallet
from domain_events import registry
from notices import addresses, kinds, preferences
from notices.kinds import Audience
from notices.models import NoticeRecipient, NoticeSetting
from notices.preferences import Way
from organizations.models import AuditEvent, Organization, User
from tests.support import factories
from tests.support.factories import OPENED_AT
from tests.support.pages.owner_pages import signed_in
from usage.limits.events import LIMIT_THRESHOLD

pytestmark = pytest.mark.django_db

URL = "/o/acme/notices/settings/"
UNCHANGED = {"low_below": "", **{kind.name: Way.BOTH.value for kind in kinds.of_owners()}}
ESSENTIAL = sorted(kind.name for kind in kinds.of_owners() if kind.is_essential)


@pytest.fixture
def alice(db: None) -> User:
    return factories.person("Alice")


@pytest.fixture
def acme(alice: User) -> Organization:
    return factories.organization(alice)


@pytest.fixture
def program(db: None) -> Program:
    return factories.program(decimals=2, low_balance=50_000)


@pytest.fixture
def wallet(acme: Organization, program: Program) -> Wallet:
    return factories.wallet(acme, program)


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


def saved(client: Client, **fields: Any) -> None:
    response = client.post(URL, {**UNCHANGED, **fields})
    assert response.status_code == 302, response.context["form"].errors
    assert response["Location"] == URL


def threshold(wallet: Wallet) -> int | None:
    return Wallet.objects.get(pk=wallet.pk).low_below


class TestThePage:
    def test_owners_see_it_and_nobody_else(self, acme: Organization, alice: User, wallet: Wallet) -> None:
        bob, charlie = factories.person("Bob"), factories.person("Charlie")
        factories.member(acme, bob)
        factories.organization(charlie, slug="globex")
        for method in ("get", "post"):
            assert getattr(signed_in(bob), method)(URL).status_code == 403
            assert getattr(signed_in(charlie), method)(URL).status_code == 404
            assert getattr(Client(), method)(URL)["Location"].startswith("/accounts/login/")
        assert signed_in(alice).get(URL).status_code == 200
        assert signed_in(alice).delete(URL).status_code == 405

    def test_it_shows_what_is_set(self, alices: Client, acme: Organization, alice: User, wallet: Wallet) -> None:
        NoticeSetting.objects.create(organization=acme, kind=LIMIT_THRESHOLD.name, by_mail=False)
        NoticeRecipient.objects.create(organization=acme, user=alice)
        Wallet.objects.filter(pk=wallet.pk).update(low_below=12_345)

        page = alices.get(URL).content.decode()

        assert 'name="low_below" value="123.45"' in page
        assert '<option value="dashboard" selected>' in page
        assert re.search(rf'value="{alice.public_id}"[^>]*checked', page)
        assert "Leave empty to use 500.00 credits, or enter 0 to turn the alert off." in page

    def test_it_asks_as_few_questions_for_many_people_as_for_one(
        self, alices: Client, acme: Organization, wallet: Wallet, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for name in ("Bob", "Dora", "Eve"):
            factories.member(acme, factories.person(name))

        with django_assert_num_queries(8):
            assert alices.get(URL).status_code == 200

    def test_an_organization_without_credits_has_no_mark_to_set(self, alices: Client, acme: Organization) -> None:
        assert 'name="low_below"' not in alices.get(URL).content.decode()
        saved(alices, **{LIMIT_THRESHOLD.name: Way.DASHBOARD})
        assert preferences.ways_of(acme)[LIMIT_THRESHOLD.name] == Way.DASHBOARD

    def test_addresses_that_refuse_mail_are_named(self, alices: Client, acme: Organization, wallet: Wallet) -> None:
        bob = factories.person("Bob")
        factories.member(acme, bob)
        addresses.refuse(bob.email, reason="550 no such user", now=OPENED_AT)
        addresses.refuse("stranger@example.com", reason="550 no such user", now=OPENED_AT)

        page = alices.get(URL).content.decode()

        assert "Addresses that rejected our email" in page
        assert "bob@example.com" in page
        assert "550 no such user" in page
        assert "stranger@example.com" not in page

    def test_it_offers_every_declared_kind_that_owners_get(self, alices: Client, acme: Organization) -> None:
        page = alices.get(URL).content.decode()

        for event in registry.every():
            is_theirs = event.notice is not None and event.notice.audience != Audience.PERSON
            assert (f'name="{event.name}"' in page) == is_theirs
        assert "Limit threshold reached" in page


class TestTheThreshold:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [("0", 0), ("0.01", 1), ("1234.5", 123_450), ("", None), (" 7 ", 700), ("10000000000", 10**12)],
    )
    def test_it_is_read_exactly(self, alices: Client, wallet: Wallet, typed: str, kept: int | None) -> None:
        saved(alices, low_below=typed)

        assert threshold(wallet) == kept

    @pytest.mark.parametrize("typed", ["-1", "0.001", "many", "1e99", "NaN", "10000000000.01"])
    def test_nonsense_is_refused_and_nothing_is_written(self, alices: Client, wallet: Wallet, typed: str) -> None:
        response = alices.post(URL, {**UNCHANGED, "low_below": typed, LIMIT_THRESHOLD.name: Way.MAIL})

        assert response.status_code == 422
        assert response.context["form"].errors["low_below"]
        assert threshold(wallet) is None
        assert not NoticeSetting.objects.exists()
        assert not AuditEvent.objects.filter(action="notices.settings_changed").exists()

    def test_whole_credits_take_no_decimals(self, alices: Client, program: Program, wallet: Wallet) -> None:
        Program.objects.filter(pk=program.pk).update(decimals=0)

        response = alices.post(URL, {**UNCHANGED, "low_below": "0.5"})

        assert "This program counts whole credits" in response.content.decode()

    def test_it_can_be_left_to_the_program_again(self, alices: Client, wallet: Wallet) -> None:
        saved(alices, low_below="7")
        saved(alices, low_below="")

        assert threshold(wallet) is None


class TestWaysAndRecipients:
    @pytest.mark.parametrize("way", list(Way))
    def test_each_way_can_be_chosen(self, alices: Client, acme: Organization, wallet: Wallet, way: Way) -> None:
        saved(alices, **{GRANT_EXPIRING.name: way})

        assert preferences.ways_of(acme) == {
            **{kind.name: Way.BOTH for kind in kinds.of_owners()},
            GRANT_EXPIRING.name: way,
        }

    @pytest.mark.parametrize("kind", ESSENTIAL)
    def test_what_is_essential_is_emailed_or_shown(
        self, alices: Client, acme: Organization, wallet: Wallet, kind: str
    ) -> None:
        assert alices.post(URL, {**UNCHANGED, kind: Way.NEITHER}).status_code == 422
        with pytest.raises(ValueError, match="by email or shown on the dashboard"):
            preferences.change(organization=acme, ways={kind: Way.NEITHER}, recipients=[])
        assert not NoticeSetting.objects.exists()

    def test_recipients_are_members_only(self, alices: Client, acme: Organization, wallet: Wallet) -> None:
        bob, charlie = factories.person("Bob"), factories.person("Charlie")
        factories.member(acme, bob)
        factories.organization(charlie, slug="globex")

        assert alices.post(URL, {**UNCHANGED, "recipients": [charlie.public_id]}).status_code == 422
        saved(alices, recipients=[bob.public_id])
        assert preferences.recipients_of(acme) == [bob]
        saved(alices)
        assert preferences.recipients_of(acme) == []


class TestTheRecord:
    def test_what_changed_is_recorded_once(
        self, alices: Client, acme: Organization, alice: User, wallet: Wallet
    ) -> None:
        for _ in range(2):
            saved(alices, low_below="7", recipients=[alice.public_id], **{LIMIT_THRESHOLD.name: Way.MAIL})

        event = AuditEvent.objects.get(action="notices.settings_changed")
        assert (event.actor, event.organization, event.target) == (alice, acme, "acme")
        assert event.details == {
            "limit.threshold": {"from": "both", "to": "mail"},
            "low_below": {"from": None, "to": 700},
            "recipients": {"from": [], "to": [alice.public_id]},
        }

    def test_nothing_changed_records_nothing(self, alices: Client, wallet: Wallet) -> None:
        saved(alices)

        assert not AuditEvent.objects.filter(action="notices.settings_changed").exists()
