"""Who gets in: the anonymous, strangers, members, owners; and on whose clocks and in whose language."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from organizations.accounts.people import give_totp
from organizations.models import Organization, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in

OWNER_PAGES = ["/o/acme/members/", "/o/acme/teams/", "/o/acme/keys/", "/o/acme/settings/"]


@pytest.mark.parametrize("url", OWNER_PAGES)
class TestEveryOwnerPage:
    def test_works_for_the_owner_with_few_queries(
        self, acme: Organization, alice: User, url: str, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        client = signed_in(alice)
        with django_assert_max_num_queries(7):
            assert client.get(url).status_code == 200

    def test_refuses_a_member_and_names_the_owners(self, acme: Organization, bob: User, url: str) -> None:
        response = signed_in(bob).get(url)

        assert response.status_code == 403
        assert "alice@example.com" in response.content.decode()

    def test_does_not_exist_for_a_stranger(self, acme: Organization, charlie: User, url: str) -> None:
        assert signed_in(charlie).get(url).status_code == 404

    def test_sends_the_anonymous_to_sign_in_and_back(self, acme: Organization, client: Client, url: str) -> None:
        assert client.get(url)["Location"] == f"/accounts/login/?next={url}"

    def test_does_not_exist_once_the_organization_is_closed(self, acme: Organization, alice: User, url: str) -> None:
        Organization.objects.update(closed_at="2026-01-01T00:00Z")

        assert signed_in(alice).get(url).status_code == 404


class TestTwoFactors:
    @pytest.fixture(autouse=True)
    def _required(self, acme: Organization) -> None:
        Organization.objects.filter(pk=acme.pk).update(requires_two_factor=True)

    def test_whoever_has_one_factor_is_sent_to_the_set_up_and_told_why(self, alice: User) -> None:
        response = signed_in(alice).get("/o/acme/members/")

        assert response["Location"] == "/accounts/2fa/"
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            "Acme requires two-factor authentication. Set it up here to continue."
        ]

    def test_whoever_has_two_gets_in(self, alice: User) -> None:
        give_totp(alice, factories.TOTP_SECRET)

        assert signed_in(alice).get("/o/acme/members/").status_code == 200


class TestLanguage:
    def test_a_page_speaks_the_persons_language(self, acme: Organization, alice: User) -> None:
        User.objects.update(language="ja")

        assert '<html lang="ja">' in signed_in(alice).get("/o/acme/members/").content.decode()

    def test_a_chosen_language_stays_chosen(self, acme: Organization, alice: User) -> None:
        response = signed_in(alice).post("/language/", {"language": "ko", "next": "/o/acme/members/"})

        assert response["Location"] == "/o/acme/members/"
        alice.refresh_from_db()
        assert alice.language == "ko"

    def test_the_anonymous_choose_by_cookie(self, client: Client, db: None) -> None:
        client.post("/language/", {"language": "ko", "next": "/accounts/login/"})

        assert '<html lang="ko">' in client.get("/accounts/login/").content.decode()

    def test_a_language_that_we_do_not_speak_is_not_kept(self, acme: Organization, alice: User) -> None:
        signed_in(alice).post("/language/", {"language": "tlh"})

        alice.refresh_from_db()
        assert alice.language == "en"

    def test_choosing_is_by_post(self, client: Client) -> None:
        assert client.get("/language/").status_code == 405


class TestTimeZone:
    def test_a_page_is_on_the_organizations_clocks(self, acme: Organization, alice: User) -> None:
        Organization.objects.filter(pk=acme.pk).update(time_zone="Asia/Tokyo")

        assert "Asia/Tokyo" in signed_in(alice).get("/o/acme/members/").content.decode()

    def test_and_the_next_page_is_not(self, acme: Organization, alice: User) -> None:
        Organization.objects.filter(pk=acme.pk).update(time_zone="Asia/Tokyo")
        client = signed_in(alice)
        client.get("/o/acme/members/")

        assert "Asia/Tokyo" not in client.get("/accounts/email/").content.decode()
