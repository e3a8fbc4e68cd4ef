"""The owners' pages of auto-recharge: its state, a preview of a rule, consent, restart, off, paying in person.

Consent and payments are decided in `billing.recharge`.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import tasks
from billing.models import RechargeAttempt
from billing.purchases.orders import begin_checkout
from billing.recharge import consent as rules
from billing.recharge import in_person
from billing.recharge.forms import RuleForm, initial_of
from billing.recharge.preview import preview
from billing.recharge.queries import status_of
from billing.recharge.rules import Rule, RuleRefused, consent_text, default_method, make_rule, offered, terms_with_offer
from billing.views.error_messages import STRIPE_ERRORS, sentence_for
from credits.models import Wallet
from jobs.nudges import nudge_after_commit
from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from organizations.refusals import Refusal


@require_safe
@owner_required
def auto_recharge(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the state of auto-recharge, and the form of its rule."""
    return _page(request, organization)


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def auto_recharge_review(request: MemberRequest, organization: Organization) -> HttpResponse:
    """GET: show a preview of the rule and the text to agree to. POST: agree to it."""
    form = _form(organization, request.POST if request.method == "POST" else request.GET)
    if form is None:
        return _page(request, organization, status=409)
    if not form.is_valid():
        return _page(request, organization, form=form, status=422)
    chosen = form.cleaned_data
    try:
        rule = make_rule(
            organization,
            pack_key=chosen["pack"],
            threshold=chosen["threshold"],
            monthly_limit_minor=chosen["monthly_limit"],
        )
        if request.method == "POST":
            return _agree(request, organization, rule)
    except RuleRefused as refusal:
        form.add_error(refusal.field, str(refusal))
        return _page(request, organization, form=form, status=422)
    except Refusal as refusal:
        return _review(request, organization, form, rule, refusal=str(refusal), status=409)
    return _review(request, organization, form, rule)


@require_POST
@owner_required
def auto_recharge_off(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Turn it off. A second click changes nothing."""
    rules.turn_off(organization=organization, actor=request.user)
    messages.success(request, _("Auto-recharge turned off."))
    return redirect("auto_recharge", organization.slug)


@require_POST
@owner_required
def auto_recharge_restart(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Restart it after failures."""
    try:
        rules.restart(organization=organization, actor=request.user)
    except Refusal as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    _hurry(organization)
    messages.success(request, _("Auto-recharge resumed."))
    return redirect("auto_recharge", organization.slug)


@require_POST
@owner_required
def auto_recharge_pay(request: MemberRequest, organization: Organization, attempt: UUID) -> HttpResponse:
    """Redirect to Stripe's page to pay in person for a failed attempt. A double click leads to the same page."""
    found = get_object_or_404(
        RechargeAttempt.objects.select_related("purchase__pack"), organization=organization, pk=attempt
    )
    try:
        purchase = in_person.order(found, buyer=request.user)
        return redirect(begin_checkout(purchase))
    except Refusal as refusal:
        return _page(request, organization, refusal=str(refusal), status=409)
    except STRIPE_ERRORS as error:
        sentence, status = sentence_for(error)
        return _page(request, organization, refusal=sentence, status=status)


def _agree(request: MemberRequest, organization: Organization, rule: Rule) -> HttpResponse:
    rules.turn_on(organization=organization, rule=rule, shown=request.POST.get("shown", ""), actor=request.user)
    _hurry(organization)
    messages.success(request, _("Auto-recharge turned on."))
    return redirect("auto_recharge", organization.slug)


def _hurry(organization: Organization) -> None:
    nudge_after_commit(tasks.recharge_wallet, organization.wallet.pk)


def _form(organization: Organization, data: Any = None) -> RuleForm | None:
    """The form of the rule; None where the program doesn't offer auto-recharge."""
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    terms, prices = terms_with_offer(organization), offered(organization)
    if wallet is None or terms is None or not prices:
        return None
    row = rules.rule_row(organization)
    initial = initial_of(row, terms, wallet.program, prices[0].currency)
    return RuleForm(data, program=wallet.program, prices=prices, initial=initial)


def _review(
    request: MemberRequest,
    organization: Organization,
    form: RuleForm,
    rule: Rule,
    *,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    wallet = Wallet.objects.select_related("program", "organization").get(organization=organization)
    text = consent_text(organization, rule)
    context = {
        "organization": organization,
        "form": form,
        "rule": rule,
        "preview": preview(wallet, rule, now=timezone.now()),
        "method": default_method(organization),
        "consent": text,
        "shown": rules.digest(text),
        "refusal": refusal,
    }
    return render(request, "billing/auto_recharge/review.html", context, status=status)


def _page(
    request: MemberRequest,
    organization: Organization,
    *,
    form: RuleForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    wallet = Wallet.objects.select_related("program").filter(organization=organization).first()
    context = {
        "organization": organization,
        "program": wallet.program if wallet is not None else None,
        "form": form or _form(organization),
        "status": status_of(organization, now=timezone.now()),
        "method": default_method(organization),
        "refusal": refusal,
    }
    return render(request, "billing/auto_recharge/auto_recharge.html", context, status=status)
