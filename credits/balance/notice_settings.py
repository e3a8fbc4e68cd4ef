"""What owners set about notices, in one form and one transaction.

The threshold of the low-balance alert belongs to the ledger; which kinds appear where, to `notices.preferences`.
"""

from decimal import Decimal
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from credits import ledger
from credits.audit_actions import Action
from credits.fields import CreditsField
from credits.models import Program, Wallet
from notices import kinds, preferences
from notices.preferences import Way
from organizations import audit_events
from organizations.formats import format_credits_with_unit
from organizations.models import Organization, User


class NoticeSettingsForm(forms.Form):
    """The threshold (where there is a wallet), a way for each of the owners' kinds, and who gets the emails."""

    recipients = forms.MultipleChoiceField(
        label=gettext_lazy("Email recipients"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("If you choose nobody, all owners receive them."),
    )

    def __init__(self, data: Any = None, *, organization: Organization, wallet: Wallet | None) -> None:
        super().__init__(data, initial=_initial(organization, wallet))
        members = User.objects.filter(memberships__organization=organization, is_active=True).order_by("name", "email")
        self.people = {person.public_id: person for person in members}
        recipients = self.fields["recipients"]
        if isinstance(recipients, forms.ChoiceField):
            recipients.choices = [
                (public_id, f"{person.name} · {person.email}" if person.name else person.email)
                for public_id, person in self.people.items()
            ]
        if wallet is not None:
            self.fields["low_below"] = CreditsField(
                decimals=wallet.program.decimals,
                least=0,
                required=False,
                label=_("Low-balance alert below"),
                help_text=_in_words(wallet.program),
            )
        for kind in kinds.of_owners():
            self.fields[kind.name] = forms.ChoiceField(
                label=str(kind.label), choices=[(way.value, way.label) for way in preferences.ways_for(kind)]
            )
        self.order_fields(["low_below", *(kind.name for kind in kinds.of_owners()), "recipients"])

    def ways(self) -> dict[str, Way]:
        """Where each kind appears, by its name. The form must be valid."""
        return {kind.name: Way(self.cleaned_data[kind.name]) for kind in kinds.of_owners()}

    def chosen(self) -> list[User]:
        """Who gets the emails. The form must be valid."""
        return [self.people[public_id] for public_id in self.cleaned_data["recipients"]]


def save(form: NoticeSettingsForm, *, organization: Organization, wallet: Wallet | None, actor: User) -> bool:
    """Set what a valid form says; return whether that changed anything, which an audit event then records.

    Raises OrganizationClosedError.
    """
    with transaction.atomic():
        changes = preferences.change(organization=organization, ways=form.ways(), recipients=form.chosen())
        if wallet is not None:
            changes |= _set_threshold(wallet, form.cleaned_data["low_below"])
        if changes:
            audit_events.record(
                action=Action.NOTICE_SETTINGS_CHANGED,
                organization=organization,
                actor=actor,
                target=organization.slug,
                details=changes,
            )
    return bool(changes)


def _set_threshold(wallet: Wallet, below: int | None) -> dict[str, Any]:
    with ledger.open_book(keys=[(wallet.pk, "")]) as book:
        before = Wallet.objects.values_list("low_below", flat=True).get(pk=wallet.pk)
        if before == below:
            return {}
        ledger.set_low_balance(book, wallet_id=wallet.pk, below=below)
    return {"low_below": {"from": before, "to": below}}


def _initial(organization: Organization, wallet: Wallet | None) -> dict[str, Any]:
    initial: dict[str, Any] = {kind: way.value for kind, way in preferences.ways_of(organization).items()}
    initial["recipients"] = [person.public_id for person in preferences.recipients_of(organization)]
    if wallet is not None and wallet.low_below is not None:
        initial["low_below"] = Decimal(wallet.low_below).scaleb(-wallet.program.decimals)
    return initial


def _in_words(program: Program) -> str:
    """What to type, and what nothing means."""
    unit = program.get_unit_display()
    if program.low_balance is None:
        return _("In %(unit)s. Leave empty or enter 0 to turn the alert off.") % {"unit": unit}
    default = format_credits_with_unit(
        program.low_balance, decimals=program.decimals, unit=program.unit, language=get_language() or "en"
    )
    return _("In %(unit)s. Leave empty to use %(default)s, or enter 0 to turn the alert off.") % {
        "unit": unit,
        "default": default,
    }
