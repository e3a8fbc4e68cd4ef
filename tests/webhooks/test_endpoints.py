"""Endpoints: made, changed, switched, their secrets replaced without a gap; each with a trace."""

from datetime import timedelta
from typing import Any

import pytest

from organizations.models import AuditEvent, Organization, User
from tests.webhooks.conftest import NOW
from webhooks import endpoints, event_types, signing
from webhooks.addresses import BadAddress
from webhooks.endpoints import create_endpoint, rotate_secret
from webhooks.models import WebhookEndpoint, WebhookSecret

URL = "https://acme.example/hooks?token=geheim"


def current(endpoint: WebhookEndpoint) -> int:
    return WebhookSecret.objects.get(endpoint=endpoint, signs_until=None).pk


class TestMaking:
    def test_it_comes_with_its_secret_which_is_kept_encrypted(self, acme: Organization, alice: User) -> None:
        endpoint, secret = create_endpoint(
            organization=acme,
            url=URL,
            description="Our CRM",
            event_types=["purchase.paid", "balance.low"],
            actor=alice,
            now=NOW,
        )

        kept = WebhookSecret.objects.get()
        assert signing.unseal(kept.sealed) == secret
        assert endpoint.event_types == ["balance.low", "purchase.paid"]
        assert secret not in str(list(WebhookSecret.objects.values()) + list(AuditEvent.objects.values()))

    def test_it_is_recorded_without_what_may_be_a_token(self, acme: Organization, alice: User) -> None:
        endpoint, _secret = create_endpoint(organization=acme, url=URL, actor=alice, now=NOW)

        event = AuditEvent.objects.get(action="webhook_endpoint.created")
        assert (event.organization, event.actor, event.target) == (acme, alice, endpoint.public_id)
        assert event.details["url"] == "acme.example"
        assert "geheim" not in str(event.details)

    def test_an_address_has_one_endpoint(self, acme: Organization, globex: Organization, alice: User) -> None:
        create_endpoint(organization=acme, url=URL, actor=alice)
        with pytest.raises(endpoints.AddressTaken):
            create_endpoint(organization=acme, url=URL, actor=alice)

        assert create_endpoint(organization=globex, url=URL, actor=alice)
        assert WebhookEndpoint.objects.count() == 2
        assert AuditEvent.objects.filter(action="webhook_endpoint.created").count() == 2

    def test_an_organization_has_at_most_twenty(self, acme: Organization, alice: User, stella: User) -> None:
        for number in range(endpoints.MOST_ENDPOINTS):
            WebhookEndpoint.objects.create(organization=acme, url=f"https://a.example/{number}", created_at=NOW)
        with pytest.raises(endpoints.TooManyEndpoints, match="You already have 20 endpoints"):
            create_endpoint(organization=acme, url=URL, actor=alice)

        assert create_endpoint(organization=None, url=URL, actor=stella)

    def test_an_inner_address_is_refused(self, acme: Organization, alice: User) -> None:
        with pytest.raises(BadAddress):
            create_endpoint(organization=acme, url="https://10.0.0.1/", actor=alice)
        assert not WebhookEndpoint.objects.exists()

    def test_what_staff_alone_may_do(self, acme: Organization, alice: User, stella: User) -> None:
        reserved: list[dict[str, Any]] = [{"organization": None}, {"organization": acme, "allows_private": True}]
        for terms in reserved:
            with pytest.raises(endpoints.StaffDecide):
                create_endpoint(url=URL, actor=alice, **terms)

        for_all, _secret = create_endpoint(
            organization=None, url="http://10.0.0.1/", allows_private=True, actor=stella, reason="The product"
        )
        assert for_all.organization is None
        assert AuditEvent.objects.get(action="webhook_endpoint.created").reason == "The product"


class TestChanging:
    def change(self, endpoint: WebhookEndpoint, actor: User, **terms: Any) -> None:
        what = {"url": endpoint.url, "description": "", "event_types": [], **terms}
        endpoints.change_endpoint(endpoint=endpoint, actor=actor, **what)
        endpoint.refresh_from_db()

    def test_what_changed_is_recorded_and_nothing_else(self, public: WebhookEndpoint, alice: User) -> None:
        self.change(public, alice, url="https://other.example/", event_types=["limit.reached"])

        assert (public.url, public.event_types) == ("https://other.example/", ["limit.reached"])
        assert AuditEvent.objects.get(action="webhook_endpoint.changed").details == {
            "url": {"from": "acme.example", "to": "other.example"},
            "event_types": {"from": [], "to": ["limit.reached"]},
        }

    def test_no_change_leaves_no_trace(self, public: WebhookEndpoint, alice: User) -> None:
        self.change(public, alice)

        assert not AuditEvent.objects.filter(action="webhook_endpoint.changed").exists()

    def test_to_a_bad_or_taken_address_is_refused(
        self, public: WebhookEndpoint, acme: Organization, alice: User
    ) -> None:
        create_endpoint(organization=acme, url=URL, actor=alice)
        with pytest.raises(BadAddress):
            self.change(public, alice, url="http://acme.example/")
        with pytest.raises(endpoints.AddressTaken):
            self.change(public, alice, url=URL)

        public.refresh_from_db()
        assert public.url == "https://acme.example/hooks"

    def test_an_owner_can_not_turn_what_staff_allowed_to_another_inner_address(
        self, endpoint: WebhookEndpoint, alice: User, stella: User
    ) -> None:
        urls = ["http://10.0.0.2/", "https://acme.example/"]
        turns: list[dict[str, Any]] = [*({"url": url} for url in urls), {"allows_private": False}]
        for terms in turns:
            with pytest.raises(endpoints.StaffDecide):
                self.change(endpoint, alice, **terms)
        self.change(endpoint, alice, description="Ours")
        assert endpoint.description == "Ours"

        self.change(endpoint, stella, url="https://acme.example/", description="Ours", allows_private=False)
        assert not endpoint.allows_private

    def test_an_owner_can_not_allow_private_addresses(self, public: WebhookEndpoint, alice: User) -> None:
        with pytest.raises(endpoints.StaffDecide):
            self.change(public, alice, allows_private=True)


