"""What the ledger declares: changes of a balance, for people and servers, and two facts for the rooms above alone."""

from typing import Annotated

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Meta

from domain_events.declarations import Decimals, DomainEvent, NoticeDeclaration, Payload, Slug, Unit, Words
from domain_events.writer import Writer
from notices.kinds import Tone

# Of these only the newest applies.
SUPERSEDED = ("balance.low", "balance.depleted", "balance.restored")


class Balance(Payload, frozen=True, kw_only=True):
    """An organization's balance when it happened."""

    organization: Slug
    available: Annotated[int, Meta(description="What can be spent, in smallest units.")]
    reserved: Annotated[int, Meta(description="Set aside for work under way, in smallest units.")]
    threshold: Annotated[
        int | None, Meta(description="Below it the balance is low, in smallest units; null: none set.")
    ]
    ai_off_at_zero: Annotated[
        bool, Meta(description="Whether AI is turned off in all services when no credits are left.")
    ]
    unit: Unit
    decimals: Decimals

    @property
    def left(self) -> int:
        """What can be spent now or may come back from reservations, in smallest units."""
        return self.available + self.reserved


SAMPLE = Balance(
    organization="acme",
    available=480,
    reserved=20,
    threshold=500,
    ai_off_at_zero=False,
    unit="credits",
    decimals=0,
)


def low_words(balance: Balance, writer: Writer) -> Words:
    """The balance, and the threshold of the alert."""
    return Words(
        title=_("Your balance is low"),
        sentences=[
            _("Available now: %(available)s") % {"available": writer.credits(balance.available, balance)},
            _("Low-balance alert: below %(below)s") % {"below": writer.credits(balance.threshold or 0, balance)},
        ],
        link_text=_("Buy credits"),
        page="buy",
    )


def depleted_words(balance: Balance, _writer: Writer) -> Words:
    """What has stopped, and how it goes on."""
    if balance.ai_off_at_zero:
        sentence = _("AI was turned off in all services. After you buy credits, turn it back on for each service.")
    else:
        sentence = _("AI requests are declined until you add credits.")
    return Words(title=_("You're out of credits"), sentences=[sentence], link_text=_("Buy credits"), page="buy")


def restored_words(balance: Balance, writer: Writer) -> Words:
    """The balance, and what is still to be done."""
    return Words(
        title=_("Credits are available again"),
        sentences=[
            _("Available now: %(available)s") % {"available": writer.credits(balance.available, balance)},
            _("AI is still off. Turn it back on for each service.") if balance.ai_off_at_zero else "",
        ],
        link_text=_("Go to dashboard"),
        page="dashboard",
    )


LOW = DomainEvent(
    name="balance.low",
    payload=Balance,
    description="The available balance fell below the threshold. Sent once, until it rises above it again.",
    sample=SAMPLE,
    is_webhook=True,
    notice=NoticeDeclaration(
        label=gettext_lazy("Low balance"),
        words=low_words,
        supersedes=SUPERSEDED,
        # Where a balance falls through its threshold to its end, people get the notice of the end alone.
        applies=lambda balance: balance.left > 0,
    ),
)

DEPLETED = DomainEvent(
    name="balance.depleted",
    payload=Balance,
    description="No credits are left. Sent once, until there are credits again.",
    sample=SAMPLE,
    is_webhook=True,
    notice=NoticeDeclaration(
        label=gettext_lazy("Out of credits"),
        words=depleted_words,
        tone=Tone.DANGER,
        is_essential=True,
        supersedes=SUPERSEDED,
    ),
)

RESTORED = DomainEvent(
    name="balance.restored",
    payload=Balance,
    description="Credits are available again after there were none.",
    sample=SAMPLE,
    is_webhook=True,
    notice=NoticeDeclaration(
        label=gettext_lazy("Credits available again"),
        words=restored_words,
        tone=Tone.INFORMATION,
        supersedes=SUPERSEDED,
    ),
)


class WalletFact(Payload, frozen=True, kw_only=True):
    """Which wallet."""

    wallet_id: int


# For subscribers alone. Unlike `balance.depleted`, which waits for a top-up, it comes each time.
EMPTIED = DomainEvent(
    name="wallet.emptied",
    payload=WalletFact,
    description="The last credits left a wallet, or were missing from it, under a program that turns AI off at zero.",
    sample=WalletFact(wallet_id=1),
)

# For subscribers alone. A busy wallet that stays below costs nothing: only the fall is published.
FELL_BELOW_WATCH = DomainEvent(
    name="wallet.fell_below_watch",
    payload=WalletFact,
    description="What can be spent fell below the amount that auto-recharge has the ledger watch.",
    sample=WalletFact(wallet_id=1),
)

EVENTS = (LOW, DEPLETED, RESTORED, EMPTIED, FELL_BELOW_WATCH)
