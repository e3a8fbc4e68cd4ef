"""What tests of the meter stand on: an organization with credits, and features with prices."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from credits import audit, ledger
from credits.models import Operation, Program, Source, Wallet
from organizations.models import Organization, User
from tests.support import factories
from tests.support.credits.reference.invariants import check_wallet
from tests.support.database import built_once
from usage.limits import audit as limit_audit
from usage.metering.audit import EVENTS
from usage.metering.meter import meter
from usage.models import Feature, Rate, UsageEvent
from usage.uses import Metered, Use, UseRefusal

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
# What every use says unless the test says otherwise.
ACME = {"organization": "acme", "via": "test"}


@dataclass(frozen=True)
class Stage:
    """Alice owns acme, which holds credits; a report costs 50, a chat 3 per token in and 15 out, a query 10 to 50."""

    owner: User
    organization: Organization
    program: Program
    wallet: Wallet

    def use(self, key: str, feature: str = "report", **fields: Any) -> Use:
        """A use by Alice."""
        return Use(**{**ACME, "key": key, "feature": feature, "user": self.owner.email, **fields})

    def meter(self, *uses: Use, now: datetime = NOW) -> list[Metered | UseRefusal]:
        """Have uses metered in one batch."""
        return meter(uses, now=now)

    def pay(self, key: str, feature: str = "report", *, now: datetime = NOW, **fields: Any) -> Metered:
        """Have one use by Alice metered; raise what it was refused for."""
        (answer,) = meter([self.use(key, feature, **fields)], now=now)
        if isinstance(answer, UseRefusal):
            raise answer
        return answer

    def event(self, metered: Metered) -> UsageEvent:
        """The event of a use that was paid for."""
        return UsageEvent.objects.get(pk=metered.event_id)

    def give(self, credits: int, *, key: str = "more", now: datetime = NOW) -> None:
        """Give the organization credits."""
        give(self.wallet, credits, key=key, now=now)

    def balance(self) -> int:
        """What the ledger's wallet row says."""
        return Wallet.objects.get(pk=self.wallet.pk).balance


def row_counts() -> tuple[int, int]:
    """How many operations and usage events there are: the same before and after says that nothing was written."""
    return Operation.objects.count(), UsageEvent.objects.count()


def prove_books() -> None:
    """Fail where the ledger and the meter's events contradict themselves or each other."""
    for wallet in Wallet.objects.all():
        check_wallet(wallet.pk)
        scope = audit.Scope(now=wallet.last_written_at, wallet_id=wallet.pk)
        broken = [*audit.prove_ledger(scope), *audit.prove([*EVENTS, *limit_audit.invariants(scope)], scope)]
        assert not broken, [f"{b.invariant.sentence} {b.worst}" for b in broken]


def give(wallet: Wallet, credits: int, *, key: str = "first", now: datetime = NOW, **terms: Any) -> ledger.Recorded:
    """Give a wallet credits that never expire."""
    with ledger.open_book(keys=[(wallet.pk, key)], now=now) as book:
        return ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=credits,
            source=Source.GOODWILL,
            key=key,
            content_hash=ledger.hash_content(key=key, credits=credits),
            cause=ledger.Cause(actor_label="test", memo="for the test"),
            **terms,
        )


@built_once
def set_up(*, credits: int = 10_000, **terms: Any) -> Stage:
    """Set the stage."""
    owner = factories.person("Alice")
    organization = factories.organization(owner)
    program = factories.program(**terms)
    price(program, "report", pricing="fixed", credits=50)
    price(program, "chat", pricing="per_token", model="small", input_credits=3, output_credits=15)
    price(program, "query", pricing="range", min_credits=10, max_credits=50)
    price(program, "enrich", pricing="per_unit", credits=1)
    wallet = factories.wallet(organization, program, now=ALWAYS)
    if credits:
        give(wallet, credits)
    return Stage(owner, organization, program, wallet)


def price(program: Program, key: str, *, effective_at: datetime = ALWAYS, **terms: Any) -> Rate:
    """Give a feature a rate."""
    feature, _ = Feature.objects.get_or_create(program=program, key=key, defaults={"name": key.title()})
    return Rate.objects.create(feature=feature, effective_at=effective_at, **terms)
