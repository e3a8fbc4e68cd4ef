"""The page on which staff refund a purchase: it shows the refund's effect first, then refunds once.

If the effect has changed by the time it is confirmed, the new effect is shown instead.
"""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Purchase, Refund, RefundMode, RefundRequest, RefundState, RequestState
from billing.refunds import refunding, requests
from credits.admin.ledger_pages import with_unit
from organizations.admin.acts import act_page
from organizations.admin.forms import ActForm
from organizations.formats import currency_decimals
from organizations.models import User
from organizations.refusals import Refusal

REFUND = "billing.change_refund"


class RefundForm(ActForm):
    """How much, which way, and the reason."""

    amount = forms.DecimalField(label=gettext_lazy("Amount"), max_digits=15)
    mode = forms.ChoiceField(
        label=gettext_lazy("Refund"),
        choices=RefundMode.choices,
        initial=RefundMode.UNSPENT,
        widget=forms.RadioSelect,
    )

    field_order = ["amount", "mode", "reason", "token"]

    def __init__(self, data: Any, *, purchase: Purchase, unspent_minor: int) -> None:
        self.decimals = currency_decimals(purchase.currency)
        super().__init__(data, initial={"amount": Decimal(unspent_minor).scaleb(-self.decimals)})
        self.fields["amount"].help_text = purchase.currency

    def clean_amount(self) -> int:
        """Return the amount in minor units. More decimals than the currency has are refused, not rounded."""
        minor = self.cleaned_data["amount"].scaleb(self.decimals)
        if minor != int(minor) or minor <= 0:
            raise ValidationError(
                _("Enter an amount above zero that can be paid in %(currency)s.")
                % {"currency": self.fields["amount"].help_text}
            )
        return int(minor)

    @property
    def choice(self) -> refunding.RefundChoice:
        """What is asked for. The form must be valid."""
        data = self.cleaned_data
        return refunding.RefundChoice(amount_minor=data["amount"], mode=RefundMode(data["mode"]), reason=data["reason"])


class FindForm(forms.Form):
    """The reference of a purchase, in any case."""

    reference = forms.CharField(label=gettext_lazy("Reference"), max_length=20)

    def clean_reference(self) -> str:
        """Return the reference as the row has it."""
        asked: str = self.cleaned_data["reference"].strip().upper()
        if not Purchase.objects.filter(reference=asked).exists():
            raise ValidationError(_("There is no purchase with this reference."))
        return asked


class RefundPage:
    """The views of the page, for the admin of refunds."""

    opts: Any

    def find(self, request: HttpRequest) -> HttpResponse:
        """Ask for a purchase's reference, and go to its page."""
        if not request.user.has_perm(REFUND):
            raise PermissionDenied
        form = FindForm(request.GET if "reference" in request.GET else None)
        if form.is_valid():
            return redirect("admin:billing_refund_of", form.cleaned_data["reference"])
        shown = {"title": _("Refund a purchase"), "method": "get", "submit": _("Continue")}
        return act_page(request, opts=self.opts, form=form, back=reverse("admin:billing_refund_changelist"), **shown)

    def refund(self, request: HttpRequest, reference: str) -> HttpResponse:
        """By GET the purchase's position; by POST the effect of a refund and, once confirmed, the refund."""
        if not request.user.has_perm(REFUND):
            raise PermissionDenied
        purchase = get_object_or_404(
            Purchase.objects.select_related("organization__wallet__program", "grant"), reference=reference
        )
        if purchase.grant_id is None or purchase.amount_minor == 0:
            return self._page(request, purchase, None, refusal=_("Nothing was paid for this purchase."))
        stands = refunding.position_of(purchase)
        data = request.POST if request.method == "POST" else None
        form = RefundForm(data, purchase=purchase, unspent_minor=stands.unspent_minor)
        if not form.is_valid():
            return self._page(request, purchase, form)
        done = Refund.objects.filter(pk=form.cleaned_data["token"]).first()
        if done is not None:
            return redirect("admin:billing_refund_change", done.pk)
        return self._rehearse_or_do(request, purchase, form)

    def _rehearse_or_do(self, request: HttpRequest, purchase: Purchase, form: RefundForm) -> HttpResponse:
        try:
            effect = refunding.preview(purchase, form.choice)
            if request.POST.get("shown") != shown(form.choice, effect):
                return self._page(request, purchase, form, effect=effect)
            return self._refund(request, purchase, form.choice, form.cleaned_data["token"])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self._page(request, purchase, form)

    def _refund(
        self, request: HttpRequest, purchase: Purchase, choice: refunding.RefundChoice, token: UUID
    ) -> HttpResponse:
        actor = cast("User", request.user)
        made = refunding.refund(purchase, choice, refund_id=token, actor=actor)
        if made.state in {RefundState.PENDING, RefundState.SUCCEEDED}:
            requests.grant(made, actor=actor)
        went_through = made.state not in {RefundState.FAILED, RefundState.UNKNOWN}
        messages.add_message(request, messages.SUCCESS if went_through else messages.WARNING, sentence(made))
        return redirect("admin:billing_refund_change", made.pk)

    def _page(
        self,
        request: HttpRequest,
        purchase: Purchase,
        form: RefundForm | None,
        *,
        effect: refunding.Effect | None = None,
        refusal: str = "",
    ) -> HttpResponse:
        tables = [] if form is None else [(_("Position"), facts(purchase))]
        hidden: list[tuple[str, str]] = []
        if form is not None and effect is not None:
            tables.append((_("Effect of this refund"), what_it_does(purchase, form.choice, effect)))
            hidden.append(("shown", shown(form.choice, effect)))
        page = {
            "title": _("Refund %(reference)s") % {"reference": purchase.reference},
            "organization": purchase.organization,
            "errors": [refusal] if refusal else _refusals(purchase),
            "notes": _notes(purchase),
            "tables": tables,
            "hidden": hidden,
            "submit": _("Refund as shown") if hidden else _("Preview"),
        }
        return act_page(request, opts=self.opts, form=form, back=reverse("admin:billing_refund_changelist"), **page)


