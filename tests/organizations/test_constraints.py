"""What the database itself refuses, past every model and verb: one test per constraint and trigger."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from organizations import audit_events
from organizations.audit_actions import Action
from organizations.models import Organization, Team, User
from tests.support import factories

HASH = "0" * 64


def refused(sql: str, *parameters: Any) -> str:
    """Run the statement, expect the database to refuse it, and return what it said."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            cursor.execute(sql, parameters)
    return str(refusal.value)


@pytest.fixture
def research(acme: Organization) -> Team:
    return factories.team(acme, "Research")


class TestUser:
    def test_an_address_is_lower_case(self, alice: User) -> None:
        assert "user_email_is_lower_case" in refused("UPDATE organizations_user SET email = 'Alice@example.com'")

    def test_an_address_has_one_account(self, alice: User, charlie: User) -> None:
        assert "organizations_user_email" in refused("UPDATE organizations_user SET email = 'same@example.com'")

    def test_the_language_is_one_of_ours(self, alice: User) -> None:
        assert "user_language_known" in refused("UPDATE organizations_user SET language = 'tlh'")

    def test_a_member_is_not_deleted(self, alice: User, acme: Organization) -> None:
        assert "foreign key" in refused("DELETE FROM organizations_user WHERE id = %s", alice.pk)


class TestOrganization:
    @pytest.mark.parametrize(
        ("column", "value", "constraint"),
        [
            ("language", "tlh", "organization_language_known"),
            ("country", "jp", "organization_country_is_iso"),
            ("currency", "YE", "organization_currency_is_iso"),
        ],
    )
    def test_its_columns_hold_what_they_should(
        self, acme: Organization, column: str, value: str, constraint: str
    ) -> None:
        assert constraint in refused(f"UPDATE organizations_organization SET {column} = %s", value)

    def test_the_slug_is_its_own(self, acme: Organization, charlie: User) -> None:
        assert "slug" in refused("UPDATE organizations_organization SET slug = 'same'")


class TestTeam:
    INSERT = "INSERT INTO organizations_team (public_id, organization_id, name, created_at) VALUES ('t', %s, %s, now())"

    def test_a_name_is_used_once_whatever_its_case(self, acme: Organization, research: Team) -> None:
        assert "team_name_is_unique_in_organization" in refused(self.INSERT, acme.pk, "RESEARCH")

    def test_the_target_of_the_composite_keys_is_unique(self, acme: Organization) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_constraint WHERE conname = 'team_belongs_to_one_organization'")
            assert cursor.fetchone() == (1,)


class TestMembership:
    def test_a_person_is_a_member_once(self, acme: Organization, bob: User) -> None:
        said = refused(
            "INSERT INTO organizations_membership (organization_id, user_id, role, created_at)"
            " VALUES (%s, %s, 'member', now())",
            acme.pk,
            bob.pk,
        )
        assert "membership_is_unique" in said

    def test_the_role_is_one_of_ours(self, acme: Organization) -> None:
        assert "membership_role_known" in refused("UPDATE organizations_membership SET role = 'king'")

    def test_the_team_is_of_the_same_organization(self, research: Team, charlie: User) -> None:
        said = refused("UPDATE organizations_membership SET team_id = %s WHERE user_id = %s", research.pk, charlie.pk)
        assert "membership_team_is_of_its_organization" in said


