"""What auto-recharge declares: that it stopped, with the words of its notice."""

from typing import Annotated

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Meta

from domain_events.declarations import DomainEvent, NoticeDeclaration, Payload, Slug, Words
from domain_events.writer import Writer
from notices.kinds import Tone


class RechargeFailed(Payload, frozen=True, kw_only=True):
    """The charge whose failure stopped auto-recharge."""

    organization: Slug
    needs_person: Annotated[bool, Meta(description="Whether the bank needs the customer to confirm the payment.")]
    amount_minor: Annotated[int, Meta(description="What was to be charged, in the currency's minor unit.")]
    currency: Annotated[str, Meta(description="ISO 4217.")]
    reason: Annotated[str, Meta(description="What the bank or Stripe said; may be empty.")]


def words(failed: RechargeFailed, writer: Writer) -> Words:
    """What could not be charged, why, and how it goes on."""
    amount = {"amount": writer.money(failed.amount_minor, failed.currency)}
    if failed.needs_person:
        what = _("We couldn't charge %(amount)s. Your bank needs you to confirm the payment.") % amount
    else:
        what = _("We couldn't charge %(amount)s.") % amount
    reason = writer.line(failed.reason)
    return Words(
        title=_("Auto-recharge stopped"),
        sentences=[
            what,
            _("Reason: %(reason)s") % {"reason": reason} if reason else "",
            _("Auto-recharge stays off until you complete the payment or turn it back on."),
        ],
        link_text=_("Go to auto-recharge"),
        page="auto_recharge",
    )


RECHARGE_FAILED = DomainEvent(
    name="recharge.failed",
    payload=RechargeFailed,
    description="Auto-recharge could not charge the payment method and stopped.",
    sample=RechargeFailed(
        organization="acme",
        needs_person=False,
        amount_minor=10_000,
        currency="JPY",
        reason="Your card was declined.",
    ),
    notice=NoticeDeclaration(
        label=gettext_lazy("Auto-recharge stopped"),
        words=words,
        tone=Tone.DANGER,
        is_essential=True,
    ),
)
