"""The staff's pages: what Stella can do there, and the trace that each thing leaves."""

from uuid import uuid4

import pytest
from django.test import Client

from organizations import api_keys
from organizations.accounts.people import verified_addresses
from organizations.models import ApiKey, AuditEvent, Membership, Organization, Role, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in

# The rows of other tables that a page shows and does not change, as a browser sends them.
INLINES = {f"{rows}-{count}_FORMS": "0" for rows in ["memberships", "teams"] for count in ["TOTAL", "INITIAL"]}


@pytest.fixture
def stellas(stella: User) -> Client:
    return signed_in(stella)


@pytest.mark.parametrize("model", ["user", "organization", "membership", "invitation", "apikey", "auditevent"])
class TestEveryList:
    def test_opens_and_can_be_searched(self, stellas: Client, acme: Organization, model: str) -> None:
        assert stellas.get(f"/admin/organizations/{model}/?q=alice").status_code == 200

    def test_deletes_nothing(self, stellas: Client, acme: Organization, model: str) -> None:
        page = stellas.get(f"/admin/organizations/{model}/").content.decode()

        assert "delete_selected" not in page


class TestOrganizations:
    TERMS = {
        "slug": "initech",
        "name": "Initech",
        "country": "DE",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "language": "en",
        "reason": "Signed the contract",
        **INLINES,
    }

    def test_a_new_one_has_an_owner_and_a_trace(self, stellas: Client, stella: User, alice: User) -> None:
        stellas.post("/admin/organizations/organization/add/", {**self.TERMS, "owner": alice.pk})

        initech = Organization.objects.get(slug="initech")
        assert Membership.objects.get(organization=initech).user == alice
        event = AuditEvent.objects.get(organization=initech, action="organization.created_by_staff")
        assert (event.actor, event.reason) == (stella, "Signed the contract")

    def test_a_change_asks_for_a_reason(self, stellas: Client, acme: Organization) -> None:
        page = stellas.post(
            f"/admin/organizations/organization/{acme.pk}/change/", {**self.TERMS, "name": "Acme & Sons", "reason": ""}
        )

        assert "This field is required." in page.content.decode()
        acme.refresh_from_db()
        assert acme.name == "Acme"

    def test_a_change_says_what_changed_from_what_to_what(self, stellas: Client, acme: Organization) -> None:
        url = f"/admin/organizations/organization/{acme.pk}/change/"
        assert b"alice@example.com" in stellas.get(url).content or b"Alice" in stellas.get(url).content
        terms = {**self.TERMS, "country": "JP", "currency": "JPY", "time_zone": "UTC", "name": "Acme & Sons"}
        stellas.post(url, {**terms, "closed_at_0": "", "closed_at_1": ""})

        event = AuditEvent.objects.get(action="organization.changed_by_staff")
        assert event.details == {"name": {"from": "Acme", "to": "Acme & Sons"}}


class TestMembers:
    def test_a_new_owner_is_added_with_a_reason(self, stellas: Client, acme: Organization, charlie: User) -> None:
        stellas.post(
            "/admin/organizations/membership/add/",
            {"organization": acme.pk, "user": charlie.pk, "role": "owner", "team": "", "reason": "Alice is gone"},
        )

        assert Membership.objects.get(organization=acme, user=charlie).role == Role.OWNER
        assert AuditEvent.objects.get(action="member.created_by_staff").reason == "Alice is gone"

    def test_the_last_owner_can_not_be_demoted(self, stellas: Client, acme: Organization, alice: User) -> None:
        found = Membership.objects.get(organization=acme, user=alice)
        page = stellas.post(
            f"/admin/organizations/membership/{found.pk}/change/", {"role": "member", "team": "", "reason": "Mistake"}
        )

        assert "This is the last owner." in page.content.decode()
        found.refresh_from_db()
        assert found.role == Role.OWNER

    def test_a_closed_organization_takes_nobody_in(self, stellas: Client, acme: Organization, charlie: User) -> None:
        Organization.objects.filter(pk=acme.pk).update(closed_at="2026-01-01T00:00Z")
        page = stellas.post(
            "/admin/organizations/membership/add/",
            {"organization": acme.pk, "user": charlie.pk, "role": "owner", "team": "", "reason": "?"},
            follow=True,
        )

        assert "Acme is closed." in page.content.decode()
        assert not Membership.objects.filter(organization=acme, user=charlie).exists()


