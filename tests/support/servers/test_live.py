"""The live server itself: a real one, on the test's database."""

import httpx

from tests.support import factories


def test_it_answers_on_a_port_of_its_own(live_api: httpx.Client) -> None:
    response = live_api.get("/accounts/login/")

    assert response.status_code == 200
    assert response.headers["server"] == "gunicorn"


def test_it_sees_what_the_test_commits(live_api: httpx.Client) -> None:
    person = factories.person("Alice")
    page = live_api.get("/accounts/login/")
    form = {"login": person.email, "password": factories.PASSWORD, "csrfmiddlewaretoken": _token(page)}

    response = live_api.post("/accounts/login/", data=form)

    assert response.status_code == 302


def test_it_serves_static_files(live_api: httpx.Client) -> None:
    assert live_api.get("/static/css/tokens.css").status_code == 200


def _token(page: httpx.Response) -> str:
    return page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
