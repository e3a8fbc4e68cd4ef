"""The members page and the page of one member, as Alice uses them."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from organizations.models import AuditEvent, Membership, Organization, Role, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


def member_url(person: User, action: str = "") -> str:
    return f"/o/acme/members/{person.public_id}/" + (f"{action}/" if action else "")


class TestTheList:
    def test_it_shows_everyone_with_role_and_team(self, alices: Client, acme: Organization, bob: User) -> None:
        dora = factories.person("Dora")
        factories.member(acme, dora, team=factories.team(acme, "Research"))
        page = alices.get("/o/acme/members/").content.decode()

        for expected in ["alice@example.com", "owner", "bob@example.com", "member", "Dora", "Research"]:
            assert expected in page

    def test_it_asks_as_few_questions_for_many_members_as_for_one(
        self, alices: Client, acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(5):
            factories.member(acme, factories.person(f"Person{number}"))

        with django_assert_num_queries(7):
            alices.get("/o/acme/members/")

    def test_it_shows_nobody_of_another_organization(self, alices: Client, charlie: User) -> None:
        assert "charlie" not in alices.get("/o/acme/members/").content.decode()

    def test_a_name_is_text_and_never_markup(self, alices: Client, acme: Organization) -> None:
        factories.member(acme, factories.person("Mallory"))
        User.objects.filter(email="mallory@example.com").update(name="<script>alert(1)</script>")

        assert "<script>alert" not in alices.get("/o/acme/members/").content.decode()


class TestRole:
    def test_alice_makes_bob_an_owner(self, alices: Client, alice: User, bob: User) -> None:
        response = alices.post(member_url(bob, "role"), {"role": "owner"}, follow=True)

        assert "Role of Bob updated." in response.content.decode()
        assert Membership.objects.get(user=bob).role == Role.OWNER
        assert AuditEvent.objects.get(action="member.role_changed").actor == alice

    def test_twice_is_once(self, alices: Client, bob: User) -> None:
        alices.post(member_url(bob, "role"), {"role": "owner"})
        alices.post(member_url(bob, "role"), {"role": "owner"})

        assert AuditEvent.objects.filter(action="member.role_changed").count() == 1

    def test_a_role_that_does_not_exist_is_refused(self, alices: Client, bob: User) -> None:
        response = alices.post(member_url(bob, "role"), {"role": "king"})

        assert response.status_code == 422
        assert "king is not one of the available choices" in response.content.decode()

    def test_the_last_owner_can_not_step_down(self, alices: Client, alice: User) -> None:
        response = alices.post(member_url(alice, "role"), {"role": "member"})

        assert response.status_code == 409
        assert "Alice is the last owner of Acme. Make someone else an owner first." in response.content.decode()

    def test_whoever_steps_down_lands_where_they_may_be(self, alices: Client, alice: User, bob: User) -> None:
        Membership.objects.filter(user=bob).update(role=Role.OWNER)

        assert alices.post(member_url(alice, "role"), {"role": "member"})["Location"] == "/"


class TestTeam:
    def test_bob_moves_into_a_team(self, alices: Client, acme: Organization, bob: User) -> None:
        team = factories.team(acme)
        alices.post(member_url(bob, "team"), {"team": team.public_id})

        assert Membership.objects.get(user=bob).team == team
        assert AuditEvent.objects.filter(action="member.moved").count() == 1

    def test_another_organizations_team_is_no_choice(self, alices: Client, bob: User, charlie: User) -> None:
        theirs = factories.team(Organization.objects.get(slug="globex"))
        response = alices.post(member_url(bob, "team"), {"team": theirs.public_id})

        assert response.status_code == 422
        assert Membership.objects.get(user=bob).team is None


class TestRemoval:
    def test_bob_is_removed_and_shut_out_at_once(self, alices: Client, bob: User) -> None:
        bobs_browser = signed_in(bob)
        response = alices.post(member_url(bob, "remove"), follow=True)

        assert "Bob removed from the organization." in response.content.decode()
        assert bobs_browser.get("/o/acme/members/").status_code == 404

    def test_twice_is_once(self, alices: Client, bob: User) -> None:
        alices.post(member_url(bob, "remove"))
        response = alices.post(member_url(bob, "remove"), follow=True)

        assert "This user is no longer a member." in response.content.decode()
        assert AuditEvent.objects.filter(action="member.removed").count() == 1

    def test_the_last_owner_can_not_be_removed(self, alices: Client, alice: User) -> None:
        assert alices.post(member_url(alice, "remove")).status_code == 409
        assert Membership.objects.filter(user=alice).exists()


class TestLeaving:
    def test_bob_is_asked_first_and_then_leaves(self, bob: User) -> None:
        alices = signed_in(bob)
        assert "Leave Acme" in alices.get("/o/acme/leave/").content.decode()
        assert Membership.objects.filter(user=bob).exists()

        response = alices.post("/o/acme/leave/", follow=True)
        assert "You left Acme." in response.content.decode()
        assert not Membership.objects.filter(user=bob).exists()

    def test_the_last_owner_is_told_what_to_do_instead(self, alices: Client) -> None:
        response = alices.post("/o/acme/leave/")

        assert response.status_code == 409
        assert "Make someone else an owner first." in response.content.decode()

    def test_a_stranger_has_nothing_to_leave(self, acme: Organization, charlie: User) -> None:
        assert signed_in(charlie).get("/o/acme/leave/").status_code == 404


@pytest.mark.parametrize("action", ["role", "team", "remove"])
class TestEveryAction:
    def test_refuses_get(self, alices: Client, bob: User, action: str) -> None:
        assert alices.get(member_url(bob, action)).status_code == 405

    def test_refuses_a_member(self, bob: User, action: str) -> None:
        assert signed_in(bob).post(member_url(bob, action), {"role": "owner"}).status_code == 403
        assert Membership.objects.get(user=bob).role == Role.MEMBER

    def test_does_not_exist_for_a_stranger(self, bob: User, charlie: User, action: str) -> None:
        assert signed_in(charlie).post(member_url(bob, action)).status_code == 404

    def test_reaches_nobody_of_another_organization(self, alices: Client, charlie: User, action: str) -> None:
        alices.post(member_url(charlie, action), {"role": "member"})

        assert Membership.objects.get(user=charlie).role == Role.OWNER

    def test_needs_its_token(self, alice: User, bob: User, action: str) -> None:
        alices = Client(enforce_csrf_checks=True)
        alices.force_login(alice)

        assert alices.post(member_url(bob, action), {"role": "owner"}).status_code == 403
