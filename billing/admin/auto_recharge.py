"""Auto-recharge, for staff: the organizations' settings, which can be paused and resumed, and the attempts."""

from django.contrib import admin
from django.utils.translation import get_language, gettext_lazy

from billing.models import AutoRecharge, PauseReason, RechargeAttempt
from billing.recharge import consent
from credits.admin.ledger_pages import SEARCHED
from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.formats import format_money
from organizations.models import User

PERMISSION = "billing.change_autorecharge"


def can_be_paused(row: AutoRecharge) -> bool:
    return row.pause_reason != PauseReason.STAFF


def pause(row: AutoRecharge, form: ActForm, actor: User) -> Done:
    """Pause it. The second time changes nothing."""
    changed = consent.pause(organization=row.organization, actor=actor, reason=form.cleaned_data["reason"])
    return Done(message=gettext_lazy("Auto-recharge is paused.") if changed else "")


def can_be_resumed(row: AutoRecharge) -> bool:
    return row.paused_at is not None or row.retry_at is not None


def resume(row: AutoRecharge, form: ActForm, actor: User) -> Done:
    """Resume it. The second time changes nothing."""
    changed = consent.resume(organization=row.organization, actor=actor, reason=form.cleaned_data["reason"])
    return Done(message=gettext_lazy("Auto-recharge is resumed.") if changed else "")


@admin.register(AutoRecharge)
class AutoRechargeAdmin(ReadOnlyAdmin):
    """Found by the organization and by the email address of a member."""

    list_display = ["organization", "is_on", "pack", "monthly_limit", "failures", "retry_at", "pause_reason"]
    list_filter = ["is_on", "pause_reason", "pack__program"]
    list_select_related = ["organization", "pack"]
    search_fields = SEARCHED
    ordering = ["organization__name"]
    fields = [
        "organization",
        "is_on",
        "pack",
        "threshold",
        "lot",
        "monthly_limit",
        "consented_by",
        "consented_at",
        "consent_text",
        "failures",
        "retry_at",
        "paused_at",
        "pause_reason",
    ]
    readonly_fields = ["lot", "monthly_limit"]
    row_acts = (
        Act(
            name="resume",
            label=gettext_lazy("Resume"),
            effect=gettext_lazy("Auto-recharge buys credits again when the balance falls below the threshold."),
            permission=PERMISSION,
            applies=can_be_resumed,
            run=resume,
        ),
        Act(
            name="pause",
            label=gettext_lazy("Pause"),
            effect=gettext_lazy("Auto-recharge buys nothing until staff resume it."),
            permission=PERMISSION,
            applies=can_be_paused,
            run=pause,
        ),
    )

    @admin.display(description=gettext_lazy("price per lot"))
    def lot(self, row: AutoRecharge) -> str:
        return format_money(row.lot_minor, currency=row.currency, language=get_language() or "en")

    @admin.display(description=gettext_lazy("monthly spending limit"), ordering="monthly_limit_minor")
    def monthly_limit(self, row: AutoRecharge) -> str:
        return format_money(row.monthly_limit_minor, currency=row.currency, language=get_language() or "en")


@admin.register(RechargeAttempt)
class RechargeAttemptAdmin(ReadOnlyAdmin):
    """Newest first. Found by the organization, the order's reference or its payment."""

    list_display = ["created_at", "organization", "purchase", "state", "amount", "error_code", "closed_at"]
    list_filter = ["state", "month_on"]
    list_select_related = ["organization", "purchase"]
    search_fields = [*SEARCHED, "=purchase__reference", "=purchase__stripe_payment_intent_id"]
    ordering = ["-created_at"]
    fields = [
        "organization",
        "purchase",
        "state",
        "amount",
        "month_on",
        "payment_method",
        "error_code",
        "error_message",
        "created_at",
        "closed_at",
    ]
    readonly_fields = ["amount"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, attempt: RechargeAttempt) -> str:
        return format_money(attempt.amount_minor, currency=attempt.purchase.currency, language=get_language() or "en")