class TestInvitation:
    INSERT = (
        "INSERT INTO organizations_invitation (public_id, organization_id, email, role, team_id, token_hash,"
        " invited_by_id, created_at, expires_at, accepted_at, revoked_at) VALUES (%s, %s, %s, %s, %s, %s, %s,"
        " '2026-01-01', %s, %s, %s)"
    )

    def row(self, organization: Organization, alice: User, **changes: Any) -> list[Any]:
        columns = {
            "public_id": "inv_1",
            "organization": organization.pk,
            "email": "dora@example.com",
            "role": "member",
            "team": None,
            "hash": HASH,
            "by": alice.pk,
            "expires": "2026-01-08",
            "accepted": None,
            "revoked": None,
        }
        return list({**columns, **changes}.values())

    def test_an_address_has_one_open_invitation(self, acme: Organization, alice: User) -> None:
        with connection.cursor() as cursor:
            cursor.execute(self.INSERT, self.row(acme, alice))
        second = self.row(acme, alice, public_id="inv_2", hash="1" * 64)
        assert "invitation_is_open_once_per_address" in refused(self.INSERT, *second)

    def test_a_token_stands_for_one_invitation(self, acme: Organization, alice: User) -> None:
        with connection.cursor() as cursor:
            cursor.execute(self.INSERT, self.row(acme, alice))
        second = self.row(acme, alice, public_id="inv_2", email="emil@example.com")
        assert "token_hash" in refused(self.INSERT, *second)

    @pytest.mark.parametrize(
        ("changes", "constraint"),
        [
            ({"email": "Dora@example.com"}, "invitation_email_is_lower_case"),
            ({"role": "king"}, "invitation_role_known"),
            ({"hash": "the token itself"}, "invitation_token_is_hashed"),
            ({"expires": "2026-01-01"}, "invitation_expires_after_creation"),
            ({"accepted": "2026-01-02", "revoked": "2026-01-02"}, "invitation_is_not_accepted_and_revoked"),
        ],
    )
    def test_its_columns_hold_what_they_should(
        self, acme: Organization, alice: User, changes: dict[str, Any], constraint: str
    ) -> None:
        assert constraint in refused(self.INSERT, *self.row(acme, alice, **changes))

    def test_the_team_is_of_the_same_organization(self, research: Team, alice: User, charlie: User) -> None:
        globex = Organization.objects.get(slug="globex")
        said = refused(self.INSERT, *self.row(globex, alice, team=research.pk))
        assert "invitation_team_is_of_its_organization" in said


class TestApiKey:
    INSERT = (
        "INSERT INTO organizations_apikey (public_id, organization_id, name, scope, key_hash, hint, created_by_id,"
        " created_at) VALUES (%s, %s, %s, %s, %s, 'dd_abcd', %s, now())"
    )

    def test_the_scope_is_one_of_ours(self, acme: Organization, alice: User) -> None:
        said = refused(self.INSERT, "key_1", acme.pk, "CI", "everything", HASH, alice.pk)
        assert "api_key_scope_known" in said

    def test_only_a_hash_is_kept(self, acme: Organization, alice: User) -> None:
        said = refused(self.INSERT, "key_1", acme.pk, "CI", "read", "dd_" + "0" * 61, alice.pk)
        assert "api_key_is_hashed" in said

    @pytest.mark.parametrize("whose", ["an organization's", "a product server's"])
    def test_a_valid_key_has_its_name_alone(self, acme: Organization, alice: User, whose: str) -> None:
        owner = acme.pk if whose == "an organization's" else None
        with connection.cursor() as cursor:
            cursor.execute(self.INSERT, ["key_1", owner, "CI", "read", HASH, alice.pk])
        said = refused(self.INSERT, "key_2", owner, "ci", "read", "1" * 64, alice.pk)
        assert "api_key_name_is_unique_while_valid" in said

    def test_a_hash_stands_for_one_key(self, acme: Organization, alice: User) -> None:
        with connection.cursor() as cursor:
            cursor.execute(self.INSERT, ["key_1", acme.pk, "CI", "read", HASH, alice.pk])
        assert "key_hash" in refused(self.INSERT, "key_2", acme.pk, "Other", "read", HASH, alice.pk)


class TestAuditEvent:
    @pytest.mark.parametrize(
        ("statement", "verb"),
        [
            ("UPDATE organizations_auditevent SET reason = 'nicer'", "UPDATE"),
            ("DELETE FROM organizations_auditevent", "DELETE"),
            ("TRUNCATE organizations_auditevent", "TRUNCATE"),
        ],
    )
    def test_it_is_append_only(self, db: None, statement: str, verb: str) -> None:
        audit_events.record(action=Action.TEAM_CREATED)

        assert f"append-only: {verb} refused" in refused(statement)
