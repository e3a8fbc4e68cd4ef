"""The verbs of teams."""

import pytest

from organizations.members import teams
from organizations.models import AuditEvent, Membership, Organization, Team, User
from tests.support import factories


def test_a_team_is_made_and_recorded(acme: Organization, alice: User) -> None:
    team = teams.create_team(organization=acme, name="Research", actor=alice)

    event = AuditEvent.objects.get(action="team.created")
    assert (event.organization, event.actor, event.target) == (acme, alice, team.public_id)


def test_a_name_that_is_taken_is_refused_whatever_its_case(acme: Organization, alice: User) -> None:
    factories.team(acme, "Research")

    with pytest.raises(teams.TeamNameTakenError, match="A team named RESEARCH already exists"):
        teams.create_team(organization=acme, name="RESEARCH", actor=alice)
    assert Team.objects.count() == 1


def test_another_organization_may_use_the_same_name(acme: Organization, charlie: User) -> None:
    factories.team(acme, "Research")
    factories.team(Organization.objects.get(slug="globex"), "Research")

    assert Team.objects.filter(name="Research").count() == 2


def test_a_team_can_change_the_case_of_its_own_name(acme: Organization, alice: User) -> None:
    team = factories.team(acme, "research")
    teams.rename_team(organization=acme, team=team, name="Research", actor=alice)

    team.refresh_from_db()
    assert team.name == "Research"


def test_its_own_name_again_records_nothing(acme: Organization, alice: User) -> None:
    teams.rename_team(organization=acme, team=factories.team(acme, "Research"), name="Research", actor=alice)

    assert not AuditEvent.objects.filter(action="team.renamed").exists()


def test_closing_sets_its_members_free_and_its_name_too(acme: Organization, alice: User, bob: User) -> None:
    team = factories.team(acme, "Research")
    Membership.objects.filter(user=bob).update(team=team)
    teams.close_team(organization=acme, team=team, actor=alice)

    assert Membership.objects.get(user=bob).team is None
    assert factories.team(acme, "Research") != team


def test_closing_twice_is_refused_and_records_once(acme: Organization, alice: User) -> None:
    team = factories.team(acme)
    teams.close_team(organization=acme, team=team, actor=alice)

    with pytest.raises(teams.NoSuchTeamError):
        teams.close_team(organization=acme, team=team, actor=alice)
    assert AuditEvent.objects.filter(action="team.closed").count() == 1


def test_another_organizations_team_is_out_of_reach(acme: Organization, alice: User, charlie: User) -> None:
    theirs = factories.team(Organization.objects.get(slug="globex"))

    with pytest.raises(teams.NoSuchTeamError):
        teams.close_team(organization=acme, team=theirs, actor=alice)
