"""A limit in two browsers: the owner sets it, the API refuses beyond it, the member asks, the owner answers by mail."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from notices import delivery
from organizations.api_keys import create_key
from organizations.models import Scope, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in
from tests.support.usage.usage_stage import Stage, set_up

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def browse(browser: Browser, person: User, base_url: str) -> Page:
    """A browser of a person's own, signed in."""
    context = browser.new_context(base_url=base_url)
    session = signed_in(person).cookies["session"].value
    context.add_cookies([{"name": "session", "value": session, "url": base_url}])
    return context.new_page()


def press(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def spend(stage: Stage, token: str, key: str, person: User) -> tuple[int, dict[str, Any]]:
    """Use a report, for 50 credits, by the API."""
    answer = Client().post(
        "/api/v1/usage",
        {"organization": stage.organization.slug, "feature": "report", "user": person.email},
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )
    return answer.status_code, answer.json()


def mailed_link(address: str) -> str:
    """Send the mails that are owed; the link of the last one to this address."""
    delivery.send_due()
    bodies = [str(message.body) for message in mail.outbox if message.to == [address]]
    found = re.search(r"https?://[^/]+(/o/\S+)", bodies[-1])
    assert found is not None
    return found[1]


def test_a_limit_is_set_met_asked_about_and_raised_from_the_mail(browser: Browser, base_url: str) -> None:
    stage = set_up(credits=1_000)
    bob = factories.person("Bob")
    factories.member(stage.organization, bob)
    _, token = create_key(organization=stage.organization, name="Product", scope=Scope.SPEND, created_by=stage.owner)

    owner = browse(browser, stage.owner, base_url)
    owner.goto("/o/acme/limits/add/")
    owner.get_by_label("Applies to").select_option("member")
    owner.get_by_label("Email address of the member").fill("bob@example.com")
    owner.get_by_label("Monthly limit").fill("60")
    press(owner, "Set limit")
    expect(owner.get_by_text("Limit created.")).to_be_visible()

    assert spend(stage, token, "first", bob)[0] == 201
    status, problem = spend(stage, token, "second", bob)
    named = problem["limit"]
    assert (status, problem["type"]) == (403, "/api/problems/usage_limit_reached")
    assert (named["scope"], named["name"], named["credits"], named["used"]) == ("user", "Bob", 60, 50)

    member = browse(browser, bob, base_url)
    member.goto("/o/acme/my-usage/")
    expect(member.get_by_text("10 credits left: 50 of 60 used")).to_be_visible()
    member.get_by_role("link", name="Request a higher limit").click()
    member.get_by_label("What do you need it for?").fill("The fair is near.")
    press(member, "Send request")
    expect(member.get_by_text("You requested a higher limit on")).to_be_visible()

    owner.goto(mailed_link("alice@example.com"))
    expect(owner.get_by_role("heading", level=1)).to_have_text("Bob requested a higher limit")
    expect(owner.get_by_text("The fair is near.")).to_be_visible()
    owner.get_by_label("New monthly limit").fill("200")
    press(owner, "Approve")
    expect(owner.get_by_role("button", name="Approve")).to_have_count(0)

    # The key that was refused is used by nothing yet: the same call passes now.
    assert spend(stage, token, "second", bob)[0] == 201
    member.goto(mailed_link("bob@example.com"))
    expect(member.get_by_text("100 credits left: 100 of 200 used")).to_be_visible()
