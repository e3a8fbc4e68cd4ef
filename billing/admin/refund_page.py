"""The page on which staff refund a purchase: how it stands, what the refund would do, and then doing it, once.

What a refund would do is shown before it can be done; if that has changed when it is confirmed, it is shown anew.
"""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Purchase, Refund, RefundMode, RefundRequest, RefundState, RequestState
from billing.refunds import refunding, requests
from credits.admin.ledger_pages import with_unit
from organizations.formats import currency_decimals
from organizations.models import User
from organizations.refusals import Refusal

REFUND = "billing.change_refund"


class RefundForm(forms.Form):
    """How much, which way, why. `shown` is what the page said it would do; the token makes it happen once."""

    amount = forms.DecimalField(label=gettext_lazy("Amount"), max_digits=15)
    mode = forms.ChoiceField(
        label=gettext_lazy("Refund"),
        choices=RefundMode.choices,
        initial=RefundMode.UNSPENT,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, help_text=gettext_lazy("Kept in the audit events.")
    )
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def __init__(self, data: Any, *, purchase: Purchase, unspent_minor: int) -> None:
        self.decimals = currency_decimals(purchase.currency)
        super().__init__(data, initial={"amount": Decimal(unspent_minor).scaleb(-self.decimals)})
        self.fields["amount"].help_text = purchase.currency

    def clean_amount(self) -> int:
        """The amount in minor units; more decimals than the currency has are refused, not rounded."""
        minor = self.cleaned_data["amount"].scaleb(self.decimals)
        if minor != int(minor) or minor <= 0:
            raise ValidationError(
                _("Enter an amount above zero that can be paid in %(currency)s.")
                % {"currency": self.fields["amount"].help_text}
            )
        return int(minor)

    @property
    def wish(self) -> refunding.Wish:
        """What is asked for. The form must be valid."""
        data = self.cleaned_data
        return refunding.Wish(amount_minor=data["amount"], mode=RefundMode(data["mode"]), reason=data["reason"])


class FindForm(forms.Form):
    """The reference of a purchase, as it is read over the phone."""

    reference = forms.CharField(label=gettext_lazy("Reference"), max_length=20)

    def clean_reference(self) -> str:
        """The reference as it is written in the row."""
        asked: str = self.cleaned_data["reference"].strip().upper()
        if not Purchase.objects.filter(reference=asked).exists():
            raise ValidationError(_("There is no purchase with this reference."))
        return asked


class RefundPage:
    """The views, for the admin of refunds."""

    admin_site: Any
    opts: Any

    def find(self, request: HttpRequest) -> HttpResponse:
        """Ask for a purchase's reference, and go to its page."""
        if not request.user.has_perm(REFUND):
            raise PermissionDenied
        form = FindForm(request.GET if "reference" in request.GET else None)
        if form.is_valid():
            return redirect("admin:billing_refund_of", form.cleaned_data["reference"])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Refund a purchase"),
            "form": form,
        }
        status = 422 if form.is_bound else 200
        return TemplateResponse(request, "billing/admin/find_purchase.html", context, status=status)

    def refund(self, request: HttpRequest, reference: str) -> HttpResponse:
        """By GET how the purchase stands; by POST what a refund would do, and, confirmed, the refund."""
        if not request.user.has_perm(REFUND):
            raise PermissionDenied
        purchase = get_object_or_404(
            Purchase.objects.select_related("organization__wallet__program", "grant"), reference=reference
        )
        if purchase.grant_id is None or purchase.amount_minor == 0:
            return self._page(request, purchase, None, refusal=_("Nothing was paid for this purchase."))
        stands = refunding.look(purchase)
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
            effect = refunding.rehearse(purchase, form.wish)
            if request.POST.get("shown") != shown(form.wish, effect):
                return self._page(request, purchase, form, effect=effect)
            return self._do(request, purchase, form.wish, form.cleaned_data["token"])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self._page(request, purchase, form)

    def _do(self, request: HttpRequest, purchase: Purchase, wish: refunding.Wish, token: UUID) -> HttpResponse:
        actor = cast("User", request.user)
        made = refunding.refund(purchase, wish, refund_id=token, actor=actor)
        if made.state in {RefundState.PENDING, RefundState.SUCCEEDED}:
            requests.grant(made, actor=actor)
        tell = messages.warning if made.state in {RefundState.FAILED, RefundState.UNKNOWN} else messages.success
        tell(request, sentence(made))
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
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Refund %(reference)s") % {"reference": purchase.reference},
            "purchase": purchase,
            "form": form,
            "facts": facts(purchase) if form is not None else [],
            "effect": what_it_does(purchase, form.wish, effect) if effect is not None and form is not None else [],
            "shown": shown(form.wish, effect) if effect is not None and form is not None else "",
            "refusal": refusal,
            "is_refused": not refunding.is_allowed(purchase),
            "is_by_hand": refunding.is_by_hand(purchase),
            "requests": RefundRequest.objects.filter(purchase=purchase, state=RequestState.OPEN),
        }
        is_wrong = form is not None and form.is_bound and effect is None
        return TemplateResponse(request, "billing/admin/refund.html", context, status=422 if is_wrong else 200)