def _refusals(purchase: Purchase) -> list[str]:
    """Why the purchase can't be refunded at all."""
    if refunding.is_allowed(purchase):
        return []
    return [_("The organization's program doesn't refund purchases, so a refund isn't possible.")]


def _notes(purchase: Purchase) -> list[str]:
    """What staff should know before they refund the purchase."""
    asked = RefundRequest.objects.filter(purchase=purchase, state=RequestState.OPEN).select_related("requested_by")
    notes = [
        _("%(person)s requested a refund: %(message)s") % {"person": each.requested_by, "message": each.message}
        for each in asked
    ]
    notes.append(
        _(
            "Credits are voided in proportion to the money, added up over all refunds and rounded up to the smallest"
            " unit. Expired credits don't become debt."
        )
    )
    if refunding.is_by_hand(purchase):
        notes.append(_("This was not paid through Stripe. Pay the money back by hand."))
    return notes


def facts(purchase: Purchase) -> list[tuple[str, str]]:
    """How the purchase stands: label and value."""
    stands = refunding.position_of(purchase)
    program = purchase.organization.wallet.program
    return [
        (_("Paid"), requests.money(stands.paid_minor, purchase)),
        (_("Refunded or lost so far"), requests.money(stands.reversed_minor, purchase)),
        (_("Can still be refunded"), requests.money(stands.refundable_minor, purchase)),
        (_("Value of the credits left"), requests.money(stands.unspent_minor, purchase)),
        (_("Credits bought"), with_unit(stands.credits, program)),
        (_("Left"), with_unit(stands.left, program)),
        (_("Reserved"), with_unit(stands.reserved, program)),
        (_("Spent"), with_unit(stands.spent, program)),
        (_("Expired"), with_unit(stands.expired, program)),
        (_("Voided so far"), with_unit(stands.voided, program)),
    ]


def what_it_does(purchase: Purchase, choice: refunding.RefundChoice, effect: refunding.Effect) -> list[tuple[str, str]]:
    """What the refund would do: label and value."""
    program = purchase.organization.wallet.program
    return [
        (_("Money back"), requests.money(choice.amount_minor, purchase)),
        (_("Credits voided"), with_unit(effect.taken, program)),
        (_("Becomes debt"), with_unit(effect.owed, program)),
        (_("Left of the grant afterwards"), with_unit(effect.after.left, program)),
        (_("Balance now"), with_unit(effect.balance_before, program)),
        (_("Balance afterwards"), with_unit(effect.balance_after, program)),
        (_("Debt afterwards"), with_unit(effect.debt_after, program)),
    ]


def shown(choice: refunding.RefundChoice, effect: refunding.Effect) -> str:
    """The effect in a word, to see whether what is confirmed is what was shown."""
    return f"{choice.amount_minor}:{choice.mode}:{effect.taken}:{effect.owed}:{effect.balance_after}"


def sentence(made: Refund) -> str:
    """The outcome of the refund, for staff."""
    amount = requests.money(made.amount_minor, made.purchase)
    if made.state == RefundState.UNKNOWN:
        return _("Stripe did not answer. Drawdown checks whether %(amount)s was refunded.") % {"amount": amount}
    if made.state == RefundState.FAILED:
        return _("Stripe refused the refund of %(amount)s. The credits are returned.") % {"amount": amount}
    if refunding.is_by_hand(made.purchase):
        return _("The credits are voided. Pay %(amount)s back by hand, then confirm it here.") % {"amount": amount}
    return _("%(amount)s is refunded.") % {"amount": amount}