class TestUsers:
    def test_suspending_someone_leaves_a_trace(self, stellas: Client, alice: User) -> None:
        stellas.post(
            f"/admin/organizations/user/{alice.pk}/change/",
            {"email": alice.email, "name": "Alice", "language": "en", "reason": "Asked by phone", **INLINES},
        )

        alice.refresh_from_db()
        assert not alice.is_active
        event = AuditEvent.objects.get(action="user.changed_by_staff")
        assert event.details == {"is_active": {"from": "True", "to": "False"}}
        assert event.target == alice.public_id

    def test_a_new_person_may_sign_in_with_a_verified_address(self, stellas: Client) -> None:
        stellas.post(
            "/admin/organizations/user/add/",
            {
                "email": "Dora@Example.com",
                "name": "Dora",
                "language": "en",
                "is_active": "on",
                "reason": "New",
                **INLINES,
            },
        )

        dora = User.objects.get(email="dora@example.com")
        assert not dora.has_usable_password()
        assert verified_addresses(dora) == {"dora@example.com"}

    def test_no_password_hash_is_shown(self, stellas: Client, alice: User) -> None:
        page = stellas.get(f"/admin/organizations/user/{alice.pk}/change/").content.decode()

        assert alice.password not in page


class TestApiKeys:
    def test_a_product_servers_key_is_shown_once_and_works(self, stellas: Client, stella: User) -> None:
        response = stellas.post(
            "/admin/organizations/apikey/add/", {"name": "Product", "scope": "spend", "reason": "Launch"}
        )

        text = response.context["secret"]
        assert text in response.content.decode()
        assert "no-store" in response["Cache-Control"]
        found = api_keys.authenticate(text)
        assert found is not None
        assert (found.organization_id, found.may_spend) == (None, True)
        event = AuditEvent.objects.get(action="api_key.created")
        assert (event.actor, event.reason) == (stella, "Launch")

    def test_neither_text_nor_hash_is_ever_shown_again(self, stellas: Client, stella: User) -> None:
        key, text = api_keys.create_key(organization=None, name="Product", scope="read", created_by=stella)
        for url in ["/admin/organizations/apikey/", f"/admin/organizations/apikey/{key.pk}/change/"]:
            page = stellas.get(url).content.decode()
            assert key.hint in page
            assert text not in page
            assert key.key_hash not in page

    def test_twice_is_once(self, stellas: Client) -> None:
        for _click in range(2):
            page = stellas.post(
                "/admin/organizations/apikey/add/", {"name": "Product", "scope": "read", "reason": "Launch"}
            )

        assert "A key named Product already exists." in page.content.decode()
        assert ApiKey.objects.count() == 1

    def test_revoking_asks_why_first(self, stellas: Client, acme: Organization, alice: User) -> None:
        key, text = api_keys.create_key(organization=acme, name="CI", scope="read", created_by=alice)
        url, chosen = "/admin/organizations/apikey/", {"action": "revoke", "_selected_action": key.pk}
        assert "Reason" in stellas.post(url, chosen).content.decode()
        assert api_keys.authenticate(text)

        stellas.post(url, {**chosen, "reason": "Leaked", "token": str(uuid4())})
        assert api_keys.authenticate(text) is None
        assert AuditEvent.objects.get(action="api_key.revoked").reason == "Leaked"


class TestAuditEvents:
    def test_they_are_read_only(self, stellas: Client, acme: Organization) -> None:
        event = AuditEvent.objects.get(organization=acme)

        assert stellas.get(f"/admin/organizations/auditevent/{event.pk}/change/").status_code == 200
        assert stellas.post(f"/admin/organizations/auditevent/{event.pk}/change/", {}).status_code == 403
        assert stellas.get("/admin/organizations/auditevent/add/").status_code == 403

    def test_they_are_filtered_by_any_declared_action(self, stellas: Client, acme: Organization) -> None:
        url = "/admin/organizations/auditevent/"

        page = stellas.get(url).content.decode()
        assert all(f"?action={action}" in page for action in ("organization.created", "refund.failed", "limit.set"))
        assert "1 audit event" in stellas.get(url, {"action": "organization.created"}).content.decode()
        assert "0 audit events" in stellas.get(url, {"action": "refund.failed"}).content.decode()


def test_a_mail_address_finds_the_organization(stellas: Client, acme: Organization, charlie: User) -> None:
    page = stellas.get("/admin/organizations/organization/?q=alice@example.com").content.decode()

    assert "Acme" in page
    assert "Globex" not in page


def test_whoever_is_no_staff_has_no_admin(acme: Organization, alice: User) -> None:
    assert signed_in(alice).get("/admin/organizations/user/").status_code in {302, 403}
    assert factories.PASSWORD not in signed_in(alice).get("/admin/", follow=True).content.decode()