def facts(purchase: Purchase) -> list[tuple[str, str]]:
    """How the purchase stands: label and value."""
    stands = refunding.look(purchase)
    program = purchase.organization.wallet.program
    return [
        (_("Paid"), requests.money(stands.paid_minor, purchase)),
        (_("Refunded or lost so far"), requests.money(stands.reversed_minor, purchase)),
        (_("Can still be refunded"), requests.money(stands.refundable_minor, purchase)),
        (_("Worth of what is left"), requests.money(stands.unspent_minor, purchase)),
        (_("Credits bought"), with_unit(stands.credits, program)),
        (_("Left"), with_unit(stands.left, program)),
        (_("Reserved"), with_unit(stands.reserved, program)),
        (_("Spent"), with_unit(stands.spent, program)),
        (_("Expired"), with_unit(stands.expired, program)),
        (_("Taken back so far"), with_unit(stands.voided, program)),
    ]


def what_it_does(purchase: Purchase, wish: refunding.Wish, effect: refunding.Effect) -> list[tuple[str, str]]:
    """What the refund would do: label and value."""
    program = purchase.organization.wallet.program
    return [
        (_("Money back"), requests.money(wish.amount_minor, purchase)),
        (_("Credits taken from the grant"), with_unit(effect.taken, program)),
        (_("Becomes debt"), with_unit(effect.owed, program)),
        (_("Left of the grant after"), with_unit(effect.after.left, program)),
        (_("Balance now"), with_unit(effect.balance_before, program)),
        (_("Balance after"), with_unit(effect.balance_after, program)),
        (_("Debt after"), with_unit(effect.debt_after, program)),
    ]


def shown(wish: refunding.Wish, effect: refunding.Effect) -> str:
    """The effect in a word, to see whether what is confirmed is what was shown."""
    return f"{wish.amount_minor}:{wish.mode}:{effect.taken}:{effect.owed}:{effect.balance_after}"


def sentence(made: Refund) -> str:
    """What became of the refund, for staff."""
    amount = requests.money(made.amount_minor, made.purchase)
    if made.state == RefundState.UNKNOWN:
        return _("Stripe did not answer. Whether %(amount)s went back is being found out.") % {"amount": amount}
    if made.state == RefundState.FAILED:
        return _("Stripe refused the refund of %(amount)s; the credits are back.") % {"amount": amount}
    if refunding.is_by_hand(made.purchase):
        return _("The credits are taken. Pay %(amount)s back by hand, then say so here.") % {"amount": amount}
    return _("%(amount)s is refunded.") % {"amount": amount}
