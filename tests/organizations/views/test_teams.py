"""The teams page and the page of one team, as Alice uses them."""

import pytest
from django.test import Client

from organizations.models import AuditEvent, Organization, Team, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


@pytest.fixture
def research(acme: Organization) -> Team:
    return factories.team(acme, "Research")


def test_it_shows_the_teams_and_how_many_are_in_each(alices: Client, acme: Organization, research: Team) -> None:
    factories.member(acme, factories.person("Dora"), team=research)
    response = alices.get("/o/acme/teams/")

    assert [(team.name, team.people) for team in response.context["teams"]] == [("Research", 1)]
    assert "Research" in response.content.decode()


def test_alice_makes_a_team_once_however_often_she_clicks(alices: Client) -> None:
    first = alices.post("/o/acme/teams/create/", {"name": "Sales"}, follow=True)
    second = alices.post("/o/acme/teams/create/", {"name": "Sales"})

    assert "Team Sales created." in first.content.decode()
    assert second.status_code == 409
    assert "A team named Sales already exists." in second.content.decode()
    assert AuditEvent.objects.filter(action="team.created").count() == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "This field is required."),
        ("x" * 101, "at most 100 characters"),
        ("\x00", "Null characters are not allowed."),
    ],
)
def test_a_name_that_is_none_is_refused(alices: Client, name: str, sentence: str) -> None:
    response = alices.post("/o/acme/teams/create/", {"name": name})

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Team.objects.exists()


def test_alice_renames_a_team(alices: Client, research: Team) -> None:
    alices.post(f"/o/acme/teams/{research.public_id}/rename/", {"name": "Science"})

    research.refresh_from_db()
    assert research.name == "Science"


def test_a_name_that_is_taken_is_refused_on_the_teams_page(alices: Client, acme: Organization, research: Team) -> None:
    factories.team(acme, "Sales")
    response = alices.post(f"/o/acme/teams/{research.public_id}/rename/", {"name": "sales"})

    assert response.status_code == 409
    assert "A team named sales already exists." in response.content.decode()


def test_alice_closes_a_team_once_however_often_she_clicks(alices: Client, research: Team) -> None:
    for _click in range(2):
        page = alices.post(f"/o/acme/teams/{research.public_id}/close/", follow=True).content.decode()

    assert "The team Research is already closed." in page
    assert AuditEvent.objects.filter(action="team.closed").count() == 1
    assert "This team is closed." in alices.get(f"/o/acme/teams/{research.public_id}/").content.decode()


@pytest.mark.parametrize("action", ["create", "{team}/rename", "{team}/close"])
class TestEveryAction:
    def test_is_a_post_by_an_owner(
        self, alices: Client, research: Team, bob: User, charlie: User, client: Client, action: str
    ) -> None:
        url = f"/o/acme/teams/{action.format(team=research.public_id)}/"

        assert alices.get(url).status_code == 405
        assert signed_in(bob).post(url, {"name": "Mine"}).status_code == 403
        assert signed_in(charlie).post(url, {"name": "Mine"}).status_code == 404
        assert client.post(url, {"name": "Mine"}).status_code == 302
        assert not Team.objects.filter(name="Mine").exists()


@pytest.mark.parametrize("action", ["", "rename/", "close/"])
def test_another_organizations_team_does_not_exist(alices: Client, charlie: User, action: str) -> None:
    theirs = factories.team(Organization.objects.get(slug="globex"))
    url = f"/o/acme/teams/{theirs.public_id}/{action}"

    assert (alices.post(url, {"name": "Mine"}) if action else alices.get(url)).status_code == 404
