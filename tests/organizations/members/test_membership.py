"""The verbs of membership: who is in, as what, and never without an owner."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from unittest import mock

import pytest
from django.core.exceptions import ValidationError

from organizations.members import membership
from organizations.models import AuditEvent, Membership, Organization, Role, User
from tests.support import factories
from tests.support.races import run_together


def actions(organization: Organization) -> list[str]:
    return list(
        AuditEvent.objects.filter(organization=organization).order_by("created_at").values_list("action", flat=True)
    )


def owners(organization: Organization) -> set[User]:
    return {m.user for m in Membership.objects.filter(organization=organization, role=Role.OWNER)}


class TestCreate:
    def test_it_makes_its_owner_a_member_and_records_it(self, acme: Organization, alice: User) -> None:
        assert owners(acme) == {alice}
        assert actions(acme) == ["organization.created"]

    @pytest.mark.parametrize(
        "wrong",
        [{"country": "Japan"}, {"currency": "yen"}, {"time_zone": "Tokyo"}, {"language": "tlh"}, {"slug": "a b"}],
    )
    def test_it_refuses_terms_that_mean_nothing(self, alice: User, wrong: dict[str, str]) -> None:
        with pytest.raises(ValidationError):
            factories.organization(alice, **wrong)

        assert not Organization.objects.exists()

    def test_it_refuses_a_slug_that_is_taken(self, acme: Organization, alice: User) -> None:
        with pytest.raises(ValidationError):
            factories.organization(alice, slug="acme")


class TestRoles:
    def test_a_member_becomes_an_owner(self, acme: Organization, alice: User, bob: User) -> None:
        membership.change_role(organization=acme, user=bob, role=Role.OWNER, actor=alice, reason="Holidays")

        assert owners(acme) == {alice, bob}
        event = AuditEvent.objects.get(action="member.role_changed")
        assert (event.actor, event.target, event.reason) == (alice, bob.public_id, "Holidays")

    def test_the_same_role_again_records_nothing(self, acme: Organization, alice: User, bob: User) -> None:
        before = actions(acme)
        membership.change_role(organization=acme, user=bob, role=Role.MEMBER, actor=alice)

        assert actions(acme) == before

    def test_the_last_owner_keeps_the_role(self, acme: Organization, alice: User, bob: User) -> None:
        with pytest.raises(membership.LastOwnerError, match="Alice is the last owner of Acme"):
            membership.change_role(organization=acme, user=alice, role=Role.MEMBER, actor=alice)

        assert owners(acme) == {alice}

    def test_a_suspended_owner_does_not_count(self, acme: Organization, alice: User, bob: User) -> None:
        membership.change_role(organization=acme, user=bob, role=Role.OWNER, actor=alice)
        User.objects.filter(pk=bob.pk).update(is_active=False)

        with pytest.raises(membership.LastOwnerError):
            membership.leave(organization=acme, user=alice)

    def test_a_stranger_has_no_role(self, acme: Organization, alice: User, charlie: User) -> None:
        with pytest.raises(membership.NotAMemberError):
            membership.change_role(organization=acme, user=charlie, role=Role.OWNER, actor=alice)


class TestLeaving:
    def test_a_removed_member_is_gone_and_it_is_recorded(self, acme: Organization, alice: User, bob: User) -> None:
        membership.remove_member(organization=acme, user=bob, actor=alice)

        assert not Membership.objects.filter(organization=acme, user=bob).exists()
        assert actions(acme)[-1] == "member.removed"

    def test_leaving_is_recorded_as_leaving(self, acme: Organization, bob: User) -> None:
        membership.leave(organization=acme, user=bob)

        assert actions(acme)[-1] == "member.left"

    def test_a_second_removal_is_refused_and_records_nothing(self, acme: Organization, alice: User, bob: User) -> None:
        membership.remove_member(organization=acme, user=bob, actor=alice)
        before = actions(acme)

        with pytest.raises(membership.NotAMemberError):
            membership.remove_member(organization=acme, user=bob, actor=alice)
        assert actions(acme) == before

    def test_the_last_owner_stays(self, acme: Organization, alice: User) -> None:
        with pytest.raises(membership.LastOwnerError):
            membership.leave(organization=acme, user=alice)

    def test_nothing_changes_in_a_closed_organization(self, acme: Organization, alice: User, bob: User) -> None:
        Organization.objects.update(closed_at="2026-01-01T00:00Z")

        with pytest.raises(membership.OrganizationClosedError):
            membership.remove_member(organization=acme, user=bob, actor=alice)


class TestTeams:
    def test_a_member_moves_into_a_team_and_out_again(self, acme: Organization, alice: User, bob: User) -> None:
        team = factories.team(acme)
        membership.move_to_team(organization=acme, user=bob, team=team, actor=alice)
        assert Membership.objects.get(user=bob).team == team

        membership.move_to_team(organization=acme, user=bob, team=None, actor=alice)
        assert Membership.objects.get(user=bob).team is None
        assert actions(acme).count("member.moved") == 2

    def test_another_organizations_team_is_refused(self, acme: Organization, alice: User, charlie: User) -> None:
        theirs = factories.team(Organization.objects.get(slug="globex"))

        with pytest.raises(membership.TeamClosedError):
            membership.move_to_team(organization=acme, user=alice, team=theirs, actor=alice)


@pytest.mark.django_db(transaction=True)
class TestTwoOwnersLeaveAtOnce:
    """Each sees the other as a reason to go. The lock makes one of them see the truth; the control shows why."""

    @pytest.fixture
    def pair(self) -> tuple[Organization, User, User]:
        alice, bob = factories.person("Alice"), factories.person("Bob")
        acme = factories.organization(alice)
        factories.member(acme, bob, role=Role.OWNER)
        return acme, alice, bob

    @pytest.fixture(autouse=True)
    def _meeting_after_the_check(self) -> Iterator[None]:
        """Hold each leaver between decision and deed until the other one is there too, or can't come."""
        meeting = threading.Barrier(2)
        check = membership._refuse_last_owner

        def check_and_wait(organization: Organization, user: User) -> None:
            check(organization, user)
            # Broken when the other one waits for our lock, as it should.
            with suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=1)

        with mock.patch.object(membership, "_refuse_last_owner", check_and_wait):
            yield

    def test_one_of_them_has_to_stay(self, pair: tuple[Organization, User, User]) -> None:
        acme, alice, bob = pair
        outcomes = run_together(
            [
                lambda: membership.leave(organization=acme, user=alice),
                lambda: membership.leave(organization=acme, user=bob),
            ]
        )

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastOwnerError", "NoneType"]
        assert len(owners(acme)) == 1

    def test_control_without_the_lock_nobody_is_left(self, pair: tuple[Organization, User, User]) -> None:
        acme, alice, bob = pair
        with mock.patch.object(membership, "lock_organization", lambda organization: organization):
            run_together(
                [
                    lambda: membership.leave(organization=acme, user=alice),
                    lambda: membership.leave(organization=acme, user=bob),
                ]
            )

        assert owners(acme) == set()