class TestSwitching:
    def test_off_and_on_once_each_however_often(self, public: WebhookEndpoint, alice: User) -> None:
        for _click in range(2):
            endpoints.disable_endpoint(endpoint=public, actor=alice, now=NOW)
        assert WebhookEndpoint.objects.get().disabled_at == NOW
        for _click in range(2):
            endpoints.enable_endpoint(endpoint=public, actor=alice)
        assert WebhookEndpoint.objects.get().disabled_at is None

        actions = AuditEvent.objects.filter(target=public.public_id).values_list("action", flat=True)
        assert sorted(actions) == [
            "webhook_endpoint.created",
            "webhook_endpoint.disabled",
            "webhook_endpoint.enabled",
        ]

    def test_on_again_it_begins_afresh(self, public: WebhookEndpoint, alice: User) -> None:
        WebhookEndpoint.objects.update(disabled_at=NOW, is_gone=True, failing_since=NOW)
        endpoints.enable_endpoint(endpoint=public, actor=alice)

        public.refresh_from_db()
        assert (public.disabled_at, public.is_gone, public.failing_since) == (None, False, None)


class TestRotating:
    def test_the_old_one_signs_for_a_day_more(self, public: WebhookEndpoint, alice: User) -> None:
        old = WebhookSecret.objects.get()
        secret = rotate_secret(endpoint=public, replaces=old.pk, actor=alice, now=NOW)

        old.refresh_from_db()
        assert old.signs_until == NOW + timedelta(hours=24)
        assert signing.unseal(WebhookSecret.objects.get(signs_until=None).sealed) == secret
        assert AuditEvent.objects.get(action="webhook_endpoint.secret_rotated").actor == alice

    def test_a_second_click_makes_no_second_one(self, public: WebhookEndpoint, alice: User) -> None:
        first = current(public)
        rotate_secret(endpoint=public, replaces=first, actor=alice, now=NOW)
        with pytest.raises(endpoints.SecretReplaced, match="a moment ago"):
            rotate_secret(endpoint=public, replaces=first, actor=alice, now=NOW)

        assert WebhookSecret.objects.count() == 2

    def test_twice_in_a_day_leaves_no_gap_either(self, public: WebhookEndpoint, alice: User) -> None:
        for hours in (0, 1):
            rotate_secret(endpoint=public, replaces=current(public), actor=alice, now=NOW + timedelta(hours=hours))

        until = WebhookSecret.objects.order_by("pk").values_list("signs_until", flat=True)
        assert list(until) == [NOW + timedelta(hours=24), NOW + timedelta(hours=25), None]

    def test_there_is_a_limit(self, public: WebhookEndpoint, alice: User) -> None:
        for _time in range(endpoints.MOST_SECRETS - 1):
            rotate_secret(endpoint=public, replaces=current(public), actor=alice, now=NOW)
        with pytest.raises(endpoints.SecretReplaced, match="too often"):
            rotate_secret(endpoint=public, replaces=current(public), actor=alice, now=NOW)

        rotate_secret(endpoint=public, replaces=current(public), actor=alice, now=NOW + timedelta(hours=24))
        assert WebhookSecret.objects.count() == 2

    def test_another_endpoints_secret_replaces_nothing(self, public: WebhookEndpoint, alice: User) -> None:
        other, _secret = create_endpoint(organization=public.organization, url=URL, actor=alice)
        with pytest.raises(endpoints.SecretReplaced):
            rotate_secret(endpoint=public, replaces=current(other), actor=alice)


def test_every_type_but_the_test_can_be_wanted(acme: Organization, alice: User) -> None:
    chosen = [*(each.name for each in event_types.documented()), "x"]
    endpoint, _secret = create_endpoint(organization=acme, url=URL, event_types=chosen, actor=alice)

    assert endpoint.event_types == [each.name for each in event_types.offered()]
    assert "test" not in endpoint.event_types
